//! The status of a job. Its size is bounded; it never has results.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StreamFigures;

/// The state of the job, as the operator last observed it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// A summary of the conditions for lists; programs should read the conditions.
    #[serde(default)]
    pub phase: Phase,
    /// The reason of the phase in one word, for lists.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 128))]
    pub reason: String,
    /// The conditions of the job, each with a reason and a message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The present or last run, as a hash of the settings and of the annotation anomal.dev/rerun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub run: Option<String>,
    /// The Job of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub job_name: Option<String>,
    /// The start of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub start_time: Option<String>,
    /// The end of the run, successful or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub completion_time: Option<String>,
    /// The number of pods that were started for the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i32>,
    /// The last time a run of the schedule was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub last_schedule_time: Option<String>,
    /// The address of the report.
    #[serde(rename = "reportURL", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub report_url: Option<String>,
    /// The results of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// The figures of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamFigures>,
}

/// A summary of the conditions.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum Phase {
    /// The run has not started.
    #[default]
    Pending,
    /// The spec is invalid; nothing runs.
    Invalid,
    /// A pod of the run is running.
    Running,
    /// The pod of a stream is running and ready.
    Streaming,
    /// The job is suspended.
    Suspended,
    /// The next run is scheduled.
    Scheduled,
    /// The run succeeded.
    Complete,
    /// The run failed and is not retried.
    Failed,
}

/// A condition of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Ready, Running, Complete, Failed, Suspended, Reconciling or Stalled; of a stream also Warm, `CaughtUp`, Degraded,
    /// `DataLost`, Drifted and `StateFull`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 316))]
    pub condition: String,
    /// True or False.
    #[schemars(length(max = 16))]
    pub status: String,
    /// The reason in one word.
    #[schemars(length(max = 1024))]
    pub reason: String,
    /// The reason for people, and what to do.
    #[serde(default)]
    #[schemars(length(max = 32768))]
    pub message: String,
    /// The last change of the status.
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub last_transition_time: String,
    /// The generation of the spec that the condition is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// The results of a run, from the termination message of its pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Summary {
    /// The number of records read.
    pub rows: u64,
    /// The number of rows that filters removed.
    pub filtered: u64,
    /// The number of records that could not be read.
    pub rejected: u64,
    /// The number of rows above the threshold.
    pub suspicious: u64,
    /// The number of hits of flags by severity.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8))]
    pub flags: BTreeMap<String, u64>,
    /// The number of hits of all flags.
    pub flag_hits: u64,
    /// The name of the detector.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub engine: Option<String>,
    /// The duration of the run in seconds.
    pub duration_seconds: f64,
}

/// The names of conditions.
pub mod condition {
    /// The spec is valid, and its objects exist.
    pub const READY: &str = "Ready";
    pub const RUNNING: &str = "Running";
    pub const COMPLETE: &str = "Complete";
    pub const FAILED: &str = "Failed";
    pub const SUSPENDED: &str = "Suspended";
    /// For kstatus: the operator or the run is in progress.
    pub const RECONCILING: &str = "Reconciling";
    /// For kstatus: the job does not continue without a change.
    pub const STALLED: &str = "Stalled";
    /// Of a stream: rows are scored.
    pub const WARM: &str = "Warm";
    /// Of a stream: the input had no more records, and all results were written.
    pub const CAUGHT_UP: &str = "CaughtUp";
    /// Of a stream: its input, its checkpoints or an output did not answer.
    pub const DEGRADED: &str = "Degraded";
    /// Of a stream: records were gone before they were read, at any time since its beginning.
    pub const DATA_LOST: &str = "DataLost";
    /// Of a stream that learns: the records have changed since the model in use was fitted.
    pub const DRIFTED: &str = "Drifted";
    /// Of a stream with `state.maxMemory`: something was forgotten for it, at any time since its beginning.
    pub const STATE_FULL: &str = "StateFull";
}

impl Status {
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.condition == name)
    }

    pub fn is(&self, name: &str) -> bool {
        self.condition(name).is_some_and(|condition| condition.status == "True")
    }

    /// Whether this run has ended, successful or not. The only state that the operator keeps of the past.
    pub fn has_finished(&self, run: &str) -> bool {
        let ended = self.is(condition::COMPLETE) || self.is(condition::FAILED);
        ended && self.run.as_deref() == Some(run)
    }
}
