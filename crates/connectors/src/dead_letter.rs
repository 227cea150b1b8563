//! The dead-letter file: records that could not be read.

use std::path::PathBuf;

use anomal_core::{Batch, Error, RejectedRecord, Result};
use anomal_dataflow::{PreparedEpoch, Sink, WriteOutcome};
use anomal_spec::Auth;
use anomal_storage::Secrets;

use crate::{atomic_file::AtomicFile, remote::Access};

/// An NDJSON file of rejected records, created with the first one.
pub struct DeadLetterSink {
    path: PathBuf,
    auth: Option<Auth>,
    secrets: Secrets,
    file: Option<AtomicFile>,
    rows: u64,
}

impl DeadLetterSink {
    /// `auth`: the credentials, if the path is an object's URL.
    pub fn new(path: PathBuf, auth: Option<Auth>, secrets: Secrets) -> Self {
        Self { path, auth, secrets, file: None, rows: 0 }
    }

    fn write_record(&mut self, rejected: &RejectedRecord) -> Result<()> {
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
}

impl Sink for DeadLetterSink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        batch.rejected.iter().try_for_each(|record| self.write_record(record))
    }

    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch> {
        if let Some(file) = &mut self.file {
            file.prepare()?;
        }
        Ok(PreparedEpoch { epoch })
    }

    fn commit(&mut self, _: PreparedEpoch) -> Result<WriteOutcome> {
        if let Some(file) = &mut self.file {
            file.commit()?;
        }
        Ok(WriteOutcome::new(self.path.display().to_string(), self.rows))
    }
}
