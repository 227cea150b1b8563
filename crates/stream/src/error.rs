//! Why a shard ends.

/// What a log, judge, sink or store reports.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure that ends a shard. Failures of logs, sinks and stores while it runs do not: they are retried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log can't continue from a checkpoint.
    #[error("cannot continue reading: {0}")]
    Log(#[source] Cause),
    /// Records could not be judged, or a state could not be restored.
    #[error("{0}")]
    Judge(#[source] Cause),
    /// A sink can't continue from its mark.
    #[error("output {sink}: {cause}")]
    Sink { sink: String, cause: Cause },
    /// The store can't be listed or read.
    #[error("the store of checkpoints: {0}")]
    Store(#[source] Cause),
    /// Another owner has written the checkpoint with the next number.
    #[error(
        "checkpoint {number} was written by another process that runs this job; this one stops, since only one may own \
         the state"
    )]
    Fenced { number: u64 },
    /// No checkpoint can be used, although there are some.
    #[error(
        "no checkpoint can be used: {0}; restore a copy of the state, or remove it to start anew"
    )]
    NoCheckpoint(String),
}
