//! Columns of a file in the types that they have in the first file of an input.

use anomal_core::{Result, proto::DataType as Type};
use polars::prelude::{Column, DataType, IntoColumn, IntoSeries, StructChunked};

use crate::{
    arrow_types::{self, ArrowType},
    typing::type_of,
};

/// How a type becomes another without a change of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conformity {
    Same,
    /// By a cast, if all values can be cast back.
    Cast,
}

impl Conformity {
    /// Nothing if the types have different values.
    pub fn new(from: &DataType, to: &DataType) -> Option<Self> {
        if from == to {
            return Some(Self::Same);
        }
        let kinds = [ArrowType::from_dtype(from), ArrowType::from_dtype(to)];
        let alike = type_of(from) == type_of(to);
        let cast = match type_of(from) {
            Type::Integer => {
                !kinds.iter().flatten().any(|kind| matches!(kind, ArrowType::Decimal { .. }))
            }
            Type::Float => kinds.iter().all(Option::is_none) && from.is_float() == to.is_float(),
            Type::Datetime => kinds.iter().all(Option::is_none) && has_zone(from) == has_zone(to),
            _ => false,
        };
        let missing = [from, to].contains(&&DataType::Null) && kinds[1].is_none();
        (alike && cast || missing).then_some(Self::Cast)
    }
}

fn has_zone(dtype: &DataType) -> bool {
    matches!(dtype, DataType::Datetime(_, Some(_)))
}

/// The column as `dtype`; the row of a value that it does not have.
///
/// # Errors
/// `Internal`.
pub(super) fn conform(column: &Column, dtype: &DataType) -> Result<Result<Column, usize>> {
    if column.dtype() == dtype {
        return Ok(Ok(column.clone()));
    }
    let from = match arrow_types::unwrap(column)? {
        Some((_, field)) => field.into_column(),
        None => column.clone(),
    };
    let kind = ArrowType::from_dtype(dtype);
    let stored = match (dtype, &kind) {
        (DataType::Struct(fields), Some(_)) => fields[0].dtype(),
        _ => dtype,
    };
    let to = from.cast(stored)?;
    let back = to.cast(from.dtype())?;
    let fits = |row: usize| -> Result<bool> {
        Ok(from.get(row)? == back.get(row)?
            && kind.as_ref().is_none_or(|kind| in_range(kind, &to, row)))
    };
    let same = back.as_materialized_series().equals_missing(from.as_materialized_series());
    if !same || kind.is_some() {
        for row in 0..from.len() {
            if !fits(row)? {
                return Ok(Err(row));
            }
        }
    }
    let Some(kind) = kind else { return Ok(Ok(to.with_name(column.name().clone()))) };
    let field = to.take_materialized_series().with_name(kind.field_name());
    let tagged = StructChunked::from_series(column.name().clone(), column.len(), [field].iter())?;
    Ok(Ok(tagged.into_series().into_column()))
}

/// Whether a number is one of a narrow type.
fn in_range(kind: &ArrowType, column: &Column, row: usize) -> bool {
    let Some(number) = column.get(row).ok().and_then(|value| value.extract::<i64>()) else {
        return true;
    };
    match kind {
        ArrowType::Int8 => i8::try_from(number).is_ok(),
        ArrowType::Int16 => i16::try_from(number).is_ok(),
        ArrowType::UInt8 => u8::try_from(number).is_ok(),
        ArrowType::UInt16 => u16::try_from(number).is_ok(),
        _ => true,
    }
}
