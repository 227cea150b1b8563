//! Streams that lose nothing and double nothing.
//!
//! A [`Shard`] reads a [`Log`], has each chunk judged by a [`Judge`], and writes the results to [`StreamSink`]s. Position,
//! state and the cursors of the sinks are saved together in a numbered checkpoint that is created and never overwritten
//! ([`Checkpoints`]), so that a process which is killed at any moment continues from one consistent point.
//!
//! Nothing here knows tables, settings or formats, reads a clock or opens a file, except [`FolderStore`]: everything that
//! can fail is behind a trait, and `tests/simulation.rs` runs the same loop on fakes that fail at random.

mod checkpoint;
mod checkpoints;
mod clock;
mod error;
mod folder;
mod judge;
mod lane;
mod log;
mod messages;
mod outbox;
mod positions;
mod saver;
mod shard;
mod sink;
mod standby;
mod state;
mod store;

pub use checkpoint::{Checkpoint, Cursor, Damage};
pub use checkpoints::{Checkpoints, RestorePoint};
pub use clock::{ClockOptions, ESTIMATED_OVER, PartitionClock, Timing};
pub use error::{Cause, Error, Result};
pub use folder::{FolderInUse, FolderStore};
pub use judge::{Judge, Results};
pub use log::{Chunk, Log, RecordsLost};
pub use messages::{
    Assignment, BrokerTls, FirstMessages, GENERATION, GroupMember, Lag, Message, MessageClient,
    MessageLog, MessageOptions, Messages, ResetPosition, SaslMechanism, SaslUser, StartPosition,
};
pub use positions::Positions;
pub use saver::{SaveWork, Saved, Saver, ThreadSaver};
pub use shard::{Notice, Progress, SaverOf, Shard, ShardOptions, ShardParts, Step};
pub use sink::{Flushed, NamedSink, StreamSink};
pub use standby::Standby;
pub use state::{FrozenState, JudgeState, Objects, StateObject};
pub use store::Store;
