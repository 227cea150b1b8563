//! The interface of inputs that do not end.

use crate::{error::Cause, positions::Positions};

/// Consecutive records of one partition.
#[derive(Clone, Debug)]
pub struct Chunk<R> {
    pub partition: u32,
    /// The offset of the first record.
    pub first: u64,
    /// The number of records, at least 1.
    pub count: u64,
    pub records: R,
}

/// A source whose records have numbers in partitions and can be read again from a saved place.
///
/// The same offset is the same record in each reading. The bounds of chunks may differ, and so may the order of
/// partitions among each other.
pub trait Log: Send {
    type Records: Send;

    /// The next records, if there are any now. A failed call consumes nothing.
    ///
    /// # Errors
    /// [`RecordsLost`] ends the shard. Any other: the source can't be read at the moment; the call is repeated later.
    fn read(&mut self) -> Result<Option<Chunk<Self::Records>>, Cause>;

    /// Where reading is behind the chunks returned so far.
    ///
    /// # Errors
    /// A defect.
    fn place(&self) -> Result<Vec<u8>, Cause>;

    /// Continues from a place, before the first read.
    ///
    /// # Errors
    /// The place is damaged or of another input.
    fn restore(&mut self, place: &[u8]) -> Result<(), Cause>;

    /// Learns the place of the newest checkpoint, which may be ahead of the one that it continues from: the records between were
    /// read before, and what was decided about them is to hold again.
    ///
    /// # Errors
    /// As [`restore`](Log::restore).
    fn replays_to(&mut self, newest: &[u8]) -> Result<(), Cause> {
        let _ = newest;
        Ok(())
    }

    /// Whether the last read found that the source has no more records.
    fn caught_up(&self) -> bool;

    /// Whether its place has something that must not be forgotten before it goes on, such as where a window ends. A
    /// checkpoint is saved at once then, and [`saved`](Log::saved) reports it.
    fn must_save(&self) -> bool {
        false
    }

    /// Its place is about to be saved.
    fn saving(&mut self) {}

    /// Learns that a checkpoint has these positions, and the place as it was when [`saving`](Log::saving) was called.
    fn saved(&mut self, positions: &Positions) {
        let _ = positions;
    }

    /// Whether it keeps records until they are released. Checkpoints are then saved until all that were read are.
    fn keeps_records(&self) -> bool {
        false
    }

    /// Learns that no checkpoint that is kept needs the records before these positions: all results of them are durable, and
    /// no restart reads them again.
    fn released(&mut self, positions: &Positions) {
        let _ = positions;
    }
}

/// Records that were not read are gone, and the settings say that reading must not go on behind them.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RecordsLost(pub String);
