//! The exact text of values.

use std::fmt::{self, Write};

use anomal_core::Result;
use polars::prelude::{AnyValue, Column, StringChunked};
use polars_arrow::datatypes::TimeUnit;

use super::{ArrowType, float16, unwrap};
use crate::{
    json_value,
    text::{date, instant_in, seconds},
};

/// The texts of a column; nothing if it is of another type.
///
/// # Errors
/// `Internal`.
pub(crate) fn texts(column: &Column) -> Result<Option<StringChunked>> {
    let Some((kind, field)) = unwrap(column)? else { return Ok(None) };
    if matches!(kind, ArrowType::Decimal { .. } | ArrowType::Uuid) {
        return Ok(Some(field.str()?.clone().with_name(column.name().clone())));
    }
    let mut text = String::new();
    let texts: StringChunked = field
        .iter()
        .map(|value| {
            text.clear();
            // Writing to a string cannot fail.
            let _ = write(&mut text, &kind, &value);
            (!value.is_null()).then(|| text.clone())
        })
        .collect();
    Ok(Some(texts.with_name(column.name().clone())))
}

/// Appends the text of the field of a value.
pub(crate) fn push(out: &mut String, kind: &ArrowType, value: &AnyValue<'_>) -> fmt::Result {
    write(out, kind, value)
}

/// Appends the field of a value as JSON. Numbers are bare.
pub(crate) fn push_json(out: &mut Vec<u8>, kind: &ArrowType, value: &AnyValue<'_>) {
    if value.is_null() {
        out.extend(b"null");
        return;
    }
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, kind, value);
    match kind {
        ArrowType::Map => out.extend(text.as_bytes()),
        ArrowType::Float16 if !matches!(value, AnyValue::Float32(number) if number.is_finite()) => {
            out.extend(b"null");
        }
        kind if kind.is_number() => out.extend(text.as_bytes()),
        _ => json_value::push_text(out, &text),
    }
}

fn write(out: &mut String, kind: &ArrowType, value: &AnyValue<'_>) -> fmt::Result {
    match (kind, value) {
        (_, AnyValue::Null) => Ok(()),
        (ArrowType::Float16, AnyValue::Float32(number)) => {
            out.write_str(&float16::shortest(*number))
        }
        (ArrowType::Date64, AnyValue::Int64(millis)) if millis.rem_euclid(86_400_000) == 0 => {
            out.write_str(&date(millis.div_euclid(86_400_000)))
        }
        (ArrowType::Date64, AnyValue::Int64(millis)) => {
            out.write_str(&instant_in(*millis, 1_000_000))
        }
        (ArrowType::Seconds(_), AnyValue::Int64(count)) => {
            out.write_str(&instant_in(*count, 1_000_000_000))
        }
        (ArrowType::DurationSeconds, AnyValue::Int64(count)) => write!(out, "{count}"),
        (ArrowType::Time(unit), AnyValue::Int64(count)) => write_time(out, *unit, *count),
        (ArrowType::Binary, AnyValue::Binary(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => out.write_str(text),
            Err(_) => hexadecimal(out, bytes),
        },
        (ArrowType::Hexadecimal, AnyValue::Binary(bytes)) => hexadecimal(out, bytes),
        (ArrowType::Map, AnyValue::List(entries)) => {
            let mut object = Vec::new();
            json_value::push_map(&mut object, entries);
            out.write_str(&String::from_utf8_lossy(&object))
        }
        (_, AnyValue::String(text)) => out.write_str(text),
        (_, value) => write!(out, "{value}"),
    }
}

fn hexadecimal(out: &mut String, bytes: &[u8]) -> fmt::Result {
    out.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

/// Units in a second.
pub(super) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

fn write_time(out: &mut String, unit: TimeUnit, count: i64) -> fmt::Result {
    let per_second = per_second(unit);
    let whole = count / per_second;
    if count < 0 || whole >= 86_400 {
        return write!(out, "{count}");
    }
    let fraction = seconds(count % per_second, per_second);
    let fraction = fraction.strip_prefix('0').unwrap_or_default();
    write!(out, "{:02}:{:02}:{:02}{fraction}", whole / 3600, whole / 60 % 60, whole % 60)
}
