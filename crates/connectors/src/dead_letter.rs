//! Records that could not be read, kept.

use std::path::PathBuf;

use anomal_core::{Error, Result};

use crate::{Rejected, Written, atomic_file::AtomicFile};

/// An NDJSON file of rejected records; made when there is the first.
pub struct DeadLetter {
    path: PathBuf,
    file: Option<AtomicFile>,
    rows: u64,
}

impl DeadLetter {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, rows: 0 }
    }

    /// # Errors
    /// `Output`.
    pub fn write(&mut self, rejected: &Rejected) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(AtomicFile::create(&self.path)?),
        };
        let mut line = serde_json::to_vec(rejected)
            .map_err(|error| Error::internal(format!("a rejected record: {error}")))?;
        line.push(b'\n');
        self.rows += 1;
        file.write(&line)
    }

    /// What was written, if anything was.
    ///
    /// # Errors
    /// `Output`.
    pub fn finish(self) -> Result<Option<Written>> {
        let Some(file) = self.file else { return Ok(None) };
        file.finish()?;
        Ok(Some(Written { target: self.path.display().to_string(), rows: self.rows }))
    }
}
