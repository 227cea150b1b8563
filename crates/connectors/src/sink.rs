//! What output drivers share.

use anomal_core::{Batch, ROW, Result, proto::DataType as Type};
use anomal_spec::{Include, Rows};
use polars::prelude::{BooleanChunked, Column, DataFrame, DataType, IntoColumn, NewChunkedArray};

use crate::{
    arrow_types::{self, ArrowType},
    json_text, typing,
};

/// The bit of `anomal.incidents.*`.
const INCIDENTS: u8 = 1 << 7;
/// The bit of `anomal.time`, `anomal.actor` and `anomal.target`.
const ENTITIES: u8 = 1 << 6;

/// The rows and columns of the results that an output writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projection {
    rows: Rows,
    /// A bit for each kind of columns that are included.
    included: u8,
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

/// The input's columns: those that were read as text typed where a type is available, others as they were read.
pub(crate) fn json_columns(batch: &Batch) -> Vec<Column> {
    let with_type = |column: &Column| {
        let is_text =
            column.dtype() == &DataType::String || json_text::field(column.dtype()).is_some();
        let typed = batch.typed.column(column.name()).ok().filter(|_| is_text);
        typed.unwrap_or(column).clone()
    };
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

/// The input's columns in types that Parquet has.
///
/// # Errors
/// `Internal`.
pub(crate) fn typed_columns(batch: &Batch) -> Result<Vec<Column>> {
    json_columns(batch).iter().map(json_text::to_typed).collect()
}

/// The input's columns in types that all readers have: numbers, times, text, and lists and structs of them. Numbers that
/// are not whole and of a type of their own, such as decimals, are `fractions`.
///
/// # Errors
/// `Internal`.
pub(crate) fn simple_columns(batch: &Batch, fractions: Type) -> Result<Vec<Column>> {
    let simple = |column: &Column| {
        let target = match ArrowType::from_dtype(column.dtype()) {
            Some(kind) if kind.is_number() => match arrow_types::type_of(&kind) {
                Type::Float => fractions,
                whole => whole,
            },
            Some(_) => Type::String,
            None if arrow_types::is_within(column.dtype()) => Type::String,
            None => return Ok(column.clone()),
        };
        match arrow_types::cast(column, target)? {
            Some(simple) => Ok(simple),
            None => typing::texts(column),
        }
    };
    typed_columns(batch)?.iter().map(simple).collect()
}

/// A column whose values are written by their text, as text if it is of a type that has one of its own.
///
/// # Errors
/// `Internal`.
pub(crate) fn plain_column(column: &Column) -> Result<Column> {
    match arrow_types::texts(column)? {
        Some(texts) => Ok(texts.into_column()),
        None => json_text::to_plain(column),
    }
}

impl Projection {
    /// Whether all rows are written.
    pub fn takes_all_rows(&self) -> bool {
        self.rows == Rows::All
    }

    pub fn features(&self) -> bool {
        self.includes(Include::Features)
    }

    fn includes(&self, columns: Include) -> bool {
        self.included & bit(columns) != 0
    }

    pub fn new(rows: Rows, include: &[Include]) -> Self {
        Self { rows, included: include.iter().fold(0, |included, one| included | bit(*one)) }
    }

    /// The same with what the incident of each row is.
    pub fn with_incidents(self) -> Self {
        Self { included: self.included | INCIDENTS, ..self }
    }

    /// The same with what each row is about.
    pub fn with_entities(self) -> Self {
        Self { included: self.included | ENTITIES, ..self }
    }

    /// The rows and result columns of a batch that the output writes.
    ///
    /// # Errors
    /// `Internal` if the batch has no results.
    pub fn project(&self, batch: &Batch) -> Result<Batch> {
        let wanted = |name: &str| match name.strip_prefix("anomal.") {
            Some(name) if name.starts_with("features.") => self.includes(Include::Features),
            Some(name) if name.starts_with("contributions.") => {
                self.includes(Include::Contributions)
            }
            Some(name) if name.starts_with("incidents.") => self.included & INCIDENTS != 0,
            Some("details") => self.includes(Include::Details),
            Some("strays") => self.includes(Include::Strays),
            Some("time" | "actor" | "target") => self.included & ENTITIES != 0,
            _ => true,
        };
        let columns = batch.results.columns().iter();
        let columns = columns.filter(|column| wanted(column.name())).cloned().collect();
        let mut projected = batch.ids_only();
        projected.results = DataFrame::new(batch.height(), columns)?;
        (projected.raw, projected.typed) = (batch.raw.clone(), batch.typed.clone());
        if self.rows == Rows::All {
            return Ok(projected);
        }
        let mask = suspects(&projected.results)?;
        projected.filter(&mask)
    }
}

fn bit(columns: Include) -> u8 {
    1 << columns as u8
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
