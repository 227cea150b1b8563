//! Input and output drivers: a folder each, with the same file names in it.
//!
//! Drivers are blocking; the runner gives each a thread of its own. They know nothing of features or
//! scores: a source gives rows as they were read beside the columns that were asked for by type, a sink
//! takes rows with their results.

mod atomic_file;
mod begun;
mod compression;
pub mod csv;
mod datetime;
mod dead_letter;
pub mod elasticsearch;
mod files;
mod lines;
pub mod ndjson;
pub mod parquet;
mod records;
mod remote;
mod run_info;
pub mod sink;
pub mod source;
pub mod terminal;
pub mod text;
mod typing;

use anomal_core::{Error, Result};
use anomal_spec::{Input, Output};
use anomal_storage::Secrets;

pub use atomic_file::{AtomicFile, write_file};
pub use dead_letter::DeadLetter;
pub use remote::Access;
pub use run_info::{ReportInfo, RunInfo};
pub use sink::{EarlySink, Known, ResultBatch, Sink, WriteOutcome};
pub use source::{Batch, Rejected, Source};

/// Records of a batch. A constant of the format, not of the machine: results that are computed by batch
/// must not depend on who computes them.
const BATCH_ROWS: usize = 65_536;
/// A longer record is a bad one.
const MAX_RECORD: usize = 16 << 20;

/// How an input is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Records of a batch, rejected ones among them.
    pub batch_rows: usize,
    /// Bytes read at once.
    pub block_bytes: usize,
    /// Of inputs that name one.
    pub secrets: Secrets,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { batch_rows: BATCH_ROWS, block_bytes: 1 << 20, secrets: Secrets::default() }
    }
}

/// Opens an input whose path is resolved (`-`: standard input), and learns its columns.
///
/// # Errors
/// `InvalidInput` if it can't be read, is empty, or its first records are bad; `InvalidSettings` if its URL or
/// secret is none; `Unavailable` or `PermissionDenied` from an object store or a server.
pub fn open(input: &Input, options: &OpenOptions) -> Result<Box<dyn Source>> {
    if let Some(csv) = &input.csv {
        return Ok(Box::new(csv::CsvSource::open(csv, options)?));
    }
    if let Some(ndjson) = &input.ndjson {
        return Ok(Box::new(ndjson::NdjsonSource::open(ndjson, options)?));
    }
    if let Some(parquet) = &input.parquet {
        return Ok(Box::new(parquet::ParquetSource::open(parquet, options)?));
    }
    if let Some(server) = &input.elasticsearch {
        return Ok(Box::new(elasticsearch::ElasticsearchSource::open(server, options)?));
    }
    Err(Error::settings(
        "input",
        "DRIVER_MISSING",
        "an input has a driver: csv, parquet, ndjson or elasticsearch",
    ))
}

/// Opens an output whose path is resolved (`-`: standard output); `place`: where the settings name it, such
/// as `outputs[0]`; `run`: what it may tell of the run.
///
/// # Errors
/// `Output` if it can't be made: no such folder, no permission; for an object as [`open`]; those of a server.
pub fn create(
    output: &Output,
    place: &str,
    secrets: &Secrets,
    run: &RunInfo,
) -> Result<Box<dyn Sink>> {
    if let Some(csv) = &output.csv {
        let place = format!("{place}.csv");
        let access = Access { place: &place, auth: csv.auth.as_ref(), secrets };
        return Ok(Box::new(csv::CsvSink::create(csv, &access)?));
    }
    if let Some(parquet) = &output.parquet {
        let place = format!("{place}.parquet");
        let access = Access { place: &place, auth: parquet.auth.as_ref(), secrets };
        return Ok(Box::new(parquet::ParquetSink::create(parquet, &access)?));
    }
    if let Some(ndjson) = &output.ndjson {
        let place = format!("{place}.ndjson");
        let access = Access { place: &place, auth: ndjson.auth.as_ref(), secrets };
        return Ok(Box::new(ndjson::NdjsonSink::create(ndjson, &access)?));
    }
    if let Some(server) = &output.elasticsearch {
        let place = format!("{place}.elasticsearch");
        let access = Access { place: &place, auth: server.auth.as_ref(), secrets };
        return Ok(Box::new(elasticsearch::ElasticsearchSink::create(server, &access, run)?));
    }
    if let Some(terminal) = &output.terminal {
        return Ok(Box::new(terminal::TerminalSink::new(terminal)));
    }
    Err(Error::settings(
        "outputs",
        "DRIVER_MISSING",
        "an output has a driver: csv, parquet, ndjson, elasticsearch or terminal",
    ))
}
