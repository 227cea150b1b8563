//! How a stream is while it runs.

use std::collections::BTreeSet;

use anomal_stream::Notice;
use serde::Serialize;

use super::StreamSummary;

/// The figures of a stream that runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamStatus {
    #[serde(flatten)]
    pub summary: StreamSummary,
    /// Whether the input has no more records, and all results are written.
    pub caught_up: bool,
    /// Seconds since the epoch before which no record is expected, of the partition that is farthest behind; none without
    /// times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<f64>,
    /// Seconds since the last checkpoint, or since the start.
    pub checkpoint_age: f64,
    /// Bytes of results that are not yet safe in all outputs.
    pub waiting_bytes: u64,
    /// What does not answer at the moment: `input`, `checkpoints`, or an output by its place in the settings.
    pub down: BTreeSet<String>,
}

impl StreamStatus {
    /// That of a stream which waits for its first record.
    pub(super) fn begun(summary: StreamSummary) -> Self {
        Self {
            summary,
            caught_up: false,
            watermark: None,
            checkpoint_age: 0.0,
            waiting_bytes: 0,
            down: BTreeSet::new(),
        }
    }
}

/// Keeps what does not answer.
pub(super) fn follow(down: &mut BTreeSet<String>, notice: &Notice) {
    let (name, is_down) = match notice {
        Notice::LogDown { .. } => ("input", true),
        Notice::LogUp => ("input", false),
        Notice::StoreDown { .. } | Notice::CheckpointStale => ("checkpoints", true),
        Notice::StoreUp => ("checkpoints", false),
        Notice::SinkDown { sink, .. } => (sink.as_str(), true),
        Notice::SinkUp { sink } => (sink.as_str(), false),
        Notice::Restored { .. } | Notice::CheckpointDamaged { .. } => return,
    };
    if is_down {
        down.insert(name.to_owned());
    } else {
        down.remove(name);
    }
}
