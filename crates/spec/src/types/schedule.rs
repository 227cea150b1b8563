use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a job runs, as a `CronJob` of Kubernetes says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    /// Minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly, @yearly.
    #[schemars(length(min = 1, max = 128))]
    pub cron: String,
    /// The time zone that it is read in, such as `Europe/Berlin`.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// What happens when a run is due and the one before it still runs.
    #[serde(default)]
    pub concurrency_policy: ConcurrencyPolicy,
    /// A run that could not be started in this many seconds is left out. Absent: it is started whenever that
    /// becomes possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 2_592_000))]
    pub starting_deadline_seconds: Option<i64>,
}

/// What happens when a run is due and the one before it still runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConcurrencyPolicy {
    /// Both run.
    Allow,
    /// The new one is left out.
    #[default]
    Forbid,
    /// The old one is stopped.
    Replace,
}

fn utc() -> String {
    "Etc/UTC".into()
}
