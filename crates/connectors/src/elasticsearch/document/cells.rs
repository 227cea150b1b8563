//! Encodes a column's values as JSON.

use std::{io::Write, net::IpAddr};

use anomal_core::Result;
use polars::prelude::{
    AnyValue, BooleanChunked, Column, DataType, Float64Chunked, Int64Chunked, StringChunked,
    TimeUnit, UInt32Chunked, UInt64Chunked,
};

use super::ecs::FieldType;
use crate::{datetime, json_value::push_text, text};

/// A column in one chunk, by type, so that values are accessed without dynamic dispatch.
pub(super) enum Cells {
    Text(StringChunked),
    Integer(Int64Chunked),
    Unsigned(UInt64Chunked),
    Short(UInt32Chunked),
    Float(Float64Chunked),
    Boolean(BooleanChunked),
    Time(Int64Chunked, TimeUnit),
    Other(Column),
}

/// The outcome of encoding a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PutOutcome {
    Written,
    /// There is no value; nothing is appended.
    Missing,
    /// The value is not of the field's type; nothing is appended.
    Mismatch,
}

impl Cells {
    pub fn new(column: &Column) -> Result<Self> {
        let column = column.rechunk();
        Ok(match column.dtype() {
            DataType::String => Self::Text(column.str()?.clone()),
            DataType::Int64 => Self::Integer(column.i64()?.clone()),
            DataType::UInt64 => Self::Unsigned(column.u64()?.clone()),
            DataType::UInt32 => Self::Short(column.u32()?.clone()),
            DataType::Float64 => Self::Float(column.f64()?.clone()),
            DataType::Boolean => Self::Boolean(column.bool()?.clone()),
            DataType::Datetime(unit, _) => Self::Time(column.datetime()?.physical().clone(), *unit),
            _ => Self::Other(column),
        })
    }

    /// Appends a value as it is. Empty text is missing.
    pub fn put(&self, row: usize, out: &mut Vec<u8>) -> PutOutcome {
        match self {
            Self::Text(values) => match values.get(row) {
                None | Some("") => return PutOutcome::Missing,
                Some(text) => push_text(out, text),
            },
            Self::Integer(values) => return number(out, values.get(row)),
            Self::Unsigned(values) => return number(out, values.get(row)),
            Self::Short(values) => return number(out, values.get(row)),
            Self::Float(values) => {
                return values.get(row).map_or(PutOutcome::Missing, |x| float(out, x));
            }
            Self::Boolean(values) => return number(out, values.get(row)),
            Self::Time(values, unit) => match values.get(row) {
                None => return PutOutcome::Missing,
                Some(value) => push_text(out, &text::instant(value, *unit)),
            },
            Self::Other(column) => return any(out, &column.get(row).unwrap_or(AnyValue::Null)),
        }
        PutOutcome::Written
    }

    /// Appends a value as the type of a field.
    pub fn put_as(&self, kind: FieldType, row: usize, out: &mut Vec<u8>) -> PutOutcome {
        match (kind, self) {
            (_, Self::Text(values)) => match values.get(row) {
                None | Some("") => PutOutcome::Missing,
                Some(text) => text_as(kind, text, out),
            },
            (FieldType::Long, Self::Integer(_) | Self::Unsigned(_) | Self::Short(_))
            | (
                FieldType::Float,
                Self::Integer(_) | Self::Unsigned(_) | Self::Short(_) | Self::Float(_),
            )
            | (FieldType::Boolean, Self::Boolean(_))
            | (FieldType::Date | FieldType::Keyword, Self::Time(..)) => self.put(row, out),
            (FieldType::Long, Self::Float(values)) => match values.get(row) {
                None => PutOutcome::Missing,
                // Beyond that, floats skip whole numbers.
                #[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
                Some(value) if value.trunc() == value && value.abs() < 9e15 => {
                    number(out, Some(value as i64))
                }
                Some(_) => PutOutcome::Mismatch,
            },
            // Keywords are text.
            (
                FieldType::Keyword,
                Self::Integer(_)
                | Self::Unsigned(_)
                | Self::Short(_)
                | Self::Boolean(_)
                | Self::Float(_),
            ) => {
                let start = out.len();
                out.push(b'"');
                match self.put(row, out) {
                    PutOutcome::Written => out.push(b'"'),
                    missing => {
                        out.truncate(start);
                        return missing;
                    }
                }
                PutOutcome::Written
            }
            (FieldType::Keyword, Self::Other(column)) => match column.get(row) {
                Ok(AnyValue::List(list)) if list.dtype() == &DataType::String => self.put(row, out),
                Ok(AnyValue::Null) | Err(_) => PutOutcome::Missing,
                Ok(value) => {
                    let mut encoded = String::new();
                    text::push(&mut encoded, &value);
                    push_text(out, &encoded);
                    PutOutcome::Written
                }
            },
            (_, Self::Other(column)) if column.get(row).is_ok_and(|value| value.is_null()) => {
                PutOutcome::Missing
            }
            (_, cells) if cells.is_missing(row) => PutOutcome::Missing,
            _ => PutOutcome::Mismatch,
        }
    }

    /// The value as a time in microseconds since the epoch, if it is one.
    pub fn moment(&self, row: usize) -> Option<i64> {
        match self {
            Self::Text(values) => datetime::parse(values.get(row)?),
            Self::Time(values, unit) => {
                let value = values.get(row)?;
                match unit {
                    TimeUnit::Nanoseconds => Some(value.div_euclid(1000)),
                    TimeUnit::Microseconds => Some(value),
                    TimeUnit::Milliseconds => value.checked_mul(1000),
                }
            }
            _ => None,
        }
    }

    /// The value as a finite number, if it is one.
    pub fn float(&self, row: usize) -> Option<f64> {
        match self {
            Self::Float(values) => values.get(row),
            Self::Integer(values) => values.get(row).map(|value| value as f64),
            Self::Unsigned(values) => values.get(row).map(|value| value as f64),
            Self::Short(values) => values.get(row).map(f64::from),
            Self::Text(_) | Self::Boolean(_) | Self::Time(..) | Self::Other(_) => None,
        }
        .filter(|value| value.is_finite())
    }

    fn is_missing(&self, row: usize) -> bool {
        let mut nowhere = Vec::new();
        self.put(row, &mut nowhere) == PutOutcome::Missing
    }
}

/// Appends text as the type of a field. Exports separate several addresses by commas.
fn text_as(kind: FieldType, text: &str, out: &mut Vec<u8>) -> PutOutcome {
    let trimmed = text.trim();
    match kind {
        FieldType::Keyword => push_text(out, text),
        FieldType::Long => {
            return trimmed.parse::<i64>().map_or(PutOutcome::Mismatch, |x| number(out, Some(x)));
        }
        FieldType::Float => match trimmed.parse::<f64>() {
            Ok(value) if value.is_finite() => return float(out, value),
            _ => return PutOutcome::Mismatch,
        },
        FieldType::Boolean => match trimmed {
            "true" | "false" => out.extend(trimmed.as_bytes()),
            _ => return PutOutcome::Mismatch,
        },
        FieldType::Date => match datetime::parse(trimmed) {
            Some(moment) => push_text(out, &text::instant(moment, TimeUnit::Microseconds)),
            None => return PutOutcome::Mismatch,
        },
        FieldType::Ip if trimmed.parse::<IpAddr>().is_ok() => push_text(out, trimmed),
        FieldType::Ip => {
            let parts = || trimmed.split(',').map(str::trim);
            if !parts().all(|part| part.parse::<IpAddr>().is_ok()) {
                return PutOutcome::Mismatch;
            }
            list(out, parts(), push_text);
        }
    }
    PutOutcome::Written
}

/// Appends `[a,b]`, each item by `push`.
pub(super) fn list<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    push: impl Fn(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}

fn number(out: &mut Vec<u8>, value: Option<impl std::fmt::Display>) -> PutOutcome {
    let Some(value) = value else { return PutOutcome::Missing };
    // Writing to memory cannot fail.
    let _ = write!(out, "{value}");
    PutOutcome::Written
}

/// Appends a number. NaN and infinities, which JSON lacks, are missing.
pub(super) fn float(out: &mut Vec<u8>, value: f64) -> PutOutcome {
    if !value.is_finite() {
        return PutOutcome::Missing;
    }
    let _ = serde_json::to_writer(out, &value);
    PutOutcome::Written
}

fn any(out: &mut Vec<u8>, value: &AnyValue<'_>) -> PutOutcome {
    match value {
        AnyValue::Null => return PutOutcome::Missing,
        AnyValue::Boolean(value) => return number(out, Some(value)),
        AnyValue::Int32(value) => return number(out, Some(value)),
        AnyValue::Int16(value) => return number(out, Some(value)),
        AnyValue::Int8(value) => return number(out, Some(value)),
        AnyValue::UInt16(value) => return number(out, Some(value)),
        AnyValue::UInt8(value) => return number(out, Some(value)),
        AnyValue::Int64(value) => return number(out, Some(value)),
        AnyValue::UInt64(value) => return number(out, Some(value)),
        AnyValue::UInt32(value) => return number(out, Some(value)),
        AnyValue::Float32(value) => return float(out, f64::from(*value)),
        AnyValue::Float64(value) => return float(out, *value),
        AnyValue::String(text) => push_text(out, text),
        AnyValue::StringOwned(text) => push_text(out, text),
        AnyValue::List(values) => list(out, values.iter(), |out, value| {
            if any(out, &value) != PutOutcome::Written {
                out.extend(b"null");
            }
        }),
        value => {
            let mut encoded = String::new();
            text::push(&mut encoded, value);
            push_text(out, &encoded);
        }
    }
    PutOutcome::Written
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn put_as(kind: FieldType, column: &Column, row: usize) -> (PutOutcome, String) {
        let mut out = Vec::new();
        let put = Cells::new(column).unwrap().put_as(kind, row, &mut out);
        assert!(put == PutOutcome::Written || out.is_empty());
        (put, String::from_utf8(out).unwrap())
    }

    fn text(kind: FieldType, value: &str) -> (PutOutcome, String) {
        put_as(kind, &Column::new("a".into(), [value]), 0)
    }

    fn written(value: &str) -> (PutOutcome, String) {
        (PutOutcome::Written, value.to_owned())
    }

    #[test]
    fn text_is_converted_to_the_fields_type() {
        assert_eq!(text(FieldType::Keyword, "a\"b\n"), written(r#""a\"b\n""#));
        assert_eq!(text(FieldType::Long, "0443"), written("443"));
        assert_eq!(text(FieldType::Float, "1.5e3"), written("1500.0"));
        assert_eq!(text(FieldType::Boolean, "true"), written("true"));
        assert_eq!(text(FieldType::Ip, "10.0.0.1"), written(r#""10.0.0.1""#));
        assert_eq!(text(FieldType::Ip, "10.0.0.1, ::1"), written(r#"["10.0.0.1","::1"]"#));
        let date = written(r#""2022-11-02T13:04:05.123Z""#);
        assert_eq!(text(FieldType::Date, "Nov 2, 2022 @ 13:04:05.123"), date);
        assert_eq!(text(FieldType::Ip, ""), (PutOutcome::Missing, String::new()));
    }

    #[test]
    fn values_of_the_wrong_type_are_detected() {
        let unfit = [
            (FieldType::Long, "12.5"),
            (FieldType::Long, "n/a"),
            (FieldType::Float, "NaN"),
            (FieldType::Boolean, "yes"),
            (FieldType::Ip, "-"),
            (FieldType::Ip, "10.0.0.1,x"),
            (FieldType::Date, "yesterday"),
        ];
        for (kind, value) in unfit {
            assert_eq!(text(kind, value).0, PutOutcome::Mismatch, "{value}");
        }
        let numbers = Column::new("a".into(), [1.5, 3.0, f64::NAN]);
        assert_eq!(put_as(FieldType::Long, &numbers, 0).0, PutOutcome::Mismatch);
        assert_eq!(put_as(FieldType::Long, &numbers, 1), written("3"));
        assert_eq!(put_as(FieldType::Float, &numbers, 2).0, PutOutcome::Missing);
        assert_eq!(put_as(FieldType::Ip, &numbers, 0).0, PutOutcome::Mismatch);
        assert_eq!(put_as(FieldType::Keyword, &numbers, 0), written("\"1.5\""));
    }

    #[test]
    fn missing_values_are_missing_in_every_type() {
        let of = [
            DataType::String,
            DataType::Int64,
            DataType::Float64,
            DataType::Boolean,
            DataType::Datetime(TimeUnit::Microseconds, None),
            DataType::Int16,
            DataType::List(Box::new(DataType::String)),
        ];
        let kinds = [
            FieldType::Keyword,
            FieldType::Long,
            FieldType::Float,
            FieldType::Boolean,
            FieldType::Date,
            FieldType::Ip,
        ];
        for of in of {
            let column = Column::full_null("a".into(), 1, &of);
            for kind in kinds {
                assert_eq!(put_as(kind, &column, 0).0, PutOutcome::Missing, "{of} {kind:?}");
            }
        }
    }
}
