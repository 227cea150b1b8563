//! Values as text, for outputs without types.

use std::fmt::{self, Display, LowerExp, Write};

pub use anomal_core::words::grouped;
use polars::prelude::{AnyValue, TimeUnit};

use crate::{
    arrow_types::{self, ArrowType},
    json_text, json_value,
};

const NANOS_PER_DAY: i128 = 86_400_000_000_000;

/// Appends a value in a form that can be read back; nothing for a missing value.
pub fn push(out: &mut String, value: &AnyValue<'_>) {
    // Writing to a string cannot fail.
    let _ = match value {
        AnyValue::Null => Ok(()),
        AnyValue::String(text) => out.write_str(text),
        AnyValue::StringOwned(text) => out.write_str(text),
        AnyValue::Float64(number) => push_float(out, *number, number),
        AnyValue::Float32(number) => push_float(out, f64::from(*number), number),
        AnyValue::Struct(_, _, [field]) if json_text::is_json(field.name()) => {
            match value._iter_struct_av().next() {
                Some(AnyValue::String(token)) => out.write_str(&json_text::plain(token)),
                _ => Ok(()),
            }
        }
        AnyValue::Struct(_, _, [field]) if arrow_types::is_reserved(field.name()) => {
            let inner = value._iter_struct_av().next();
            match (ArrowType::from_field(field.name()), inner) {
                (Some(kind), Some(inner)) => arrow_types::push(out, &kind, &inner),
                _ => Ok(()),
            }
        }
        AnyValue::Struct(..) | AnyValue::List(_) => {
            let mut json = Vec::new();
            json_value::push(&mut json, value);
            out.write_str(&String::from_utf8_lossy(&json))
        }
        AnyValue::Date(days) => out.write_str(&date(i64::from(*days))),
        AnyValue::Datetime(value, unit, _) | AnyValue::DatetimeOwned(value, unit, _) => {
            out.write_str(&instant(*value, *unit))
        }
        AnyValue::Duration(value, unit) => {
            out.write_str(&seconds(*value, 1_000_000_000 / nanos(*unit)))
        }
        value => write!(out, "{value}"),
    };
}

/// Appends the shortest form that parses to the same number, in at most 17 digits beside zeros behind the point.
fn push_float(out: &mut String, size: f64, number: &(impl Display + LowerExp)) -> fmt::Result {
    let size = size.abs();
    if size == 0.0 || (1e-7..1e17).contains(&size) || !size.is_finite() {
        return write!(out, "{number}");
    }
    // With a sign, so that it is not taken for an identifier such as 12e5.
    let text = format!("{number:e}");
    let sign = if text.contains("e-") { "e" } else { "e+" };
    out.write_str(&text.replacen('e', sign, 1))
}

/// A YAML scalar that is a string for any text.
pub fn scalar(text: &str) -> String {
    let plain = text
        .trim_start_matches("../")
        .starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

fn nanos(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Nanoseconds => 1,
        TimeUnit::Microseconds => 1_000,
        TimeUnit::Milliseconds => 1_000_000,
    }
}

/// A time as RFC 3339 in UTC. Years beyond 9999 have a sign and at least six digits, as ISO 8601 has them.
pub fn instant(value: i64, unit: TimeUnit) -> String {
    instant_in(value, nanos(unit))
}

/// A time as [`instant`], as a number of units of `nanos` nanoseconds.
pub(crate) fn instant_in(value: i64, nanos: i64) -> String {
    let total = i128::from(value) * i128::from(nanos);
    if let Ok(instant) = jiff::Timestamp::from_nanosecond(total) {
        return instant.to_string();
    }
    // No more than 64 bits of seconds.
    let part = |part: i128| i64::try_from(part).unwrap_or_default();
    let of_day = part(total.rem_euclid(NANOS_PER_DAY));
    let (whole, fraction) =
        (of_day / 1_000_000_000, seconds(of_day % 1_000_000_000, 1_000_000_000));
    let fraction = fraction.strip_prefix('0').unwrap_or_default();
    let days = date(part(total.div_euclid(NANOS_PER_DAY)));
    format!("{days}T{:02}:{:02}:{:02}{fraction}Z", whole / 3600, whole / 60 % 60, whole % 60)
}

/// A date, `days` after 1970-01-01 in the Gregorian calendar. Years beyond 9999 are as in [`instant`].
pub(crate) fn date(days: i64) -> String {
    // Years begin in March here, so that a leap day is the last of its year; eras are 400 years.
    let days = i128::from(days) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = 400 * era + year + next;
    if (0..10_000).contains(&year) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:+07}-{month:02}-{day:02}")
    }
}

/// A number of units, of which a second has `per_second` (a power of ten), in seconds with all digits.
pub(crate) fn seconds(units: i64, per_second: i64) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let (units, per_second) = (units.unsigned_abs(), per_second.unsigned_abs());
    let (whole, fraction) = (units / per_second, units % per_second);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let digits = per_second.ilog10() as usize;
    let fraction = format!("{fraction:0digits$}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::typing::Class;

    fn float(number: f64) -> String {
        let mut text = String::new();
        push(&mut text, &AnyValue::Float64(number));
        text
    }

    #[test]
    fn floats_are_short() {
        let cases = [0.1, 1e16, 1e17, -1.5e308, 1e-7, 5e-324, 0.0, 12345.678];
        let texts = [
            "0.1",
            "10000000000000000",
            "1e+17",
            "-1.5e+308",
            "0.0000001",
            "5e-324",
            "0",
            "12345.678",
        ];
        assert_eq!(cases.map(float), texts);
    }

    #[test]
    fn far_times_have_a_sign() {
        assert_eq!(instant(253_402_300_800, TimeUnit::Milliseconds), "1978-01-11T21:31:40.8Z");
        let far = instant(253_402_300_800_500_000, TimeUnit::Microseconds);
        assert_eq!(far, "+010000-01-01T00:00:00.5Z");
        assert_eq!(instant(i64::MAX, TimeUnit::Microseconds), "+294247-01-10T04:00:54.775807Z");
        assert_eq!(instant(i64::MIN, TimeUnit::Microseconds), "-290308-12-21T19:59:05.224192Z");
        assert_eq!([date(0), date(-1), date(19_782)], ["1970-01-01", "1969-12-31", "2024-02-29"]);
        assert_eq!(date(i64::from(i32::MAX)), "+5881580-07-11");
        assert_eq!([date(-719_528), date(-719_529)], ["0000-01-01", "-000001-12-31"]);
    }

    #[test]
    fn seconds_have_all_digits() {
        assert_eq!([seconds(1_500, 1_000), seconds(-1, 1_000_000)], ["1.5", "-0.000001"]);
        assert_eq!([seconds(0, 1), seconds(90, 1), seconds(-2_000, 1_000)], ["0", "90", "-2"]);
    }

    #[test]
    fn keys_of_settings_are_quoted_where_they_need_it() {
        let keys = ["a.b_c-1", "@timestamp", "a b", "1", "é", ""].map(scalar);
        assert_eq!(keys, ["a.b_c-1", "\"@timestamp\"", "\"a b\"", "\"1\"", "\"é\"", "\"\""]);
    }

    #[test]
    fn scalars_stay_text() {
        let scalars =
            ["a.b", "@timestamp", "1", "no", "a: b", "é", "/x/y.csv", "../x", ".5"].map(scalar);
        assert_eq!(
            scalars,
            [
                "a.b",
                "\"@timestamp\"",
                "\"1\"",
                "\"no\"",
                "\"a: b\"",
                "\"é\"",
                "/x/y.csv",
                "../x",
                "\".5\""
            ]
        );
    }

    proptest! {
        #[test]
        fn dates_are_those_of_jiff(days in -4_371_587i64..=2_932_896) {
            let expected = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(days);
            prop_assert_eq!(date(days), expected.to_string());
        }

        #[test]
        fn floats_are_read_back_as_numbers(number in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
            let text = float(number);
            prop_assert_eq!(text.parse::<f64>(), Ok(number));
            let class = Class::classify(&text);
            prop_assert!(class.is_numeric() && class != Class::Exponent, "{}", text);
        }
    }
}
