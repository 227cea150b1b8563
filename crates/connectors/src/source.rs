//! The interface of input drivers.

use std::fmt::Write;

use anomal_core::{
    Error, Result, Table,
    proto::{Column, DataType, Diagnostic},
};
use anomal_spec::ColumnType;
use anomal_storage::Secrets;
use polars::prelude::DataFrame;

/// Bytes of a rejected record that are kept.
pub(crate) const RAW_BYTES: usize = 4096;

/// A batch of records as they were read.
#[derive(Clone, Debug)]
pub struct Batch {
    /// All columns as they were read, with the records' numbers. CSV cells are text, unchanged to the byte.
    pub source: Table,
    /// The selected columns of the same rows, in the order of selection, with the engines' types: String, Int64,
    /// Float64, Boolean, Datetime(µs).
    pub typed: DataFrame,
    /// Records of this batch that could not be read (`badLines: skip`).
    pub rejected: Vec<Rejected>,
    /// Values of this batch that were dropped. Each kind is reported once per input.
    pub diagnostics: Vec<Diagnostic>,
}

/// A record that could not be read. Rejected records are numbered like all others.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rejected {
    pub file: String,
    /// The line on which the record starts, from 1.
    pub line: u64,
    /// The record's number, from 0, over all files.
    pub row: u64,
    pub column: Option<String>,
    pub reason: String,
    /// The first 4 KiB, invalid UTF-8 replaced.
    pub raw: String,
}

/// Records in a batch. A constant, independent of the machine: results that are computed batch by batch must be the
/// same everywhere.
const BATCH_ROWS: usize = 65_536;

/// Options for opening an input.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Records in a batch, including rejected ones.
    pub batch_rows: usize,
    /// Bytes per read.
    pub block_bytes: usize,
    /// Where the secret that an input names is looked up.
    pub secrets: Secrets,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { batch_rows: BATCH_ROWS, block_bytes: 1 << 20, secrets: Secrets::default() }
    }
}

/// An open input. The order of calls: [`Source::schema`], [`Source::select`], then [`Source::next_batch`] until it
/// returns `None`.
pub trait Source: Send {
    /// All columns in order, with given or inferred types.
    fn schema(&self) -> &[Column];

    /// Selects the columns of [`Batch::typed`] and their types.
    ///
    /// # Errors
    /// `InvalidSettings` if a column can't have that type.
    fn select(&mut self, columns: &[Column]) -> Result<()>;

    /// The next records in input order. Batches have the same bounds in every run.
    ///
    /// # Errors
    /// `InvalidInput` with file, line and column: a bad record where `badLines` is `error`, a file that
    /// can't be read or decompressed.
    fn next_batch(&mut self) -> Result<Option<Batch>>;

    /// All columns of [`Batch::source`] without rows, for results without rows.
    fn empty(&self) -> DataFrame;

    /// Bytes (or documents) consumed, and the total if it is known.
    fn progress(&self) -> (u64, Option<u64>);

    /// The files read, in order, empty for standard input. An output must not be one of them.
    fn files(&self) -> &[std::path::PathBuf];

    /// A text that is equal for equal records, if the driver can determine one. A second run over the same records is
    /// a retry of the first.
    fn identity(&self) -> Option<String> {
        identity(self.files())
    }
}

/// Names, sizes and modification times of files; `None` if one of them is not on this machine.
fn identity(files: &[std::path::PathBuf]) -> Option<String> {
    let mut identity = String::new();
    for file in files {
        let metadata = std::fs::metadata(file).ok()?;
        let modified = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        let name = std::fs::canonicalize(file).ok()?;
        // A line each. A line end in a name does no harm: the text is only compared.
        writeln!(identity, "{} {} {}", name.display(), metadata.len(), modified.as_nanos()).ok()?;
    }
    (!identity.is_empty()).then_some(identity)
}

impl Rejected {
    /// The error that stops a run where `badLines` is `error`.
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
                "{}:{}: row {}{column}: {}; fix the file{types}, or set badLines: skip to write such records to \
                 the dead-letter file and continue",
                self.file, self.line, self.row, self.reason
            ),
        )
    }
}

/// The first bytes of a record as text.
pub(crate) fn raw_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(RAW_BYTES)]).into_owned()
}

pub(crate) fn data_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::String => DataType::String,
        ColumnType::Integer => DataType::Integer,
        ColumnType::Float => DataType::Float,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Datetime => DataType::Datetime,
    }
}
