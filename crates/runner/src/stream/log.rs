//! The input of a stream: files that are followed, or topics.

use std::{io, path::PathBuf};

use anomal_connectors::{FirstRecords, FollowLog, TopicLog};
use anomal_core::Error;
use anomal_dataflow::TextChunk;
use anomal_stream::{Cause, Chunk, Log, Positions};

pub(super) enum StreamLog {
    Files(FollowLog),
    Topics(TopicLog),
}

impl StreamLog {
    /// Finds what exists now.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn begin(&mut self) -> io::Result<()> {
        match self {
            Self::Files(files) => files.begin(),
            Self::Topics(_) => Ok(()),
        }
    }

    /// The first records, which are not consumed.
    ///
    /// # Errors
    /// The input can't be read at the moment.
    pub fn first(&mut self) -> Result<FirstRecords, Cause> {
        match self {
            Self::Files(files) => Ok(files.sample()?),
            Self::Topics(topics) => topics.sample(),
        }
    }

    /// The error for an input that has no record to begin with.
    pub fn no_records(&self) -> Error {
        match self {
            Self::Files(_) => {
                let message = "the input has no whole line; name a file that has records";
                Error::input("EMPTY_FILE", message)
            }
            Self::Topics(_) => {
                let message = "the topics have no record that can be read as `format` says; check `format`, or name other \
                               topics";
                Error::input("NO_RECORDS", message)
            }
        }
    }

    /// Whether a failure to read the first records ends the stream. Brokers may come back.
    pub fn fails_at_once(&self) -> bool {
        matches!(self, Self::Files(_))
    }

    pub fn unfinished_lines(&self) -> Vec<(PathBuf, u64)> {
        match self {
            Self::Files(files) => files.unfinished_lines(),
            Self::Topics(_) => Vec::new(),
        }
    }

    /// Records that were gone when they were to be read.
    pub fn lost(&self) -> u64 {
        match self {
            Self::Files(_) => 0,
            Self::Topics(topics) => topics.lost(),
        }
    }

    /// Ends reading.
    pub async fn close(&mut self) {
        match self {
            Self::Files(_) => {}
            Self::Topics(topics) => topics.close().await,
        }
    }
}

impl Log for StreamLog {
    type Records = TextChunk;

    fn read(&mut self) -> Result<Option<Chunk<TextChunk>>, Cause> {
        match self {
            Self::Files(files) => files.read(),
            Self::Topics(topics) => topics.read(),
        }
    }

    fn place(&self) -> Result<Vec<u8>, Cause> {
        match self {
            Self::Files(files) => files.place(),
            Self::Topics(topics) => topics.place(),
        }
    }

    fn restore(&mut self, place: &[u8]) -> Result<(), Cause> {
        match self {
            Self::Files(files) => files.restore(place),
            Self::Topics(topics) => topics.restore(place),
        }
    }

    fn caught_up(&self) -> bool {
        match self {
            Self::Files(files) => files.caught_up(),
            Self::Topics(topics) => topics.caught_up(),
        }
    }

    fn saved(&mut self, positions: &Positions) {
        match self {
            Self::Files(files) => files.saved(positions),
            Self::Topics(topics) => topics.saved(positions),
        }
    }
}
