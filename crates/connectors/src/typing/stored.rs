//! Columns that were read with types, in the engines' five types.

use anomal_core::{Result, proto::DataType as Type};
use polars::prelude::{
    AnyValue, BooleanChunked, ChunkAgg, Column, DataType, Float64Chunked, Int64Chunked, IntoColumn,
    IntoSeries, StringChunked, TimeUnit,
};

use super::{
    classes::Class,
    rules::TypeRules,
    view::{Misfits, View, shown},
};
use crate::{
    arrow_types::{self, ArrowType},
    text,
};

/// The years 1 to 9999, in microseconds since 1970.
const FIRST: i64 = -62_135_596_800_000_000;
const LAST: i64 = 253_402_300_799_999_999;

/// The engines' type for a column's data type.
pub(crate) fn type_of(dtype: &DataType) -> Type {
    if let Some(kind) = ArrowType::from_dtype(dtype) {
        return arrow_types::type_of(&kind);
    }
    match dtype {
        DataType::Boolean => Type::Boolean,
        DataType::Datetime(..) | DataType::Date => Type::Datetime,
        dtype if dtype.is_integer() => Type::Integer,
        dtype if dtype.is_float() || matches!(dtype, DataType::Duration(_)) => Type::Float,
        _ => Type::String,
    }
}

/// Reads a column as the type of a view. Values that the type does not have are missing and strays; whole numbers beyond
/// 64 bits with a sign ask for a wider type.
pub(super) fn cast_column(
    column: &Column,
    view: &View,
    rules: &TypeRules,
) -> Result<(Column, Misfits)> {
    let typed = cast(column, view.data_type)?;
    let mut misfits = Misfits { column: view.source.clone(), ..Misfits::default() };
    let missing = is_missing(column)?;
    if typed.null_count() == missing.iter().filter(|missing| *missing == Some(true)).count() {
        return Ok((typed, misfits));
    }
    let (wanted, widen) = match view.data_type {
        Type::Integer => ("whole numbers of 64 bits", rules.findings.can_restart()),
        Type::Datetime => ("times of the years 1 to 9999", false),
        _ => ("values of the column's type", false),
    };
    misfits.wanted = wanted;
    let nulls = typed.is_null();
    for (index, (null, missing)) in nulls.iter().zip(missing.iter()).enumerate() {
        if null != Some(true) || missing == Some(true) {
            continue;
        }
        let mut value = String::new();
        text::push(&mut value, &column.get(index)?);
        if widen {
            misfits.widen = Some((index, Class::Long, shown(&value)));
            break;
        }
        misfits.strays.push((index, shown(&value)));
    }
    Ok((typed, misfits))
}

fn is_missing(column: &Column) -> Result<BooleanChunked> {
    Ok(match arrow_types::unwrap(column)? {
        Some((_, field)) => field.is_null(),
        None => column.is_null(),
    })
}

fn cast(column: &Column, target: Type) -> Result<Column> {
    if matches!(target, Type::String | Type::Unspecified) {
        return texts(column);
    }
    if let Some(typed) = arrow_types::cast(column, target)? {
        return if target == Type::Datetime { times(&typed) } else { Ok(typed) };
    }
    match (target, column.dtype()) {
        (Type::Datetime, DataType::Date | DataType::Datetime(..)) => times(column),
        (Type::Float, DataType::Duration(unit)) => {
            let per_second = match unit {
                TimeUnit::Nanoseconds => 1e9,
                TimeUnit::Microseconds => 1e6,
                TimeUnit::Milliseconds => 1e3,
            };
            let counts = column.duration()?.physical().iter();
            let seconds: Float64Chunked =
                counts.map(|count| Some(count? as f64 / per_second)).collect();
            Ok(seconds.with_name(column.name().clone()).into_column())
        }
        (Type::Integer, _) => Ok(column.cast(&DataType::Int64)?),
        (Type::Float, _) => Ok(column.cast(&DataType::Float64)?),
        (Type::Boolean, _) => Ok(column.cast(&DataType::Boolean)?),
        (_, _) => Ok(column.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?),
    }
}

/// Dates or times in microseconds, those of other years as missing.
fn times(column: &Column) -> Result<Column> {
    let name = column.name().clone();
    let dtype = DataType::Datetime(TimeUnit::Microseconds, None);
    // The factor from a unit to microseconds, and the units in one.
    let (counts, factor, units) = match column.dtype() {
        DataType::Date => (
            column.date()?.physical().clone().into_series().cast(&DataType::Int64)?,
            86_400_000_000,
            1,
        ),
        DataType::Datetime(unit, _) => {
            let (factor, units) = match unit {
                TimeUnit::Nanoseconds => (1, 1_000),
                TimeUnit::Microseconds => (1, 1),
                TimeUnit::Milliseconds => (1_000, 1),
            };
            (column.datetime()?.physical().clone().into_series(), factor, units)
        }
        _ => return Ok(column.cast(&dtype)?),
    };
    let counts = counts.i64()?;
    let within = |count: i64| {
        let micros = count.checked_mul(factor)?.div_euclid(units);
        (FIRST..=LAST).contains(&micros).then_some(micros)
    };
    let extremes = [counts.min(), counts.max()];
    if extremes.into_iter().flatten().all(|count| within(count).is_some()) {
        return Ok(column.cast(&dtype)?);
    }
    let micros: Int64Chunked = counts.iter().map(|count| within(count?)).collect();
    Ok(micros.into_datetime(TimeUnit::Microseconds, None).into_column().with_name(name))
}

/// The exact text of each value.
///
/// # Errors
/// `Internal`.
pub(crate) fn texts(column: &Column) -> Result<Column> {
    let dtype = column.dtype();
    if let Some(texts) = arrow_types::texts(column)? {
        return Ok(texts.into_column());
    }
    if dtype.is_integer() || matches!(dtype, DataType::Boolean | DataType::String | DataType::Null)
    {
        return Ok(column.cast(&DataType::String)?);
    }
    let values = column.as_materialized_series();
    let texts: StringChunked = values
        .iter()
        .map(|value| {
            let mut text = String::new();
            text::push(&mut text, &value);
            (value != AnyValue::Null).then_some(text)
        })
        .collect();
    Ok(texts.with_name(column.name().clone()).into_column())
}
