//! What the reader of a cluster sends to the log of a stream, in order.

use anomal_stream::{Chunk, Messages};
use tokio::sync::OwnedSemaphorePermit;

use crate::places::PartitionPlace;

#[derive(Debug)]
pub(crate) enum Event {
    /// Partitions that are read from now on. Their numbers follow those before.
    Added(Vec<PartitionPlace>),
    /// A partition that is not read any more.
    Retired(u32),
    /// A partition is read on from another offset, since records are gone.
    Moved { partition: u32, next: u64, lost: u64 },
    /// Records, and the room that they take among those that wait.
    Records(Chunk<Messages>, Option<OwnedSemaphorePermit>),
    /// The brokers answered, and there was nothing to read now.
    Nothing { caught_up: bool },
    /// The brokers can't be read; it is tried again.
    Failed(String),
    /// Records are gone, and reading does not go on behind them.
    Ended(String),
}
