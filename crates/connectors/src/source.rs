//! What an input driver does.

use anomal_core::{Result, Table, proto::Column};
use polars::prelude::DataFrame;

/// Records as they were read.
#[derive(Clone, Debug)]
pub struct Batch {
    /// All columns as they were read, with the records' numbers. CSV: text, every cell to the byte.
    pub source: Table,
    /// The selected columns of the same rows, in the order selected, typed for the engines: String,
    /// Int64, Float64, Boolean, Datetime(µs).
    pub typed: DataFrame,
    /// Records of this batch that could not be read (`badLines: skip`).
    pub rejected: Vec<Rejected>,
}

/// A record that could not be read. Its number is one of the input's too.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rejected {
    pub file: String,
    /// The line that the record starts on, from 1.
    pub line: u64,
    /// The record's number, from 0, over all files.
    pub row: u64,
    pub column: Option<String>,
    pub reason: String,
    /// The first 4 KiB, invalid UTF-8 replaced.
    pub raw: String,
}

/// An input that is open. The order of calls: [`Source::schema`], [`Source::select`], then
/// [`Source::next_batch`] until it gives nothing.
pub trait Source: Send {
    /// All columns in order, with given or inferred types.
    fn schema(&self) -> &[Column];

    /// Names the columns that [`Batch::typed`] is to hold and their types.
    ///
    /// # Errors
    /// `InvalidSettings` if a column can't have that type.
    fn select(&mut self, columns: &[Column]) -> Result<()>;

    /// The next records in input order; batches have the same bounds in every run.
    ///
    /// # Errors
    /// `InvalidInput` with file, line and column: a bad record where `badLines` is `error`, a file that
    /// can't be read or decompressed.
    fn next_batch(&mut self) -> Result<Option<Batch>>;

    /// Types the selected columns of rows that this source has read before, as
    /// [`Batch::typed`] had them. A pure function of the columns, usable from any thread.
    fn retype(&self) -> Box<dyn Fn(&DataFrame) -> Result<DataFrame> + Send + Sync>;

    /// Bytes of the input consumed, and in all where that is known.
    fn progress(&self) -> (u64, Option<u64>);

    /// The files read, in order (standard input: none): an output must not be one of them.
    fn files(&self) -> &[std::path::PathBuf];
}
