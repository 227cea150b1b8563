//! Records that could not be read, in the dead-letter file of a stream.

use std::path::PathBuf;

use anomal_stream::{Cause, Flushed, StreamSink};

use super::StreamResults;
use crate::late_file::LateFile;

pub(super) struct RejectedRecords(LateFile);

impl RejectedRecords {
    /// `moves`: as in [`RunInfo`](crate::RunInfo).
    pub fn new(path: PathBuf, moves: bool) -> Self {
        Self(LateFile::new(path, "set deadLetter.path".to_owned(), moves))
    }
}

impl StreamSink for RejectedRecords {
    type Results = StreamResults;

    fn write(&mut self, results: &StreamResults) -> Result<(), Cause> {
        let mut lines = Vec::new();
        for rejected in results.0.iter().flat_map(|batch| &batch.rejected) {
            serde_json::to_writer(&mut lines, rejected)?;
            lines.push(b'\n');
        }
        Ok(self.0.write(&lines)?)
    }

    fn flush(&mut self, _: bool) -> Result<Flushed, Cause> {
        Ok(Flushed::all(self.0.flush()?))
    }

    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), Cause> {
        Ok(self.0.restore(mark)?)
    }
}
