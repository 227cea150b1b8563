//! Numbers, counts, shares, durations and times in words. Everything that people read has them from here: the terminal,
//! explanations, pages and PDF. Files and JSON have every digit, and are not written with these functions.

use std::fmt::Display;

use jiff::Timestamp;

use crate::proto::{FeatureColumn, FeatureKind};

/// A non-negative whole number with thousands separators: `1,234,567`.
pub fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count with its noun: `1 row`, `5,000 rows`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// `1 row`, `5,000 rows`.
pub fn rows(number: u64) -> String {
    counted(number, "row", "rows")
}

/// A measured number: four significant digits without trailing zeros, whole numbers below 1e15 in full.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    let size = value.abs();
    let unsigned = if size.is_infinite() {
        "∞".to_owned()
    } else if size == 0.0 {
        "0".to_owned()
    } else if !(1e-4..1e15).contains(&size) {
        format!("{size:.2e}")
    } else if size.fract() == 0.0 {
        grouped(format!("{size:.0}"))
    } else {
        fraction(size)
    };
    if value < 0.0 { format!("-{unsigned}") } else { unsigned }
}

/// Four significant digits of a positive number that is not whole.
fn fraction(size: f64) -> String {
    let places = [1000.0, 100.0, 10.0, 1.0, 0.1, 0.01, 0.001]
        .iter()
        .position(|&from| size >= from)
        .unwrap_or(7);
    let fixed = format!("{size:.places$}");
    let (whole, rest) = fixed.split_once('.').unwrap_or((&fixed, ""));
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { grouped(whole) } else { format!("{}.{rest}", grouped(whole)) }
}

/// A ratio of at least 0: `4.5 times`, `150 times`, `over 1,000 times`.
pub fn times(ratio: f64) -> String {
    let whole = ratio.round();
    if !ratio.is_finite() || whole > 1000.0 {
        return "over 1,000 times".to_owned();
    }
    if ratio >= 9.95 {
        return format!("{} times", grouped(format!("{whole:.0}")));
    }
    let fixed = format!("{ratio:.1}");
    format!("{} times", fixed.strip_suffix(".0").unwrap_or(&fixed))
}

/// A share (0..1) in percent with one decimal. It is 0 % or 100 % only if it is exactly that.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if share.is_nan() {
        "–".to_owned()
    } else if percent <= 0.0 {
        "0 %".to_owned()
    } else if percent < 0.1 {
        "under 0.1 %".to_owned()
    } else if percent < 100.0 && percent > 99.9 {
        "over 99.9 %".to_owned()
    } else if percent > 1000.0 {
        format!("{} %", number(percent))
    } else {
        let fixed = format!("{percent:.1}");
        format!("{} %", fixed.strip_suffix(".0").unwrap_or(&fixed))
    }
}

/// The share of `part` in `all` in percent; `–` of nothing.
pub fn share(part: u64, all: u64) -> String {
    if all == 0 { "–".to_owned() } else { percent(part as f64 / all as f64) }
}

/// The place of a score among `rows`, from the share (0..1) of rows that score lower: `the highest score`, `third of 500`,
/// `above 99.9 % of the rows`.
pub fn rank(lower: f64, rows: u64) -> String {
    let above = (rows as f64 * (1.0 - lower)).round();
    if !lower.is_finite() || rows == 0 {
        return "–".to_owned();
    }
    if above <= 1.0 {
        return "the highest score".to_owned();
    }
    if rows < 1000 {
        return format!("{} of {rows}", ordinal(above.min(rows as f64)));
    }
    // Rounded down, so that it never claims more rows than there are.
    let percent = (lower * 1000.0 + 1e-9).floor() / 10.0;
    let fixed = format!("{percent:.1}");
    format!("above {} % of the rows", fixed.strip_suffix(".0").unwrap_or(&fixed))
}

/// `first`, `second`, …, `tenth`, `11th`, `22nd`.
fn ordinal(place: f64) -> String {
    const FIRST: [&str; 10] = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
        "tenth",
    ];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 1,000")]
    let place = place as usize;
    if let Some(word) = place.checked_sub(1).and_then(|index| FIRST.get(index)) {
        return (*word).to_owned();
    }
    let end = match (place % 10, place % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{place}{end}")
}

/// Bytes in units of 1,000: `512 B`, `2.27 MB`, `227 kB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    let places = if size < 9.995 { 2 } else { usize::from(size < 99.95) };
    let fixed = format!("{size:.places$}");
    let fixed = if places > 0 { fixed.trim_end_matches('0').trim_end_matches('.') } else { &fixed };
    format!("{fixed} {}", UNITS[unit])
}

/// A duration in two units at most: `250 ms`, `2.5 s`, `3 min 29 s`, `1 h`, `2 d 4 h`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    if seconds == 0.0 {
        return "0 s".to_owned();
    }
    if seconds < 0.9995 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 9.95 {
        let fixed = format!("{seconds:.1}");
        return format!("{} s", fixed.strip_suffix(".0").unwrap_or(&fixed));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 10 to 1e12")]
    let whole = seconds.round().min(1e12) as u64;
    let minutes = (whole + 30) / 60;
    let hours = (whole + 1800) / 3600;
    if whole < 60 {
        format!("{whole} s")
    } else if whole < 3600 {
        two_units(whole / 60, "min", whole % 60, "s")
    } else if minutes < 24 * 60 {
        two_units(minutes / 60, "h", minutes % 60, "min")
    } else {
        two_units(hours / 24, "d", hours % 24, "h")
    }
}

fn two_units(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    let large = format!("{} {large_unit}", grouped(large));
    if small == 0 { large } else { format!("{large} {small} {small_unit}") }
}

/// A duration in one unit: `3 min`, `10 min`, `2 d`; as [`duration`] below a minute.
pub fn about(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 60.0 {
        return duration(seconds);
    }
    let seconds = seconds.min(1e12);
    let (size, unit) = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min")]
        .into_iter()
        .find(|(size, _)| seconds >= *size)
        .unwrap_or((60.0, "min"));
    format!("{} {unit}", grouped(format!("{:.0}", (seconds / size).round())))
}

/// A time in UTC to the minute: `2 Mar 2026, 16:57 UTC`. `micros`: microseconds since the epoch.
pub fn time(micros: i64) -> String {
    formatted(micros, "%-d %b %Y, %H:%M UTC")
}

/// The time of day in UTC to the minute: `16:57`.
pub fn clock(micros: i64) -> String {
    formatted(micros, "%H:%M")
}

/// A day without its year, in UTC: `2 Mar`.
pub fn day(micros: i64) -> String {
    formatted(micros, "%-d %b")
}

/// From the first to the last time in UTC, the day once where it is one: `2 Mar 2026 00:00–23:59 UTC`.
pub fn span(first: i64, last: i64) -> String {
    let start = formatted(first, "%-d %b %Y %H:%M");
    if formatted(first, "%F") == formatted(last, "%F") {
        format!("{start}–{} UTC", clock(last))
    } else {
        format!("{start} – {} UTC", formatted(last, "%-d %b %Y %H:%M"))
    }
}

fn formatted(micros: i64, format: &str) -> String {
    let time = Timestamp::from_microsecond(micros);
    time.map_or_else(|_| "–".to_owned(), |time| time.strftime(format).to_string())
}

/// At most `limit` characters, the middle replaced by an ellipsis: the end of a host name says most.
pub fn shortened(text: &str, limit: usize) -> String {
    let length = text.chars().count();
    if length <= limit {
        return text.to_owned();
    }
    let tail = limit.saturating_sub(1) * 3 / 5;
    let head = limit.saturating_sub(1).saturating_sub(tail);
    text.chars().take(head).chain(['…']).chain(text.chars().skip(length - tail)).collect()
}

/// A value of a feature: the text of a number that stands for something else, a number as [`number`], any other text as
/// it is.
pub fn feature(column: &FeatureColumn, text: &str) -> String {
    if column.kind() != FeatureKind::Numeric {
        return text.to_owned();
    }
    let Ok(value) = text.parse::<f64>() else { return text.to_owned() };
    match column.named.iter().find(|named| named.number == value) {
        Some(named) => named.text.clone(),
        None => number(value),
    }
}

/// Names in a sentence: `a, b and c`.
pub fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A template with values for its names in braces; none where one of them has no value. A part in square brackets with
/// such a name is left out instead: `{count} calls[ every {interval}]`.
pub fn filled(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('[') {
        let Some((part, behind)) = after.split_once(']').filter(|(part, _)| part.contains('{'))
        else {
            break;
        };
        fill(&mut text, before, &value)?;
        let length = text.len();
        if fill(&mut text, part, &value).is_none() {
            text.truncate(length);
        }
        rest = behind;
    }
    fill(&mut text, rest, &value)?;
    Some(text)
}

fn fill(text: &mut String, template: &str, value: impl Fn(&str) -> Option<String>) -> Option<()> {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}')?;
        text.push_str(before);
        text.push_str(&value(name)?);
        rest = behind;
    }
    text.push_str(rest);
    Some(())
}

/// The names in braces of a template, in order.
pub fn names_in(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::NamedNumber;

    fn check<T: Copy + std::fmt::Debug>(write: impl Fn(T) -> String, table: &[(T, &str)]) {
        for (value, text) in table {
            assert_eq!(write(*value), *text, "{value:?}");
        }
    }

    #[test]
    fn templates_are_filled_with_values() {
        let value = |name: &str| (name == "n").then(|| "21 {x}".to_owned());
        let cases = [
            ("", Some("")),
            ("{n} names", Some("21 {x} names")),
            ("{n} names[ in {window}]", Some("21 {x} names")),
            ("{n}[ of {n}] [now]", Some("21 {x} of 21 {x} [now]")),
            ("[{window}] [", Some(" [")),
            ("{window} {n}", None),
            ("{n", None),
        ];
        for (template, text) in cases {
            assert_eq!(filled(template, value).as_deref(), text, "{template}");
        }
        assert_eq!(names_in("{a}[ {b}] {c").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn counts_have_separators_and_agree_with_their_noun() {
        check(grouped, &[(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")]);
        check(rows, &[(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (5000, "5,000 rows")]);
    }

    #[test]
    fn numbers_have_four_significant_digits() {
        check(
            number,
            &[
                (0.0, "0"),
                (-0.0, "0"),
                (5.933_323_166_179_639, "5.933"),
                (1234.5, "1,234"),
                (99_999.9, "100,000"),
                (12.3456, "12.35"),
                (0.123_456, "0.1235"),
                (0.001_234_5, "0.001234"),
                (-2.5, "-2.5"),
                (2.0, "2"),
                (5_000_000.0, "5,000,000"),
                (1e-9, "1.00e-9"),
                (1e20, "1.00e20"),
                (-1.5e300, "-1.50e300"),
                (f64::NAN, "not a number"),
                (f64::NEG_INFINITY, "-∞"),
            ],
        );
    }

    #[test]
    fn ratios_have_two_significant_digits() {
        check(
            times,
            &[
                (2.0, "2 times"),
                (3.849, "3.8 times"),
                (4.46, "4.5 times"),
                (9.96, "10 times"),
                (149.7, "150 times"),
                (1000.0, "1,000 times"),
                (10499.0, "over 1,000 times"),
                (f64::INFINITY, "over 1,000 times"),
            ],
        );
    }

    #[test]
    fn shares_are_rounded_to_an_end_only_if_exact() {
        check(
            percent,
            &[
                (0.0, "0 %"),
                (0.000_01, "under 0.1 %"),
                (0.123, "12.3 %"),
                (0.5, "50 %"),
                (0.9999, "over 99.9 %"),
                (1.0, "100 %"),
                (f64::NAN, "–"),
            ],
        );
        assert_eq!(share(1, 0), "–");
        assert_eq!(share(13, 5000), "0.3 %");
    }

    #[test]
    fn ranks_never_claim_more_rows_than_there_are() {
        assert_eq!(rank(1.0, 5000), "the highest score");
        assert_eq!(rank(0.9998, 5000), "the highest score");
        assert_eq!(rank(0.999, 5000), "above 99.9 % of the rows");
        assert_eq!(rank(0.95, 5000), "above 95 % of the rows");
        assert_eq!(rank(0.994, 500), "third of 500");
        assert_eq!(rank(0.956, 500), "22nd of 500");
        assert_eq!(rank(0.0, 12), "12th of 12");
        assert_eq!(rank(f64::NAN, 12), "–");
        assert_eq!(rank(0.5, 0), "–");
    }

    #[test]
    fn sizes_have_three_digits() {
        check(
            bytes,
            &[
                (0, "0 B"),
                (999, "999 B"),
                (1000, "1 kB"),
                (2_265_962, "2.27 MB"),
                (22_659_620, "22.7 MB"),
                (227_000, "227 kB"),
                (999_900, "1 MB"),
                (u64::MAX, "18.4 EB"),
            ],
        );
    }

    #[test]
    fn durations_have_at_most_two_units() {
        check(
            duration,
            &[
                (0.0, "0 s"),
                (0.25, "250 ms"),
                (0.9999, "1 s"),
                (2.26, "2.3 s"),
                (9.97, "10 s"),
                (59.7, "1 min"),
                (200.0, "3 min 20 s"),
                (3600.0, "1 h"),
                (3599.7, "1 h"),
                (7384.0, "2 h 3 min"),
                (86_399.0, "1 d"),
                (187_200.0, "2 d 4 h"),
                (f64::NAN, "–"),
                (-1.0, "–"),
            ],
        );
        check(about, &[(45.0, "45 s"), (200.0, "3 min"), (5400.0, "2 h"), (200_000.0, "2 d")]);
    }

    #[test]
    fn a_span_names_its_day_once() {
        let start = 1_772_409_600_000_000;
        assert_eq!(time(start), "2 Mar 2026, 00:00 UTC");
        assert_eq!(span(start, start + 86_399_000_000), "2 Mar 2026 00:00–23:59 UTC");
        assert_eq!(span(start, start + 86_400_000_000), "2 Mar 2026 00:00 – 3 Mar 2026 00:00 UTC");
        assert_eq!(day(start), "2 Mar");
        assert_eq!(clock(i64::MAX), "–");
    }

    #[test]
    fn values_of_features_are_words() {
        let named = NamedNumber { number: 143_631.0, text: "not in the list".into() };
        let kind = FeatureKind::Numeric.into();
        let rank = FeatureColumn { kind, named: vec![named], ..FeatureColumn::default() };
        let words =
            ["143631", "143631.0", "5.933323166179639", "x"].map(|text| feature(&rank, text));
        assert_eq!(words, ["not in the list", "not in the list", "5.933", "x"]);
        let code = FeatureColumn { kind: FeatureKind::Categorical.into(), ..rank };
        assert_eq!(feature(&code, "143631"), "143631");
    }

    #[test]
    fn long_text_is_shortened_in_the_middle() {
        assert_eq!(shortened("cpfhsl.net", 10), "cpfhsl.net");
        assert_eq!(shortened("vrbjwdabcdefghb5.cpfhsl.net", 22), "vrbjwdabc…5.cpfhsl.net");
        let names = ["a", "b", "c"].map(String::from);
        assert_eq!(listed(&names), "a, b and c");
        assert_eq!(listed(&names[..1]), "a");
        assert_eq!(listed(&[]), "");
    }

    proptest! {
        #[test]
        fn words_are_short_for_any_value(value in any::<f64>(), count in any::<u64>(), text in any::<String>()) {
            for text in [number(value), times(value.abs()), percent(value), duration(value), about(value), bytes(count)] {
                prop_assert!(!text.is_empty() && text.chars().count() <= 32, "{text}");
                prop_assert!(!text.contains("NaN") && !text.contains("inf"));
            }
            prop_assert!(shortened(&text, 20).chars().count() <= 20);
        }
    }
}
