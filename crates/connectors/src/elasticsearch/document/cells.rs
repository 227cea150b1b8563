//! A column's values on their way into JSON.

use std::{io::Write, net::IpAddr};

use anomal_core::Result;
use polars::prelude::{
    AnyValue, BooleanChunked, Column, DataType, Float64Chunked, Int64Chunked, StringChunked,
    TimeUnit, UInt32Chunked, UInt64Chunked,
};

use super::super::ecs::Kind;
use crate::{datetime, text};

/// One column, in one piece and by its type, so that a value is found without asking for it.
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

/// What came of writing a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Written,
    /// There is none; nothing is written.
    Missing,
    /// It is not of the field's type; nothing is written.
    Unfit,
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

    /// Writes a value as it is. An empty text is none.
    pub fn put(&self, row: usize, out: &mut Vec<u8>) -> Put {
        match self {
            Self::Text(values) => match values.get(row) {
                None | Some("") => return Put::Missing,
                Some(text) => push_text(out, text),
            },
            Self::Integer(values) => return number(out, values.get(row)),
            Self::Unsigned(values) => return number(out, values.get(row)),
            Self::Short(values) => return number(out, values.get(row)),
            Self::Float(values) => return values.get(row).map_or(Put::Missing, |x| float(out, x)),
            Self::Boolean(values) => return number(out, values.get(row)),
            Self::Time(values, unit) => match values.get(row) {
                None => return Put::Missing,
                Some(value) => push_text(out, &text::instant(value, *unit)),
            },
            Self::Other(column) => return any(out, &column.get(row).unwrap_or(AnyValue::Null)),
        }
        Put::Written
    }

    /// Writes a value as a field of that type holds it.
    pub fn put_as(&self, kind: Kind, row: usize, out: &mut Vec<u8>) -> Put {
        match (kind, self) {
            (_, Self::Text(values)) => match values.get(row) {
                None | Some("") => Put::Missing,
                Some(text) => text_as(kind, text, out),
            },
            (Kind::Long, Self::Integer(_) | Self::Unsigned(_) | Self::Short(_))
            | (
                Kind::Float,
                Self::Integer(_) | Self::Unsigned(_) | Self::Short(_) | Self::Float(_),
            )
            | (Kind::Boolean, Self::Boolean(_))
            | (Kind::Date | Kind::Keyword, Self::Time(..)) => self.put(row, out),
            (Kind::Long, Self::Float(values)) => match values.get(row) {
                None => Put::Missing,
                // Beyond that a float is no longer each whole number.
                #[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
                Some(value) if value.trunc() == value && value.abs() < 9e15 => {
                    number(out, Some(value as i64))
                }
                Some(_) => Put::Unfit,
            },
            // A keyword is text; numbers are spelt.
            (
                Kind::Keyword,
                Self::Integer(_)
                | Self::Unsigned(_)
                | Self::Short(_)
                | Self::Boolean(_)
                | Self::Float(_),
            ) => {
                let start = out.len();
                out.push(b'"');
                match self.put(row, out) {
                    Put::Written => out.push(b'"'),
                    missing => {
                        out.truncate(start);
                        return missing;
                    }
                }
                Put::Written
            }
            (Kind::Keyword, Self::Other(column)) => match column.get(row) {
                Ok(AnyValue::List(list)) if list.dtype() == &DataType::String => self.put(row, out),
                Ok(AnyValue::Null) | Err(_) => Put::Missing,
                Ok(value) => {
                    let mut told = String::new();
                    text::push(&mut told, &value);
                    push_text(out, &told);
                    Put::Written
                }
            },
            (_, Self::Other(column)) if column.get(row).is_ok_and(|value| value.is_null()) => {
                Put::Missing
            }
            (_, cells) if cells.is_missing(row) => Put::Missing,
            _ => Put::Unfit,
        }
    }

    /// A moment in microseconds since the epoch, if it is one.
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

    /// A number, if it is one.
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
        self.put(row, &mut nowhere) == Put::Missing
    }
}

/// Text as a field of that type holds it; with commas between, where it is an export's form of several.
fn text_as(kind: Kind, text: &str, out: &mut Vec<u8>) -> Put {
    let trimmed = text.trim();
    match kind {
        Kind::Keyword => push_text(out, text),
        Kind::Long => return trimmed.parse::<i64>().map_or(Put::Unfit, |x| number(out, Some(x))),
        Kind::Float => match trimmed.parse::<f64>() {
            Ok(value) if value.is_finite() => return float(out, value),
            _ => return Put::Unfit,
        },
        Kind::Boolean => match trimmed {
            "true" | "false" => out.extend(trimmed.as_bytes()),
            _ => return Put::Unfit,
        },
        Kind::Date => match datetime::parse(trimmed) {
            Some(moment) => push_text(out, &text::instant(moment, TimeUnit::Microseconds)),
            None => return Put::Unfit,
        },
        Kind::Ip if trimmed.parse::<IpAddr>().is_ok() => push_text(out, trimmed),
        Kind::Ip => {
            let parts = || trimmed.split(',').map(str::trim);
            if !parts().all(|part| part.parse::<IpAddr>().is_ok()) {
                return Put::Unfit;
            }
            list(out, parts(), push_text);
        }
    }
    Put::Written
}

/// `[a,b]`, each written by `push`.
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

fn number(out: &mut Vec<u8>, value: Option<impl std::fmt::Display>) -> Put {
    let Some(value) = value else { return Put::Missing };
    // Writing to memory cannot fail.
    let _ = write!(out, "{value}");
    Put::Written
}

/// JSON has no NaN and no infinities: those are missing.
pub(super) fn float(out: &mut Vec<u8>, value: f64) -> Put {
    if !value.is_finite() {
        return Put::Missing;
    }
    let _ = serde_json::to_writer(out, &value);
    Put::Written
}

pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(out, text);
}

fn any(out: &mut Vec<u8>, value: &AnyValue<'_>) -> Put {
    match value {
        AnyValue::Null => return Put::Missing,
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
            if any(out, &value) != Put::Written {
                out.extend(b"null");
            }
        }),
        value => {
            let mut told = String::new();
            text::push(&mut told, value);
            push_text(out, &told);
        }
    }
    Put::Written
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn put_as(kind: Kind, column: &Column, row: usize) -> (Put, String) {
        let mut out = Vec::new();
        let put = Cells::new(column).unwrap().put_as(kind, row, &mut out);
        assert!(put == Put::Written || out.is_empty());
        (put, String::from_utf8(out).unwrap())
    }

    fn text(kind: Kind, value: &str) -> (Put, String) {
        put_as(kind, &Column::new("a".into(), [value]), 0)
    }

    fn written(value: &str) -> (Put, String) {
        (Put::Written, value.to_owned())
    }

    #[test]
    fn text_becomes_what_the_field_holds() {
        assert_eq!(text(Kind::Keyword, "a\"b\n"), written(r#""a\"b\n""#));
        assert_eq!(text(Kind::Long, "0443"), written("443"));
        assert_eq!(text(Kind::Float, "1.5e3"), written("1500.0"));
        assert_eq!(text(Kind::Boolean, "true"), written("true"));
        assert_eq!(text(Kind::Ip, "10.0.0.1"), written(r#""10.0.0.1""#));
        assert_eq!(text(Kind::Ip, "10.0.0.1, ::1"), written(r#"["10.0.0.1","::1"]"#));
        let date = written(r#""2022-11-02T13:04:05.123Z""#);
        assert_eq!(text(Kind::Date, "Nov 2, 2022 @ 13:04:05.123"), date);
        assert_eq!(text(Kind::Ip, ""), (Put::Missing, String::new()));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let unfit = [
            (Kind::Long, "12.5"),
            (Kind::Long, "n/a"),
            (Kind::Float, "NaN"),
            (Kind::Boolean, "yes"),
            (Kind::Ip, "-"),
            (Kind::Ip, "10.0.0.1,x"),
            (Kind::Date, "yesterday"),
        ];
        for (kind, value) in unfit {
            assert_eq!(text(kind, value).0, Put::Unfit, "{value}");
        }
        let numbers = Column::new("a".into(), [1.5, 3.0, f64::NAN]);
        assert_eq!(put_as(Kind::Long, &numbers, 0).0, Put::Unfit);
        assert_eq!(put_as(Kind::Long, &numbers, 1), written("3"));
        assert_eq!(put_as(Kind::Float, &numbers, 2).0, Put::Missing);
        assert_eq!(put_as(Kind::Ip, &numbers, 0).0, Put::Unfit);
        assert_eq!(put_as(Kind::Keyword, &numbers, 0), written("\"1.5\""));
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
        let kinds = [Kind::Keyword, Kind::Long, Kind::Float, Kind::Boolean, Kind::Date, Kind::Ip];
        for of in of {
            let column = Column::full_null("a".into(), 1, &of);
            for kind in kinds {
                assert_eq!(put_as(kind, &column, 0).0, Put::Missing, "{of} {kind:?}");
            }
        }
    }
}
