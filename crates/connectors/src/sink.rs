//! What an output driver does.

use anomal_core::{ROW, Result, Table};
use anomal_spec::{Include, Rows};
use polars::prelude::{BooleanChunked, Column, DataFrame, NewChunkedArray};

/// Rows with their results, in input order.
#[derive(Clone, Debug)]
pub struct ResultBatch {
    /// All columns of the input as they were read.
    pub source: Table,
    /// The columns that have a type of their own beside their text (CSV input), by name.
    pub typed: DataFrame,
    /// The `anomal.*` columns in order: score f64, rank f64, cluster u32, suspicious bool, severity
    /// string, flags list of strings, reasons list of structs {feature: string, share: f64},
    /// explanation string; then `anomal.features.*` and `anomal.contributions.*`, which a sink leaves
    /// out unless its `include` names them.
    pub results: DataFrame,
}

/// Rows whose results are still to come.
#[derive(Clone, Debug)]
pub struct Known {
    /// All columns of the input as they were read.
    pub source: Table,
    /// The columns that have a type of their own beside their text (CSV input), by name.
    pub typed: DataFrame,
    /// Features that nothing asks for before the rows are written.
    pub features: DataFrame,
}

/// The result of a finished sink: the target and its row counts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WriteOutcome {
    /// A path, `-` for standard output, or where else it went.
    pub target: String,
    /// Rows that are there now.
    pub rows: u64,
    /// Those of them that were there before, from an earlier try or run.
    #[serde(skip_serializing_if = "none")]
    pub existing: u64,
    /// Rows that a server did not take, beside `rows`.
    #[serde(skip_serializing_if = "none")]
    pub refused: u64,
    /// Where those are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_in: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn none(count: &u64) -> bool {
    *count == 0
}

impl WriteOutcome {
    /// All rows, and each for the first time.
    pub fn new(target: impl Into<String>, rows: u64) -> Self {
        Self { target: target.into(), rows, existing: 0, refused: 0, refused_in: None }
    }
}

/// An output that is open. What is not finished is not there: a file has a temporary name until
/// [`Sink::finish`], an object is an upload that is not complete, and dropping the sink removes it.
pub trait Sink: Send {
    /// Whether this sink wants all rows, or only those suspicious or flagged: told by the settings,
    /// applied by the sink itself.
    ///
    /// # Errors
    /// `Output`: disk full, permission, a folder that is not there.
    fn write(&mut self, batch: &ResultBatch) -> Result<()>;

    /// This sink as one that takes rows before their results, if it can.
    fn early(&mut self) -> Option<&mut dyn EarlySink> {
        None
    }

    /// All that is left to do but to make it visible, so that where one of several outputs fails, none is
    /// there.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// # Errors
    /// As [`Sink::write`].
    fn finish(self: Box<Self>) -> Result<WriteOutcome>;
}

/// A sink that takes what is known of rows before their results are. If it has been given any, the batches
/// that follow hold the results of the same rows, without the source; the known features are there by name
/// alone.
pub trait EarlySink {
    /// Takes rows in input order.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn known(&mut self, rows: Known) -> Result<()>;

    /// Some rows again, told by their place among those written, with these columns of the source. Nothing
    /// is written after that.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn recall(&mut self, places: &[u64], columns: &[String]) -> Result<DataFrame>;
}

/// Which rows and columns of the results an output takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    suspects: bool,
    features: bool,
    contributions: bool,
}

/// What an output takes of a batch.
pub(crate) struct Chosen {
    pub source: Table,
    pub typed: DataFrame,
    pub results: DataFrame,
}

impl Chosen {
    /// One frame of the source, each column with the type that it has, the row numbers and the results.
    pub fn typed_frame(&self) -> Result<DataFrame> {
        let mut columns = typed_columns(&self.source, &self.typed);
        columns.push(Column::new(ROW.into(), self.source.rows()));
        columns.extend(self.results.columns().iter().cloned());
        Ok(DataFrame::new(self.source.height(), columns)?)
    }
}

/// The source's columns, each with the type that it has.
pub(crate) fn typed_columns(source: &Table, typed: &DataFrame) -> Vec<Column> {
    let of_type = |column: &Column| typed.column(column.name()).unwrap_or(column).clone();
    source.columns().columns().iter().map(of_type).collect()
}

impl Choice {
    /// Whether all rows are taken.
    pub fn all(&self) -> bool {
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

    pub fn of(&self, batch: &ResultBatch) -> Result<Chosen> {
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
            return Ok(Chosen { source, typed, results });
        }
        let mask = suspects(&results)?;
        let typed = if typed.width() == 0 { typed } else { typed.filter(&mask)? };
        Ok(Chosen { source: source.filter(&mask)?, typed, results: results.filter(&mask)? })
    }
}

/// Rows of a result table that are suspicious or flagged.
///
/// # Errors
/// `Internal` if it is none.
pub fn suspects(results: &DataFrame) -> Result<BooleanChunked> {
    let suspicious = results.column("anomal.suspicious")?.bool()?;
    let severity = results.column("anomal.severity")?;
    let flagged = severity.is_not_null();
    let either = suspicious.iter().zip(flagged.iter());
    let either =
        either.map(|(suspicious, flagged)| suspicious == Some(true) || flagged == Some(true));
    Ok(BooleanChunked::from_iter_values("suspects".into(), either))
}
