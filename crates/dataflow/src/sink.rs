//! The interface of output drivers.

use anomal_core::{Batch, Error, Result};
use polars::prelude::DataFrame;
use serde::Serialize;

/// What a sink can do beside writing rows with their results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It takes rows before their results are known: first batches without [`Batch::results`], then, once all rows have
    /// been sent, batches of the same rows with results and without [`Batch::raw`]. Features that were in the first
    /// are null in the second.
    pub rows_before_results: bool,
}

/// What a sink is ready to make visible.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "what is prepared is committed or aborted"]
pub struct PreparedEpoch {
    /// The rows between two barriers; 0 for a source that is read to its end.
    pub epoch: u64,
}

/// An output that is open. What is not committed does not exist: a file has a temporary name, an object is an upload
/// that is not complete, and dropping the sink removes it.
pub trait Sink: Send {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Takes rows in input order. A sink that wants only suspicious or flagged rows selects them itself.
    ///
    /// # Errors
    /// `Output`: disk full, permission, a folder that does not exist.
    fn write(&mut self, batch: &Batch) -> Result<()>;

    /// Everything that can fail except making the rows visible, so that where one of several outputs fails, none is
    /// visible.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch>;

    /// Makes what was prepared visible. A second call for the same epoch changes nothing.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn commit(&mut self, prepared: PreparedEpoch) -> Result<WriteOutcome>;

    /// Gives up what was prepared, since another sink has failed.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn abort(&mut self, prepared: PreparedEpoch) -> Result<()> {
        // Dropping the sink removes what was written.
        drop(prepared);
        Ok(())
    }

    /// Reads back rows that were written before their results, by their index among those written, with these columns
    /// of the input. Nothing is written after that.
    ///
    /// # Errors
    /// `Internal` for a sink that does not take such rows; as [`Sink::write`].
    fn read_back(&mut self, _indices: &[u64], _columns: &[String]) -> Result<DataFrame> {
        Err(Error::internal("this sink has no rows to read back"))
    }
}

/// What a sink has written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WriteOutcome {
    /// A path, `-` for standard output, or where else it went.
    pub target: String,
    /// Rows that are in the target now.
    pub rows: u64,
    /// Those of them that were there before, from an earlier try or run.
    #[serde(skip_serializing_if = "is_zero")]
    pub existing: u64,
    /// Rows that a server refused, not in `rows`.
    #[serde(skip_serializing_if = "is_zero")]
    pub refused: u64,
    /// The file that holds those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_in: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl WriteOutcome {
    /// All rows, and each for the first time.
    pub fn new(target: impl Into<String>, rows: u64) -> Self {
        Self { target: target.into(), rows, existing: 0, refused: 0, refused_in: None }
    }
}
