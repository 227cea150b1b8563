//! What the operator tells of a job. Small and bounded: results never go here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the job fares, as the operator last saw it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The conditions in one word, for lists; programs read the conditions.
    #[serde(default)]
    pub phase: Phase,
    /// Why, in one word, for lists.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 128))]
    pub reason: String,
    /// What holds of the job, each with a reason and a message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// What runs or ran last: a hash of the settings and of the annotation anomal.dev/rerun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub run: Option<String>,
    /// The Job that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub job_name: Option<String>,
    /// When the run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub start_time: Option<String>,
    /// When the run ended, well or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub completion_time: Option<String>,
    /// Pods that tried the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i32>,
    /// When a scheduled job last began a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub last_schedule_time: Option<String>,
    /// Where the report is read.
    #[serde(rename = "reportURL", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub report_url: Option<String>,
    /// What the run found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
}

/// The conditions in one word.
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
    /// Its run has not begun.
    #[default]
    Pending,
    /// Its spec is wrong: nothing runs.
    Invalid,
    /// A pod works on it.
    Running,
    /// It is held.
    Suspended,
    /// It waits for its time.
    Scheduled,
    /// Its run ended well.
    Complete,
    /// Its run failed for good.
    Failed,
}

/// Something that holds of a job, or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Ready, Running, Complete, Failed, Suspended, Reconciling or Stalled.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 316))]
    pub condition: String,
    /// True or False.
    #[schemars(length(max = 16))]
    pub status: String,
    /// Why, in one word.
    #[schemars(length(max = 1024))]
    pub reason: String,
    /// Why, for people, and what to do.
    #[serde(default)]
    #[schemars(length(max = 32768))]
    pub message: String,
    /// When its status last changed.
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub last_transition_time: String,
    /// The generation of the spec that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// What a run found, from its pod's termination message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Summary {
    /// Records read.
    pub rows: u64,
    /// Rows that filters removed.
    pub filtered: u64,
    /// Records that could not be read.
    pub rejected: u64,
    /// Rows above the threshold.
    pub suspicious: u64,
    /// Hits of flags by severity.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8))]
    pub flags: BTreeMap<String, u64>,
    /// Hits of all flags.
    pub flag_hits: u64,
    /// The detector.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub engine: Option<String>,
    /// How long it took.
    pub duration_seconds: f64,
}

/// The names of conditions.
pub mod condition {
    /// The spec is valid and everything for it is made.
    pub const READY: &str = "Ready";
    pub const RUNNING: &str = "Running";
    pub const COMPLETE: &str = "Complete";
    pub const FAILED: &str = "Failed";
    pub const SUSPENDED: &str = "Suspended";
    /// As kstatus reads it: the operator or the run is still at it.
    pub const RECONCILING: &str = "Reconciling";
    /// As kstatus reads it: it won't go on by itself.
    pub const STALLED: &str = "Stalled";
}

impl Status {
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.condition == name)
    }

    pub fn is(&self, name: &str) -> bool {
        self.condition(name).is_some_and(|condition| condition.status == "True")
    }

    /// Whether this run has ended, well or not. The one thing that the operator remembers.
    pub fn has_finished(&self, run: &str) -> bool {
        let ended = self.is(condition::COMPLETE) || self.is(condition::FAILED);
        ended && self.run.as_deref() == Some(run)
    }
}
