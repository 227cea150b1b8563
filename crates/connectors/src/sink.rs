//! The interface of output drivers.

use anomal_core::{ROW, Result, Table};
use anomal_spec::{Include, Rows};
use polars::prelude::{BooleanChunked, Column, DataFrame, NewChunkedArray};

/// Rows with their results, in input order.
#[derive(Clone, Debug)]
pub struct ResultBatch {
    /// All columns of the input as they were read.
    pub source: Table,
    /// The columns that have a typed form beside their text (CSV input), by name.
    pub typed: DataFrame,
    /// The `anomal.*` columns in order: score f64, rank f64, cluster u32, suspicious bool, severity
    /// string, flags list of strings, reasons list of structs {feature: string, share: f64},
    /// explanation string; then `anomal.features.*` and `anomal.contributions.*`, which a sink omits
    /// unless its `include` names them.
    pub results: DataFrame,
}

/// Rows whose results are not available yet.
#[derive(Clone, Debug)]
pub struct Known {
    /// All columns of the input as they were read.
    pub source: Table,
    /// The columns that have a typed form beside their text (CSV input), by name.
    pub typed: DataFrame,
    /// Features that are not used before the rows are written.
    pub features: DataFrame,
}

/// The result of a finished sink: the target and its row counts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WriteOutcome {
    /// A path, `-` for standard output, or the URL of an index.
    pub target: String,
    /// Rows in the target now.
    pub rows: u64,
    /// Rows among them that an earlier attempt or run had written.
    #[serde(skip_serializing_if = "none")]
    pub existing: u64,
    /// Rows that a server rejected; not included in `rows`.
    #[serde(skip_serializing_if = "none")]
    pub refused: u64,
    /// The file that holds the rejected rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_in: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn none(count: &u64) -> bool {
    *count == 0
}

impl WriteOutcome {
    /// All rows written, none of them before.
    pub fn new(target: impl Into<String>, rows: u64) -> Self {
        Self { target: target.into(), rows, existing: 0, refused: 0, refused_in: None }
    }
}

/// An open output. Nothing is visible before [`Sink::finish`]: a file has a temporary name, an object is an incomplete
/// upload, and dropping the sink removes either.
pub trait Sink: Send {
    /// Writes rows in input order. The sink itself applies the settings `rows` and `include`.
    ///
    /// # Errors
    /// `Output`: disk full, permission denied, folder missing.
    fn write(&mut self, batch: &ResultBatch) -> Result<()>;

    /// This sink as one that accepts rows before their results, if it supports that.
    fn early(&mut self) -> Option<&mut dyn EarlySink> {
        None
    }

    /// Completes the output without making it visible, so that if one of several outputs fails, none appears.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// Makes the output visible.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn finish(self: Box<Self>) -> Result<WriteOutcome>;
}

/// A sink that accepts rows before their results. If it received any, the batches that follow hold the results of the
/// same rows, without the source; of the features that were passed here, those batches have the names only.
pub trait EarlySink {
    /// Accepts rows in input order.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn known(&mut self, rows: Known) -> Result<()>;

    /// Reads back the rows at these positions among those written, with these columns of the source. Nothing may be
    /// written afterwards.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn recall(&mut self, places: &[u64], columns: &[String]) -> Result<DataFrame>;
}

/// The rows and columns of the results that an output writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projection {
    suspects: bool,
    features: bool,
    contributions: bool,
}

/// The part of a batch that an output writes.
pub(crate) struct ProjectedBatch {
    pub source: Table,
    pub typed: DataFrame,
    pub results: DataFrame,
}

impl ProjectedBatch {
    /// One frame: the source's columns, typed where a type is available, the row numbers, the results.
    pub fn typed_frame(&self) -> Result<DataFrame> {
        let mut columns = typed_columns(&self.source, &self.typed);
        columns.push(Column::new(ROW.into(), self.source.rows()));
        columns.extend(self.results.columns().iter().cloned());
        Ok(DataFrame::new(self.source.height(), columns)?)
    }
}

/// The source's columns, typed where a type is available.
pub(crate) fn typed_columns(source: &Table, typed: &DataFrame) -> Vec<Column> {
    let with_type = |column: &Column| typed.column(column.name()).unwrap_or(column).clone();
    source.columns().columns().iter().map(with_type).collect()
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

    pub fn project(&self, batch: &ResultBatch) -> Result<ProjectedBatch> {
        let wanted = |name: &str| match name.strip_prefix("anomal.") {
            Some(name) if name.starts_with("features.") => self.features,
            Some(name) if name.starts_with("contributions.") => self.contributions,
            _ => true,
        };
        let columns = batch.results.columns().iter();
        let columns = columns.filter(|column| wanted(column.name())).cloned().collect();
        let results = DataFrame::new(batch.results.height(), columns)?;
        let (source, typed) = (batch.source.clone(), batch.typed.clone());
        if !self.suspects {
            return Ok(ProjectedBatch { source, typed, results });
        }
        let mask = suspects(&results)?;
        let typed = if typed.width() == 0 { typed } else { typed.filter(&mask)? };
        Ok(ProjectedBatch { source: source.filter(&mask)?, typed, results: results.filter(&mask)? })
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
