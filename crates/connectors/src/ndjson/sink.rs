//! Results as an NDJSON file.

use std::path::Path;

use anomal_core::{Batch, Result};
use anomal_dataflow::{PreparedEpoch, Sink, WriteOutcome};
use anomal_spec::NdjsonOutput;

use super::text::NdjsonText;
use crate::{atomic_file::AtomicFile, remote::Access};

pub(crate) struct NdjsonSink {
    file: AtomicFile,
    text: NdjsonText,
    rows: u64,
}

impl NdjsonSink {
    pub fn create(
        output: &NdjsonOutput,
        access: &Access<'_>,
        null_values: &[String],
    ) -> Result<Self> {
        let file = AtomicFile::create(Path::new(&output.path), access)?;
        Ok(Self { file, text: NdjsonText::new(output, null_values), rows: 0 })
    }
}

impl Sink for NdjsonSink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let mut lines = Vec::new();
        self.rows += self.text.append(batch, &mut lines)?;
        self.file.write(&lines)
    }

    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch> {
        self.file.prepare()?;
        Ok(PreparedEpoch { epoch })
    }

    fn commit(&mut self, _: PreparedEpoch) -> Result<WriteOutcome> {
        self.file.commit()?;
        Ok(WriteOutcome::new(self.file.target().display().to_string(), self.rows))
    }
}
