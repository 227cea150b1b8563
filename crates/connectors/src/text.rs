//! Values as text, for outputs without types.

use std::fmt::{self, Display, LowerExp, Write};

use polars::prelude::{AnyValue, TimeUnit};

use crate::json_text;

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
        AnyValue::Datetime(value, unit, _) | AnyValue::DatetimeOwned(value, unit, _) => {
            out.write_str(&instant(*value, *unit))
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

/// A name as a key of YAML settings, in quotes where it needs them.
pub(crate) fn settings_key(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if plain { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

/// A time as RFC 3339 in UTC.
pub fn instant(value: i64, unit: TimeUnit) -> String {
    let nanoseconds = match unit {
        TimeUnit::Nanoseconds => i128::from(value),
        TimeUnit::Microseconds => i128::from(value) * 1_000,
        TimeUnit::Milliseconds => i128::from(value) * 1_000_000,
    };
    jiff::Timestamp::from_nanosecond(nanoseconds)
        .map_or_else(|_| value.to_string(), |instant| instant.to_string())
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
    fn keys_of_settings_are_quoted_where_they_need_it() {
        let keys = ["a.b_c-1", "@timestamp", "a b", "1", "é", ""].map(settings_key);
        assert_eq!(keys, ["a.b_c-1", "\"@timestamp\"", "\"a b\"", "\"1\"", "\"é\"", "\"\""]);
    }

    proptest! {
        #[test]
        fn floats_are_read_back_as_numbers(number in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
            let text = float(number);
            prop_assert_eq!(text.parse::<f64>(), Ok(number));
            let class = Class::classify(&text);
            prop_assert!(class.is_numeric() && class != Class::Exponent, "{}", text);
        }
    }
}
