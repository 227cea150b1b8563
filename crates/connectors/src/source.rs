//! What an input driver does.

use std::fmt::Write;

use anomal_core::{
    Error, Result, Table,
    proto::{Column, DataType, Diagnostic},
};
use anomal_spec::ColumnType;
use polars::prelude::DataFrame;

/// How much of a rejected record is kept.
pub(crate) const RAW_BYTES: usize = 4096;

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
    /// What of this batch could not be taken along, each told once of an input.
    pub diagnostics: Vec<Diagnostic>,
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

    /// All columns as [`Batch::source`] has them, without rows: what a result without rows looks like.
    fn empty(&self) -> DataFrame;

    /// Bytes of the input consumed, and in all where that is known.
    fn progress(&self) -> (u64, Option<u64>);

    /// The files read, in order (standard input: none): an output must not be one of them.
    fn files(&self) -> &[std::path::PathBuf];

    /// What tells these records from others that the same settings may stand for at another time, if that is known:
    /// a second run over the same records is the first one tried again.
    fn identity(&self) -> Option<String> {
        identity(self.files())
    }
}

/// Names, sizes and times of files; nothing where one of them is not on this machine.
fn identity(files: &[std::path::PathBuf]) -> Option<String> {
    let mut identity = String::new();
    for file in files {
        let known = std::fs::metadata(file).ok()?;
        let changed = known.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        let name = std::fs::canonicalize(file).ok()?;
        // A line for each; a name that has a line end only makes another text of it.
        writeln!(identity, "{} {} {}", name.display(), known.len(), changed.as_nanos()).ok()?;
    }
    (!identity.is_empty()).then_some(identity)
}

impl Rejected {
    /// What stops a run where bad records are errors.
    pub(crate) fn into_error(self, driver: &str) -> Error {
        let column = self.column.map(|column| format!(" in column `{column}`")).unwrap_or_default();
        let types = if column.is_empty() {
            String::new()
        } else {
            format!(", or name the column's type in {}.types", driver.to_lowercase())
        };
        Error::input(
            "BAD_RECORD",
            format!(
                "{}:{}: row {}{column}: {}; mend the file{types}, or set badLines: skip to keep such records in a \
                 file of their own and go on",
                self.file, self.line, self.row, self.reason
            ),
        )
    }
}

/// The beginning of a record as text.
pub(crate) fn raw_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(RAW_BYTES)]).into_owned()
}

pub(crate) fn type_named(of: ColumnType) -> DataType {
    match of {
        ColumnType::String => DataType::String,
        ColumnType::Integer => DataType::Integer,
        ColumnType::Float => DataType::Float,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Datetime => DataType::Datetime,
    }
}
