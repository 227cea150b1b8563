//! The input of a stream: files that are followed, topics, or what is pushed.

use std::{io, path::PathBuf};

use anomal_connectors::{FirstRecords, FollowLog, PushedDoors, PushedLog, TopicLog};
use anomal_core::{Error, Result};
use anomal_dataflow::TextChunk;
use anomal_stream::{Cause, Chunk, Lag, Log, Positions};

pub(super) enum StreamLog {
    Files(FollowLog),
    Topics(TopicLog),
    Pushed(Box<PushedLog>),
}

impl StreamLog {
    /// Opens the door for what is pushed.
    ///
    /// # Errors
    /// `InvalidSettings` if its certificate can't be used.
    pub async fn listen(&self) -> Result<()> {
        match self {
            Self::Pushed(pushed) => pushed.listen().await,
            Self::Files(_) | Self::Topics(_) => Ok(()),
        }
    }

    /// What closes it.
    pub fn doors(&self) -> Option<PushedDoors> {
        match self {
            Self::Pushed(pushed) => Some(pushed.doors()),
            Self::Files(_) | Self::Topics(_) => None,
        }
    }

    /// Finds what exists now.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn begin(&mut self) -> io::Result<()> {
        match self {
            Self::Files(files) => files.begin(),
            Self::Topics(_) | Self::Pushed(_) => Ok(()),
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
            Self::Pushed(pushed) => pushed.sample(),
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
            Self::Pushed(_) => {
                let message = "the journal has no record that can be read, and nothing is taken with --until-caught-up; run \
                               the job without it first, and send records";
                Error::input("NO_RECORDS", message)
            }
        }
    }

    /// Whether a failure to read the first records ends the stream. Brokers may come back.
    pub fn fails_at_once(&self) -> bool {
        matches!(self, Self::Files(_) | Self::Pushed(_))
    }

    pub fn unfinished_lines(&self) -> Vec<(PathBuf, u64)> {
        match self {
            Self::Files(files) => files.unfinished_lines(),
            Self::Topics(_) | Self::Pushed(_) => Vec::new(),
        }
    }

    /// Records that were gone when they were to be read.
    pub fn lost(&self) -> u64 {
        match self {
            Self::Files(_) => 0,
            Self::Topics(topics) => topics.lost(),
            Self::Pushed(pushed) => pushed.lost(),
        }
    }

    /// How far reading is behind topics; none of other inputs.
    pub fn lag(&self) -> Option<Lag> {
        match self {
            Self::Topics(topics) => topics.lag(),
            Self::Files(_) | Self::Pushed(_) => None,
        }
    }

    /// Ends reading.
    pub async fn close(&mut self) {
        match self {
            Self::Files(_) => {}
            Self::Topics(topics) => topics.close().await,
            Self::Pushed(pushed) => pushed.doors().close().await,
        }
    }
}

impl Log for StreamLog {
    type Records = TextChunk;

    fn read(&mut self) -> Result<Option<Chunk<TextChunk>>, Cause> {
        match self {
            Self::Files(files) => files.read(),
            Self::Topics(topics) => topics.read(),
            Self::Pushed(pushed) => pushed.read(),
        }
    }

    fn place(&self) -> Result<Vec<u8>, Cause> {
        match self {
            Self::Files(files) => files.place(),
            Self::Topics(topics) => topics.place(),
            Self::Pushed(pushed) => pushed.place(),
        }
    }

    fn restore(&mut self, place: &[u8]) -> Result<(), Cause> {
        match self {
            Self::Files(files) => files.restore(place),
            Self::Topics(topics) => topics.restore(place),
            Self::Pushed(pushed) => pushed.restore(place),
        }
    }

    fn replays_to(&mut self, newest: &[u8]) -> Result<(), Cause> {
        match self {
            Self::Files(files) => files.replays_to(newest),
            Self::Topics(topics) => topics.replays_to(newest),
            Self::Pushed(pushed) => pushed.replays_to(newest),
        }
    }

    fn caught_up(&self) -> bool {
        match self {
            Self::Files(files) => files.caught_up(),
            Self::Topics(topics) => topics.caught_up(),
            Self::Pushed(pushed) => pushed.caught_up(),
        }
    }

    fn must_save(&self) -> bool {
        match self {
            Self::Files(files) => files.must_save(),
            Self::Topics(topics) => topics.must_save(),
            Self::Pushed(pushed) => pushed.must_save(),
        }
    }

    fn saving(&mut self) {
        match self {
            Self::Files(files) => files.saving(),
            Self::Topics(topics) => topics.saving(),
            Self::Pushed(pushed) => pushed.saving(),
        }
    }

    fn saved(&mut self, positions: &Positions) {
        match self {
            Self::Files(files) => files.saved(positions),
            Self::Topics(topics) => topics.saved(positions),
            Self::Pushed(pushed) => pushed.saved(positions),
        }
    }

    fn keeps_records(&self) -> bool {
        match self {
            Self::Files(files) => files.keeps_records(),
            Self::Topics(topics) => topics.keeps_records(),
            Self::Pushed(pushed) => pushed.keeps_records(),
        }
    }

    fn released(&mut self, positions: &Positions) {
        match self {
            Self::Files(files) => files.released(positions),
            Self::Topics(topics) => topics.released(positions),
            Self::Pushed(pushed) => pushed.released(positions),
        }
    }
}
