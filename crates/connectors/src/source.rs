//! What input drivers share.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anomal_core::{Error, Position, RejectedRecord, Result, proto::DataType};
use anomal_dataflow::{Reader, SkipTo};
use anomal_spec::{ColumnType, Mentions};
use anomal_storage::Secrets;

use crate::findings::TypeFindings;

/// Bytes of a rejected record that are kept.
pub(crate) const RAW_BYTES: usize = 4096;

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
    /// What attempts to read the input have shown of its types, and the counts of this one.
    pub findings: TypeFindings,
    /// The texts of the settings that may name columns which an input has only where they are used.
    pub mentions: Mentions,
    /// The types of columns for which a model was fitted; a type that is inferred gives way to these.
    pub fitted: Arc<BTreeMap<String, DataType>>,
    /// Of a stream: what is read in place of the files.
    pub sample: Option<Sample>,
}

/// The first lines of a stream, from which its columns are inferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The file that they are from.
    pub name: PathBuf,
    pub text: Arc<[u8]>,
}

/// What the input of a stream has to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstRecords {
    /// None: there is no record that can be read.
    pub sample: Option<Sample>,
    /// Whether it is as large as a sample gets.
    pub full: bool,
    /// Whether the input has no more records now.
    pub caught_up: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            batch_rows: BATCH_ROWS,
            block_bytes: 1 << 20,
            secrets: Secrets::default(),
            findings: TypeFindings::default(),
            mentions: Mentions::default(),
            fitted: Arc::default(),
            sample: None,
        }
    }
}

/// A reader that continues behind `from`; `reader` starts at the beginning.
pub(crate) fn resume(reader: Box<dyn Reader>, from: Option<Position>) -> Box<dyn Reader> {
    match from {
        Some(from) => Box::new(SkipTo::new(reader, from)),
        None => reader,
    }
}

/// Whether an input can be read again.
///
/// # Errors
/// `InvalidInput` for standard input.
pub(crate) fn check_rereadable(path: &str) -> Result<()> {
    if path == "-" {
        let message = "standard input can be read once; write it to a file first";
        return Err(Error::input("READ_ONCE", message));
    }
    Ok(())
}

/// The error for a bad record where `badLines` is `error`.
pub(crate) fn bad_record(record: RejectedRecord, driver: &str) -> Error {
    let column = record.column.map(|column| format!(" in column `{column}`")).unwrap_or_default();
    let types = if column.is_empty() {
        String::new()
    } else {
        format!(", or name the column's type in {}.types", driver.to_lowercase())
    };
    Error::input(
        "BAD_RECORD",
        format!(
            "{}:{}: row {}{column}: {}; fix the file{types}, or set badLines: skip to write such records to the \
             dead-letter file and continue",
            record.file, record.line, record.row, record.reason
        ),
    )
}

/// The first bytes of a record as text.
pub(crate) fn raw_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(RAW_BYTES)]).into_owned()
}

pub(crate) fn data_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::String | ColumnType::List => DataType::String,
        ColumnType::Integer => DataType::Integer,
        ColumnType::Float => DataType::Float,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Datetime => DataType::Datetime,
    }
}
