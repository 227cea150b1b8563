//! Numbers, shares and times on pages: as [`words`] has them, with characters that do not break a line.

use anomal_core::{
    proto::{FeatureKind, Severity},
    words,
};
use jiff::Timestamp;

use super::{
    markup::{Markup, escape},
    text,
};

/// A number stays on a line with its unit, and has a minus sign instead of a hyphen.
fn typographic(words: &str) -> String {
    words.replace(' ', "\u{a0}").replace('-', "−")
}

/// A count with thousands separators.
pub fn count(number: u64) -> String {
    words::grouped(number)
}

/// As [`count`].
pub fn size(number: usize) -> String {
    words::grouped(number)
}

/// A count with its noun: "1 row", "5,000 rows".
pub fn counted(number: u64, singular: &str, plural: &str) -> String {
    words::counted(number, singular, plural)
}

/// A place in an order, from 1: "third", "12th", "1,001st".
pub fn ordinal(place: usize) -> String {
    const WORDS: [&str; 10] = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
        "tenth",
    ];
    if let Some(word) = place.checked_sub(1).and_then(|place| WORDS.get(place)) {
        return (*word).to_owned();
    }
    let ending = match (place % 100, place % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{}{ending}", size(place))
}

/// At most four significant digits; integers in full.
pub fn number(value: f64) -> String {
    typographic(&words::number(value))
}

/// A number with a fixed number of decimals, for columns.
pub fn fixed(value: f64, places: usize) -> String {
    if value.is_finite() { typographic(&format!("{value:.places$}")) } else { number(value) }
}

/// A share (0..1) in percent, rounded to 0 % or 100 % only if it is exactly that.
pub fn percent(share: f64) -> String {
    typographic(&words::percent(share))
}

/// The share of `part` in `all`.
pub fn share(part: u64, all: u64) -> String {
    typographic(&words::share(part, all))
}

/// A duration in two units at most.
pub fn seconds(seconds: f64) -> String {
    typographic(&words::duration(seconds))
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
    fn numbers_stay_on_a_line_with_their_unit() {
        assert_eq!(number(-2.5), "−2.5");
        assert_eq!(number(-1e-9), "−1.00e−9");
        assert_eq!(fixed(-0.314, 2), "−0.31");
        assert_eq!(number(f64::NEG_INFINITY), "−∞");
        assert_eq!(percent(0.000_01), "under\u{a0}0.1\u{a0}%");
        assert_eq!(share(1, 3), "33.3\u{a0}%");
        assert_eq!(seconds(7384.0), "2\u{a0}h\u{a0}3\u{a0}min");
    }

    #[test]
    fn places_have_words_or_endings() {
        let places = [1, 3, 10, 11, 21, 112, 1_003].map(ordinal);
        assert_eq!(places, ["first", "third", "tenth", "11th", "21st", "112th", "1,003rd"]);
    }

    #[test]
    fn times_are_readable_by_people_and_programs() {
        assert_eq!(
            time("2025-11-24T21:20:05Z").as_str(),
            "<time datetime=\"2025-11-24T21:20:05Z\">24 Nov 2025, 21:20 UTC</time>"
        );
        assert_eq!(time("<b>").as_str(), "<bdi>&lt;b&gt;</bdi>");
    }
}
