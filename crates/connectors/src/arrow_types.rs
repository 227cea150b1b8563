//! Columns of Arrow types that the table library lacks.
//!
//! They are structs with one field in a type that it has, whose reserved name says the Arrow type, so that nothing beside
//! the column has to be carried along. Decimals are their digits; times, and dates in milliseconds, their counts. Outputs
//! write the exact text of a value or, to Parquet, the Arrow type.

mod export;
mod float16;
mod text;
mod typed;

use std::{
    fmt::{self, Display},
    str::FromStr,
};

use polars::prelude::{Column, DataType, PlSmallStr, Series};
use polars_arrow::datatypes::{ArrowDataType, TimeUnit};

pub(crate) use export::{export_array, export_field};
pub(crate) use float16::widen;
pub(crate) use text::{push, push_json, texts};
pub(crate) use typed::{cast, type_of};

/// Prefix of the reserved names.
const PREFIX: &str = "anomal.arrow.";

/// A type that the table library lacks. The comments say what the field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArrowType {
    /// 32-bit integers, as for the next.
    Int8,
    Int16,
    /// Unsigned 32-bit integers, as for the next.
    UInt8,
    UInt16,
    /// 32-bit floats.
    Float16,
    /// Text: digits with `scale` of them behind the point.
    Decimal {
        precision: usize,
        scale: usize,
    },
    /// Milliseconds since 1970.
    Date64,
    /// Seconds since 1970, with the zone of the type.
    Seconds(Option<PlSmallStr>),
    /// Seconds.
    DurationSeconds,
    /// Units since midnight.
    Time(TimeUnit),
    /// Bytes that are shown as UTF-8 text.
    Binary,
    /// Bytes that are shown as hexadecimal digits.
    Hexadecimal,
    /// Text: `8-4-4-4-12` hexadecimal digits.
    Uuid,
    /// Lists of structs of a key and a value.
    Map,
}

impl Display for ArrowType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int8 => out.write_str("int8"),
            Self::Int16 => out.write_str("int16"),
            Self::UInt8 => out.write_str("uint8"),
            Self::UInt16 => out.write_str("uint16"),
            Self::Float16 => out.write_str("float16"),
            Self::Decimal { precision, scale } => write!(out, "decimal({precision},{scale})"),
            Self::Date64 => out.write_str("date64"),
            Self::Seconds(zone) => {
                write!(out, "seconds({})", zone.as_ref().map_or("", |zone| zone.as_str()))
            }
            Self::DurationSeconds => out.write_str("duration(s)"),
            Self::Time(unit) => write!(out, "time({})", unit_name(*unit)),
            Self::Binary => out.write_str("binary"),
            Self::Hexadecimal => out.write_str("hexadecimal"),
            Self::Uuid => out.write_str("uuid"),
            Self::Map => out.write_str("map"),
        }
    }
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

/// A name that is none of these types'.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownType;

impl FromStr for ArrowType {
    type Err = UnknownType;

    fn from_str(name: &str) -> Result<Self, UnknownType> {
        let (name, parameters) = match name.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').ok_or(UnknownType)?),
            None => (name, ""),
        };
        Ok(match (name, parameters) {
            ("int8", "") => Self::Int8,
            ("int16", "") => Self::Int16,
            ("uint8", "") => Self::UInt8,
            ("uint16", "") => Self::UInt16,
            ("float16", "") => Self::Float16,
            ("decimal", size) => {
                let (precision, scale) = size.split_once(',').ok_or(UnknownType)?;
                let number = |digits: &str| digits.parse().map_err(|_| UnknownType);
                Self::Decimal { precision: number(precision)?, scale: number(scale)? }
            }
            ("date64", "") => Self::Date64,
            ("seconds", zone) => Self::Seconds((!zone.is_empty()).then(|| zone.into())),
            ("duration", "s") => Self::DurationSeconds,
            ("time", "s") => Self::Time(TimeUnit::Second),
            ("time", "ms") => Self::Time(TimeUnit::Millisecond),
            ("time", "us") => Self::Time(TimeUnit::Microsecond),
            ("time", "ns") => Self::Time(TimeUnit::Nanosecond),
            ("binary", "") => Self::Binary,
            ("hexadecimal", "") => Self::Hexadecimal,
            ("uuid", "") => Self::Uuid,
            ("map", "") => Self::Map,
            _ => return Err(UnknownType),
        })
    }
}

impl ArrowType {
    /// The name of the field.
    pub fn field_name(&self) -> PlSmallStr {
        format!("{PREFIX}{self}").into()
    }

    /// The type of a struct whose only field has this name.
    pub fn from_field(name: &str) -> Option<Self> {
        name.strip_prefix(PREFIX)?.parse().ok()
    }

    /// The type of a column, if it is one of these.
    pub fn from_dtype(dtype: &DataType) -> Option<Self> {
        match dtype {
            DataType::Struct(fields) => match fields.as_slice() {
                [field] => Self::from_field(field.name()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The same of a column of an Arrow table.
    pub fn from_arrow(dtype: &ArrowDataType) -> Option<Self> {
        match dtype {
            ArrowDataType::Struct(fields) => match fields.as_slice() {
                [field] => Self::from_field(&field.name),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether its values are numbers of JSON.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Int8
                | Self::Int16
                | Self::UInt8
                | Self::UInt16
                | Self::Float16
                | Self::Decimal { .. }
                | Self::DurationSeconds
        )
    }
}

/// Whether a column has values of these types, perhaps within lists and structs.
pub(crate) fn is_within(dtype: &DataType) -> bool {
    match dtype {
        DataType::List(item) => is_within(item),
        DataType::Struct(fields) => {
            fields.iter().any(|field| is_reserved(field.name()) || is_within(field.dtype()))
        }
        _ => false,
    }
}

/// A name for messages.
pub(crate) fn type_name(dtype: &DataType) -> String {
    ArrowType::from_dtype(dtype).map_or_else(|| dtype.to_string(), |kind| kind.to_string())
}

/// Whether a name is reserved for columns of these types.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// The type and the field of a column of one of these types.
///
/// # Errors
/// `Internal`.
pub(crate) fn unwrap(column: &Column) -> anomal_core::Result<Option<(ArrowType, Series)>> {
    let Some(kind) = ArrowType::from_dtype(column.dtype()) else { return Ok(None) };
    let field = column.struct_()?.field_by_name(&kind.field_name())?;
    Ok(Some((kind, field)))
}

#[cfg(test)]
mod tests;
