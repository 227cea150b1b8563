//! The figures of a stream in its status. They are bounded, and written rarely.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The figures of a stream since its beginning, over all its restarts, the sums of those that its pods report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamFigures {
    /// The time that the figures are of. They are replaced after 30 s at the earliest, and only if they differ in their first
    /// two digits.
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub observed_at: String,
    /// The number of its pods.
    #[serde(default)]
    pub replicas: u32,
    /// The number of those that are ready.
    #[serde(default)]
    pub ready_replicas: u32,
    /// The labels of its pods, for what scales it.
    #[serde(default)]
    #[schemars(length(max = 512))]
    pub selector: String,
    /// The number of records read.
    #[serde(default)]
    pub rows: u64,
    /// Records a second, since the figures before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// The number of records that could not be read.
    #[serde(default)]
    pub rejected: u64,
    /// The number of rows that filters removed.
    #[serde(default)]
    pub filtered: u64,
    /// The number of records that were gone before they were read.
    #[serde(default)]
    pub lost: u64,
    /// The number of results that an output has refused.
    #[serde(default)]
    pub refused: u64,
    /// The number of suspicious rows.
    #[serde(default)]
    pub suspicious: u64,
    /// The number of rows that flags hit.
    #[serde(default)]
    pub flagged: u64,
    /// Whether rows are scored: false before the end of the warm-up, and without classification.
    #[serde(default)]
    pub warm: bool,
    /// Whether the input had no more records, and all results were written.
    #[serde(default)]
    pub caught_up: bool,
    /// The time before which no record is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub watermark: Option<String>,
    /// How far it is behind its topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<LagFigures>,
    /// The time of the last checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub last_checkpoint: Option<String>,
    /// Bytes of results that were not yet safe in all outputs.
    #[serde(default)]
    pub waiting_bytes: u64,
    /// The number of the model in use, of a stream that learns; of several models the highest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<u32>,
    /// Whether the records have changed since the model in use was fitted.
    #[serde(default)]
    pub drifted: bool,
    /// The number of entities that have a profile, of a stream that has profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entities: Option<u64>,
    /// The number of entities and keys of windows that were forgotten for memory, of a stream with `state.maxMemory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evicted: Option<u64>,
    /// What did not answer: `input`, `checkpoints`, or an output by its place in the settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 253)))]
    pub down: Vec<String>,
}

/// How far a stream is behind its topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LagFigures {
    /// The number of records that the brokers have and that were not read.
    #[serde(default)]
    pub records: u64,
    /// The age in seconds of the record that was read last, while others wait; of several pods the highest.
    #[serde(default)]
    pub seconds: f64,
}
