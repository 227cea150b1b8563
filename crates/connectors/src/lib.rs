//! Input and output drivers: one folder each, with the same file names.
//!
//! Drivers block; the runner gives each a thread of its own. They know nothing of features or scores: a source
//! returns rows as they were read and, beside them, the selected columns with types. A sink receives rows with their
//! results.

mod atomic_file;
mod column;
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
mod task;
pub mod terminal;
pub mod text;
mod typing;

use anomal_core::{Error, Result};
use anomal_dataflow::{Sink, Source};
use anomal_spec::{Input, Output};
use anomal_storage::Secrets;

pub use atomic_file::{AtomicFile, write_file};
pub use dead_letter::DeadLetterSink;
pub use remote::Access;
pub use run_info::{ReportInfo, RunInfo};
pub use source::OpenOptions;

/// Opens an input whose path is resolved (`-`: standard input) and determines its columns.
///
/// # Errors
/// `InvalidInput` if it can't be read, is empty, or its first records are bad; `InvalidSettings` if its URL or
/// secret is invalid; `Unavailable` or `PermissionDenied` from an object store or a server.
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

/// Opens an output whose path is resolved (`-`: standard output). `place` is its position in the settings, such as
/// `outputs[0]`; `run` describes the run to outputs that include it.
///
/// # Errors
/// `Output` if it can't be created: no such folder, no permission; those of [`open`] for objects and servers.
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
