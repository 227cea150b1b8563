//! Records that could not be read, in the dead-letter file of a stream.

use anomal_stream::{Cause, Flushed, StreamSink};

use super::{StreamOutputs, StreamResults};
use crate::dead_letters::DeadLetters;

pub(super) struct RejectedRecords {
    /// By the writes before.
    letters: DeadLetters<u64>,
    writes: u64,
}

impl RejectedRecords {
    pub fn new(stream: &StreamOutputs<'_>) -> Self {
        let (path, auth) = stream.dead_letter.clone();
        let place = ("set deadLetter.path".to_owned(), stream.run.moves);
        let letters = DeadLetters::new(path, auth, stream.secrets, place, 0);
        Self { letters, writes: 0 }
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
        self.writes += 1;
        Ok(self.letters.write(&lines)?)
    }

    fn flush(&mut self, _: bool) -> Result<Flushed, Cause> {
        let (writes, mark) = self.letters.flush(self.writes)?;
        Ok(Flushed { writes: Some(writes), mark })
    }

    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), Cause> {
        self.writes = 0;
        Ok(self.letters.restore(mark, 0)?)
    }
}
