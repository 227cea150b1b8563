//! Parquet.

mod conform;
mod connector;
mod convert;
mod decimal;
mod file;
mod groups;
mod guard;
mod leaf;
mod members;
mod pages;
mod pending;
mod reader;
mod schema;
mod sink;
mod source;

use std::path::Path;

use anomal_core::Error;
use polars::prelude::PolarsError;

pub(crate) use connector::ParquetConnector;
pub(crate) use sink::ParquetSink;

use crate::atomic_file::write_error;

/// An error of the Parquet writer. I/O errors keep their kind.
fn polars_error(target: &Path, error: PolarsError) -> Error {
    match error {
        PolarsError::IO { error, .. } => write_error(target, &error),
        error => write_error(target, &std::io::Error::other(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
