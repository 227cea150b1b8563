//! Values in the engines' five types.

use anomal_core::{Result, proto::DataType as Type};
use polars::prelude::{
    BooleanChunked, Column, DataType, Float64Chunked, Int64Chunked, IntoColumn, IntoSeries, Series,
    TimeUnit,
};

use super::{ArrowType, text, unwrap};
use crate::datetime;

/// The engines' type for a column of this type.
pub(crate) fn type_of(kind: &ArrowType) -> Type {
    match kind {
        ArrowType::Int8 | ArrowType::Int16 | ArrowType::UInt8 | ArrowType::UInt16 => Type::Integer,
        ArrowType::Decimal { precision, scale: 0 } if *precision <= 18 => Type::Integer,
        ArrowType::Float16
        | ArrowType::Decimal { .. }
        | ArrowType::Time(_)
        | ArrowType::DurationSeconds => Type::Float,
        ArrowType::Date64 | ArrowType::Seconds(_) => Type::Datetime,
        ArrowType::Binary | ArrowType::Hexadecimal | ArrowType::Uuid | ArrowType::Map => {
            Type::String
        }
    }
}

/// A column of one of these types as one of the engines'; nothing if it is of another. Values that the type does not
/// have are missing.
///
/// # Errors
/// `Internal`.
pub(crate) fn cast(column: &Column, target: Type) -> Result<Option<Column>> {
    let Some((kind, field)) = unwrap(column)? else { return Ok(None) };
    let typed = match (&kind, target) {
        (ArrowType::Date64, Type::Datetime) => Some(times(&field, 1_000)?),
        (ArrowType::Seconds(_), Type::Datetime) => Some(times(&field, 1_000_000)?),
        (ArrowType::Time(unit), Type::Float) => {
            let per_second = text::per_second(*unit) as f64;
            let seconds = field.i64()?.iter().map(|count| Some(count? as f64 / per_second));
            Some(seconds.collect::<Float64Chunked>().into_series())
        }
        (
            ArrowType::Int8
            | ArrowType::Int16
            | ArrowType::UInt8
            | ArrowType::UInt16
            | ArrowType::Float16
            | ArrowType::DurationSeconds,
            Type::Integer | Type::Float | Type::Boolean,
        ) => {
            let dtype = match target {
                Type::Integer => DataType::Int64,
                Type::Float => DataType::Float64,
                _ => DataType::Boolean,
            };
            Some(field.cast(&dtype)?)
        }
        _ => None,
    };
    let typed = match typed {
        Some(typed) => typed,
        None => parse(column, target)?,
    };
    Ok(Some(typed.into_column().with_name(column.name().clone())))
}

/// Counts of `micros` microseconds as times.
fn times(counts: &Series, micros: i64) -> Result<Series> {
    let times = counts.i64()?.iter().map(|count| count?.checked_mul(micros));
    let times: Int64Chunked = times.collect();
    Ok(times.into_datetime(TimeUnit::Microseconds, None).into_series())
}

/// The values by their texts.
fn parse(column: &Column, target: Type) -> Result<Series> {
    let texts = text::texts(column)?.unwrap_or_default();
    Ok(match target {
        Type::Integer => {
            texts.iter().map(|text| text?.parse().ok()).collect::<Int64Chunked>().into_series()
        }
        Type::Float => {
            texts.iter().map(|text| text?.parse().ok()).collect::<Float64Chunked>().into_series()
        }
        Type::Boolean => texts.iter().map(|_| None).collect::<BooleanChunked>().into_series(),
        Type::Datetime => {
            let times: Int64Chunked = texts.iter().map(|text| datetime::parse(text?)).collect();
            times.into_datetime(TimeUnit::Microseconds, None).into_series()
        }
        Type::String | Type::Unspecified => texts.into_series(),
    })
}
