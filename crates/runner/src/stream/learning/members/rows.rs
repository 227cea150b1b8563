//! The rows of a batch as members read them.

use anomal_core::{Batch, Result};
use anomal_detectors::online::{Kind, Value};
use polars::prelude::{Column, DataType, StringChunked};

use super::Feature;

/// Rows of a batch as members read them.
pub(in crate::stream) struct MemberRows<'a> {
    /// The names of their entities.
    pub entities: &'a StringChunked,
    /// By feature.
    pub values: Vec<Vec<Value>>,
}

impl<'a> MemberRows<'a> {
    /// # Errors
    /// `Internal` for a batch without the features.
    pub fn new(features: &[Feature], entities: &'a StringChunked, batch: &Batch) -> Result<Self> {
        let values = features.iter().map(|feature| {
            let column = batch.features.column(&feature.name)?;
            match feature.kind {
                Kind::Number => numbers(column),
                Kind::Category => categories(column),
            }
        });
        Ok(Self { entities, values: values.collect::<Result<_>>()? })
    }
}

/// The names of the entities of a batch's rows: the values of the columns, and none where all are missing. In one chunk.
///
/// # Errors
/// `Internal` for a batch without one of the columns.
pub(in crate::stream) fn entities(by: &[String], batch: &Batch) -> Result<StringChunked> {
    let columns =
        by.iter().map(|name| texts(batch.raw.column(name)?)).collect::<Result<Vec<_>>>()?;
    if let [column] = columns.as_slice() {
        return Ok(column.clone());
    }
    let name = |row: usize| {
        let parts: Vec<Option<&str>> = columns.iter().map(|column| column.get(row)).collect();
        let is_known = parts.iter().any(Option::is_some);
        is_known.then(|| parts.iter().map(|part| part.unwrap_or("-")).collect::<Vec<_>>().join(" "))
    };
    Ok((0..batch.height()).map(name).collect())
}

fn texts(column: &Column) -> Result<StringChunked> {
    Ok(column.cast(&DataType::String)?.str()?.rechunk().into_owned())
}

fn numbers(column: &Column) -> Result<Vec<Value>> {
    let column = column.cast(&DataType::Float64)?;
    let value = |number: Option<f64>| number.map_or(Value::Missing, Value::number);
    Ok(column.f64()?.iter().map(value).collect())
}

fn categories(column: &Column) -> Result<Vec<Value>> {
    let value = |text: Option<&str>| text.map_or(Value::Missing, Value::text);
    Ok(texts(column)?.iter().map(value).collect())
}
