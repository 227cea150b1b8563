//! How far a stream has come, and when its model is fitted again.

use anomal_detectors::online::{ChangeDetector, Rate};
use anomal_spec::{Refit, seconds};
use serde::{Deserialize, Serialize};

/// No model is fitted again before so many further rows.
const FEWEST_NEW: u64 = 500;
/// Without `timeColumn`.
const ROWS_BETWEEN_FITS: u64 = 100_000;
/// A change of the records is followed at most so many times as often.
const OFTEN: u64 = 6;

/// When a model is fitted again. Times in microseconds.
pub(super) struct Schedule {
    every: Option<i64>,
    rows: Option<u64>,
    /// The rows of a trial, and its time.
    pub shadow: u64,
    pub shadow_time: Option<i64>,
    pub on_drift: bool,
}

/// How far it has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The rows that were scored.
    pub rows: u64,
    /// Those of the warm-up.
    #[serde(default)]
    pub passed: u64,
    /// The newest time of a row.
    pub newest: Option<i64>,
    /// Where the model in use began to score, and where the last fit began.
    pub in_use_since: u64,
    pub fitted_at: u64,
    pub fitted_time: Option<i64>,
    /// The records have changed since then.
    pub drifted: bool,
    pub change: ChangeDetector,
    pub rate: Rate,
    pub counts: ModelCounts,
}

/// The models of a stream since its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelCounts {
    /// The number of the model in use, from 1.
    pub generation: u32,
    /// Models that were fitted again and not taken, since they judged worse or could not be fitted.
    pub refused: u32,
    /// How many times the records have changed.
    pub drifts: u32,
    /// Whether they have changed since the model in use was fitted.
    #[serde(default)]
    pub drifted: bool,
}

impl Schedule {
    pub fn new(refit: &Refit, has_times: bool) -> Self {
        let micros = |time: &String| {
            let micros = seconds(time).unwrap_or(1).saturating_mul(1_000_000);
            i64::try_from(micros).unwrap_or(i64::MAX)
        };
        Self {
            every: has_times.then(|| micros(&refit.every)),
            rows: refit.rows.or_else(|| (!has_times).then_some(ROWS_BETWEEN_FITS)),
            shadow: refit.shadow.rows,
            shadow_time: refit.shadow.at_least.as_ref().filter(|_| has_times).map(micros),
            on_drift: refit.on_drift,
        }
    }
}

impl Progress {
    /// The newest time, or how many rows there were.
    pub fn age(&self) -> i64 {
        let rows = i64::try_from(self.passed + self.rows).unwrap_or(i64::MAX);
        self.newest.unwrap_or(rows)
    }

    /// Takes the time of the next row in.
    pub fn see(&mut self, time: Option<i64>) {
        self.newest = self.newest.max(time);
        self.fitted_time = self.fitted_time.or(self.newest);
    }

    /// Whether a model is to be fitted before the next row, whose time was seen.
    pub fn is_due(&self, schedule: &Schedule) -> bool {
        let rows = self.rows - self.fitted_at;
        let parts = if self.drifted { OFTEN } else { 1 };
        if rows < FEWEST_NEW {
            return false;
        }
        let by_rows = schedule.rows.is_some_and(|most| rows >= most / parts);
        let passed = self.newest.zip(self.fitted_time).map(|(now, then)| now.saturating_sub(then));
        let parts = i64::try_from(parts).unwrap_or(1);
        let by_time =
            schedule.every.zip(passed).is_some_and(|(every, passed)| passed >= every / parts);
        by_rows || by_time
    }
}
