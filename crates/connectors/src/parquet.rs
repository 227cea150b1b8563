//! Parquet.

mod early;
mod groups;
mod pages;
mod sink;
mod source;

use std::path::Path;

use anomal_core::Error;
use polars::prelude::PolarsError;

pub(crate) use sink::ParquetSink;
pub(crate) use source::ParquetSource;

use crate::atomic_file::failed;

/// The disk's fault, as far as the file format lets it be seen.
fn refused(target: &Path, error: PolarsError) -> Error {
    match error {
        PolarsError::IO { error, .. } => failed(target, &error),
        error => failed(target, &std::io::Error::other(error.to_string())),
    }
}
