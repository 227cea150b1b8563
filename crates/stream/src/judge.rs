//! The interface of what turns records into results.

use async_trait::async_trait;

use crate::{
    error::Cause,
    log::Chunk,
    state::{FrozenState, JudgeState},
};

/// The results of a chunk. Clones are cheap.
pub trait Results: Clone + Send {
    /// Bytes in memory, roughly.
    fn bytes(&self) -> usize;

    /// The results of the records from this offset on.
    ///
    /// # Errors
    /// A defect.
    fn starting_at(&self, offset: u64) -> Result<Self, Cause>;
}

/// Judges records. Results and state depend on the records before them alone, so that a replay gives the same bytes.
#[async_trait]
pub trait Judge: Send {
    type Records: Send;
    type Results: Results;

    /// The results of the next records.
    ///
    /// # Errors
    /// They end the shard.
    async fn judge(&mut self, chunk: Chunk<Self::Records>) -> Result<Self::Results, Cause>;

    /// The log has no more records now, and the results of all are durable. Whether the state has changed by the time that has
    /// passed: it is saved before the next record is judged, so that a replay judges that by the same state.
    fn rest(&mut self) -> bool {
        false
    }

    /// The state behind the records judged so far. Records wait for this call, and not for what the state still has to do.
    ///
    /// # Errors
    /// A defect.
    fn freeze(&self) -> Result<FrozenState, Cause>;

    /// Continues from a state, before the first record.
    ///
    /// # Errors
    /// The state is of other settings or of another version.
    fn restore(&mut self, state: JudgeState) -> Result<(), Cause>;
}
