//! The time of several rows.

use jiff::Timestamp;

/// Of rows with a time, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub first: i64,
    pub last: i64,
    /// The shortest interval that has 90 % of the rows; of equal ones the first.
    pub core_start: i64,
    pub core_end: i64,
    /// Rows in it.
    pub core_rows: u64,
}

impl Span {
    /// Of times in any order; none of none.
    pub fn from_times(mut times: Vec<i64>) -> Option<Self> {
        times.sort_unstable();
        let (first, last) = (*times.first()?, *times.last()?);
        let needed = (times.len() * 9).div_ceil(10).max(1);
        let windows = times.windows(needed);
        let length = |window: &&[i64]| window[needed - 1].saturating_sub(window[0]);
        let core = windows.min_by_key(length)?;
        let (core_start, core_end) = (core[0], core[needed - 1]);
        let within = |time: &&i64| (core_start..=core_end).contains(*time);
        let core_rows = times.iter().filter(within).count() as u64;
        Some(Self { first, last, core_start, core_end, core_rows })
    }

    /// Seconds of the whole.
    pub fn seconds(&self) -> f64 {
        self.last.saturating_sub(self.first) as f64 / 1e6
    }

    /// Seconds of the core.
    pub fn core_seconds(&self) -> f64 {
        self.core_end.saturating_sub(self.core_start) as f64 / 1e6
    }
}

/// A time as RFC 3339, or as a number of steps of so many microseconds.
pub(crate) fn text(micros: i64, step: Option<i64>) -> String {
    if let Some(step) = step {
        return (micros / step.max(1)).to_string();
    }
    Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
}
