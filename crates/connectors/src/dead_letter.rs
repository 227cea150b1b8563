//! The dead-letter file: records that could not be read.

use std::path::PathBuf;

use anomal_core::{Error, Result};
use anomal_spec::Auth;
use anomal_storage::Secrets;

use crate::{atomic_file::AtomicFile, remote::Access, sink::WriteOutcome, source::Rejected};

/// An NDJSON file of rejected records, created with the first one.
pub struct DeadLetter {
    path: PathBuf,
    auth: Option<Auth>,
    secrets: Secrets,
    file: Option<AtomicFile>,
    rows: u64,
}

impl DeadLetter {
    /// `auth`: the credentials, if the path is an object's URL.
    pub fn new(path: PathBuf, auth: Option<Auth>, secrets: Secrets) -> Self {
        Self { path, auth, secrets, file: None, rows: 0 }
    }

    /// # Errors
    /// `Output`.
    pub fn write(&mut self, rejected: &Rejected) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let (auth, secrets) = (self.auth.as_ref(), &self.secrets);
                let access = Access { place: "deadLetter", auth, secrets };
                none.insert(AtomicFile::create(&self.path, &access)?)
            }
        };
        let mut line = serde_json::to_vec(rejected)
            .map_err(|error| Error::internal(format!("a rejected record: {error}")))?;
        line.push(b'\n');
        self.rows += 1;
        file.write(&line)
    }

    /// As [`Sink::prepare`](crate::Sink::prepare).
    ///
    /// # Errors
    /// `Output`.
    pub fn prepare(&mut self) -> Result<()> {
        self.file.as_mut().map_or(Ok(()), AtomicFile::prepare)
    }

    /// Makes the file visible, if there is one.
    ///
    /// # Errors
    /// `Output`.
    pub fn finish(self) -> Result<Option<WriteOutcome>> {
        let Some(file) = self.file else { return Ok(None) };
        file.finish()?;
        Ok(Some(WriteOutcome::new(self.path.display().to_string(), self.rows)))
    }
}
