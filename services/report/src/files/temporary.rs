//! Temporary files without a name: the system removes them when they are closed.

use std::{
    fs::File,
    io::{self, Seek, Write},
};

use anomal_core::{Code, Error, Result};

/// An empty file.
///
/// # Errors
/// `Output` if the temporary folder is full.
pub(crate) fn create() -> Result<File> {
    tempfile::tempfile().map_err(|error| no_space(&error))
}

/// A file with these bytes, at its start.
///
/// # Errors
/// `Output` if the temporary folder is full.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<File> {
    let mut file = create()?;
    file.write_all(bytes).map_err(|error| no_space(&error))?;
    rewind(file)
}

/// The same file, at its start.
///
/// # Errors
/// `Output` if it can't be read.
pub(crate) fn rewind(mut file: File) -> Result<File> {
    file.rewind().map_err(|error| no_space(&error))?;
    Ok(file)
}

pub(crate) fn no_space(error: &io::Error) -> Error {
    let message = format!(
        "cannot store a report in the temporary folder: {error}; free space there or set TMPDIR"
    );
    Error::new(Code::Output, "TEMPORARY_FULL", message)
}
