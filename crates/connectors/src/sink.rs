//! What output drivers share.

use anomal_core::{Batch, ROW, Result};
use anomal_spec::{Include, Rows};
use polars::prelude::{BooleanChunked, Column, DataFrame, DataType, NewChunkedArray};

use crate::json_text;

/// The rows and columns of the results that an output writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projection {
    suspects: bool,
    features: bool,
    contributions: bool,
}

/// One frame: `columns` of the input, the row numbers, the results.
///
/// # Errors
/// `Internal`.
pub(crate) fn frame(batch: &Batch, mut columns: Vec<Column>) -> Result<DataFrame> {
    columns.push(Column::new(ROW.into(), batch.offsets()));
    columns.extend(batch.results.columns().iter().cloned());
    Ok(DataFrame::new(batch.height(), columns)?)
}

/// The input's columns, typed where a type is available. JSON values of several types stay [`json_text`].
pub(crate) fn json_columns(batch: &Batch) -> Vec<Column> {
    let with_type = |column: &Column| batch.typed.column(column.name()).unwrap_or(column).clone();
    batch.raw.columns().iter().map(with_type).collect()
}

/// As [`json_columns`], with numbers that were read as times as numbers.
pub(crate) fn columns_as_read(batch: &Batch) -> Vec<Column> {
    let columns = json_columns(batch).into_iter().zip(batch.raw.columns());
    let as_read = |(typed, raw): (Column, &Column)| match typed.dtype() {
        DataType::Datetime(..) if raw.dtype() != &DataType::String => raw.clone(),
        _ => typed,
    };
    columns.map(as_read).collect()
}

/// The input's columns in types that all formats have: typed where a type is available, numbers, text.
///
/// # Errors
/// `Internal`.
pub(crate) fn typed_columns(batch: &Batch) -> Result<Vec<Column>> {
    json_columns(batch).iter().map(json_text::to_typed).collect()
}

impl Projection {
    /// Whether all rows are written.
    pub fn takes_all_rows(&self) -> bool {
        !self.suspects
    }

    pub fn features(&self) -> bool {
        self.features
    }

    pub fn new(rows: Rows, include: &[Include]) -> Self {
        Self {
            suspects: rows == Rows::Suspicious,
            features: include.contains(&Include::Features),
            contributions: include.contains(&Include::Contributions),
        }
    }

    /// The rows and result columns of a batch that the output writes.
    ///
    /// # Errors
    /// `Internal` if the batch has no results.
    pub fn project(&self, batch: &Batch) -> Result<Batch> {
        let wanted = |name: &str| match name.strip_prefix("anomal.") {
            Some(name) if name.starts_with("features.") => self.features,
            Some(name) if name.starts_with("contributions.") => self.contributions,
            _ => true,
        };
        let columns = batch.results.columns().iter();
        let columns = columns.filter(|column| wanted(column.name())).cloned().collect();
        let mut projected = batch.ids_only();
        projected.results = DataFrame::new(batch.height(), columns)?;
        (projected.raw, projected.typed) = (batch.raw.clone(), batch.typed.clone());
        if !self.suspects {
            return Ok(projected);
        }
        let mask = suspects(&projected.results)?;
        projected.filter(&mask)
    }
}

/// A mask of the rows of a result table that are suspicious or flagged.
///
/// # Errors
/// `Internal` if it is not a result table.
pub fn suspects(results: &DataFrame) -> Result<BooleanChunked> {
    let suspicious = results.column("anomal.suspicious")?.bool()?;
    let severity = results.column("anomal.severity")?;
    let flagged = severity.is_not_null();
    let either = suspicious.iter().zip(flagged.iter());
    let either =
        either.map(|(suspicious, flagged)| suspicious == Some(true) || flagged == Some(true));
    Ok(BooleanChunked::from_iter_values("suspects".into(), either))
}
