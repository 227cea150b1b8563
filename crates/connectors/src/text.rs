//! Values as text, for outputs without types.

use std::fmt::{Display, Write};

use polars::prelude::{AnyValue, TimeUnit};

/// Appends a value in a form that can be read back; nothing for a missing value.
pub fn push(out: &mut String, value: &AnyValue<'_>) {
    // Writing to a string cannot fail.
    let _ = match value {
        AnyValue::Null => Ok(()),
        AnyValue::String(text) => out.write_str(text),
        AnyValue::StringOwned(text) => out.write_str(text),
        // The shortest form that parses to the same number.
        AnyValue::Float64(number) => write!(out, "{number}"),
        AnyValue::Float32(number) => write!(out, "{number}"),
        AnyValue::Datetime(value, unit, _) | AnyValue::DatetimeOwned(value, unit, _) => {
            out.write_str(&instant(*value, *unit))
        }
        value => write!(out, "{value}"),
    };
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
