//! Numbers, shares and times for people.

use anomal_connectors::text::grouped;
use anomal_core::proto::{FeatureKind, Severity};
use jiff::Timestamp;

use super::{
    markup::{Markup, escape},
    text,
};

/// Between a number and its unit.
const GAP: char = '\u{a0}';

/// A count with thousands separators.
pub fn count(number: u64) -> String {
    grouped(number)
}

/// As [`count`].
pub fn size(number: usize) -> String {
    grouped(number)
}

/// A count with its noun: "1 row", "5,000 rows".
pub fn counted(number: u64, singular: &str, plural: &str) -> String {
    format!("{} {}", count(number), if number == 1 { singular } else { plural })
}

/// At most four significant digits; integers in full.
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
    if value < 0.0 && size != 0.0 { format!("−{unsigned}") } else { unsigned }
}

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

/// A number with a fixed number of decimals, for columns.
pub fn fixed(value: f64, places: usize) -> String {
    if value.is_finite() { format!("{value:.places$}").replace('-', "−") } else { number(value) }
}

/// A share (0..1) in percent, rounded to 0 % or 100 % only if it is exactly that.
pub fn percent(share: f64) -> String {
    if share.is_nan() {
        return "–".to_owned();
    }
    let percent = share * 100.0;
    let shown = if percent <= 0.0 {
        "0".to_owned()
    } else if percent < 0.1 {
        "< 0.1".replace(' ', "\u{a0}")
    } else if percent < 100.0 && percent > 99.9 {
        "> 99.9".replace(' ', "\u{a0}")
    } else {
        let fixed = format!("{percent:.1}");
        fixed.strip_suffix(".0").map_or_else(|| fixed.clone(), ToOwned::to_owned)
    };
    format!("{shown}{GAP}%")
}

/// The share of `part` in `all`.
pub fn share(part: u64, all: u64) -> String {
    if all == 0 { "–".to_owned() } else { percent(part as f64 / all as f64) }
}

/// A duration in two units at most.
pub fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    if seconds < 1.0 {
        return format!("{:.0}{GAP}ms", seconds * 1000.0);
    }
    if seconds < 60.0 {
        return format!("{seconds:.1}{GAP}s");
    }
    // Whole, not negative, and far below what the type holds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "see above")]
    let whole = seconds.round().min(1e12) as u64;
    if whole < 3600 {
        return format!("{}{GAP}min {}{GAP}s", whole / 60, whole % 60);
    }
    format!("{}{GAP}h {}{GAP}min", count(whole / 3600), whole / 60 % 60)
}

/// A time in UTC, as a `time` element.
pub fn time(rfc3339: &str) -> Markup {
    match rfc3339.parse::<Timestamp>() {
        Ok(time) => Markup::trusted(format!(
            "<time datetime=\"{}\">{}</time>",
            escape(rfc3339),
            time.strftime("%-d %b %Y, %H:%M UTC")
        )),
        Err(_) => text::cell((!rfc3339.is_empty()).then_some(rfc3339)),
    }
}

pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Unspecified => "not given",
    }
}

/// The CSS class of a severity.
pub fn severity_class(severity: Severity) -> &'static str {
    if severity == Severity::Unspecified { "none" } else { self::severity(severity) }
}

pub fn kind(kind: FeatureKind) -> &'static str {
    match kind {
        FeatureKind::Numeric => "number",
        FeatureKind::Categorical => "category",
        FeatureKind::Boolean => "yes or no",
        FeatureKind::Unspecified => "not given",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "row", "rows"), "1 row");
        assert_eq!(counted(0, "row", "rows"), "0 rows");
    }

    #[test]
    fn numbers_have_four_significant_digits() {
        assert_eq!(number(0.0), "0");
        assert_eq!(number(-0.0), "0");
        assert_eq!(number(1234.5), "1,234");
        assert_eq!(number(12.3456), "12.35");
        assert_eq!(number(0.123_456), "0.1235");
        assert_eq!(number(0.001_234_5), "0.001234");
        assert_eq!(number(-2.5), "−2.5");
        assert_eq!(number(1e-9), "1.00e-9");
        assert_eq!(number(1e20), "1.00e20");
        assert_eq!(number(f64::NAN), "not a number");
        assert_eq!(number(f64::NEG_INFINITY), "−∞");
        assert_eq!(number(5_000_000.0), "5,000,000");
    }

    #[test]
    fn shares_are_rounded_to_an_end_only_if_exact() {
        assert_eq!(percent(0.0), "0\u{a0}%");
        assert_eq!(percent(0.000_01), "<\u{a0}0.1\u{a0}%");
        assert_eq!(percent(0.123), "12.3\u{a0}%");
        assert_eq!(percent(0.5), "50\u{a0}%");
        assert_eq!(percent(0.9999), ">\u{a0}99.9\u{a0}%");
        assert_eq!(percent(1.0), "100\u{a0}%");
        assert_eq!(share(1, 0), "–");
    }

    #[test]
    fn times_are_readable_by_people_and_programs() {
        assert_eq!(
            time("2025-11-24T21:20:05Z").as_str(),
            "<time datetime=\"2025-11-24T21:20:05Z\">24 Nov 2025, 21:20 UTC</time>"
        );
        assert_eq!(time("<b>").as_str(), "<bdi>&lt;b&gt;</bdi>");
    }

    #[test]
    fn durations_have_at_most_two_units() {
        assert_eq!(seconds(0.25), "250\u{a0}ms");
        assert_eq!(seconds(2.25), "2.2\u{a0}s");
        assert_eq!(seconds(200.0), "3\u{a0}min 20\u{a0}s");
        assert_eq!(seconds(7384.0), "2\u{a0}h 3\u{a0}min");
        assert_eq!(seconds(f64::NAN), "–");
    }
}
