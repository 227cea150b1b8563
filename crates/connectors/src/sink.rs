//! What an output driver does.

use anomal_core::{Result, Table};
use polars::prelude::DataFrame;

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

/// What a sink has written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// A path, `-` for standard output, or where else it went.
    pub target: String,
    pub rows: u64,
}

/// An output that is open. What is not finished is not there: a file has a temporary name until
/// [`Sink::finish`], and dropping the sink removes it.
pub trait Sink: Send {
    /// Whether this sink wants all rows, or only those suspicious or flagged: told by the settings,
    /// applied by the sink itself.
    ///
    /// # Errors
    /// `Output`: disk full, permission, a folder that is not there.
    fn write(&mut self, batch: &ResultBatch) -> Result<()>;

    /// # Errors
    /// As [`Sink::write`].
    fn finish(self: Box<Self>) -> Result<Written>;
}
