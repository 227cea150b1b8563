//! How many rows come in an hour.

use serde::{Deserialize, Serialize};

const HOUR: f64 = 3_600e6;
/// After this time, in microseconds, rows count half.
const HALF_LIFE: f64 = 6.0 * HOUR;
/// A rate is of at least this time.
const SHORTEST: f64 = HOUR / 60.0;

/// An exponentially weighted rate by the times of rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    newest: Option<i64>,
    rows: f64,
    micros: f64,
}

impl Rate {
    /// Adds a row at a time in microseconds; none, or one before the newest, is at the newest.
    pub fn add(&mut self, time: Option<i64>) {
        let newest = self.newest.max(time);
        if let (Some(before), Some(now)) = (self.newest, newest) {
            let passed = now.saturating_sub(before) as f64;
            let kept = (-passed / HALF_LIFE).exp2();
            self.rows *= kept;
            self.micros = self.micros * kept + passed.min(HALF_LIFE * 8.0);
        }
        self.newest = newest;
        self.rows += 1.0;
    }

    /// None before the first row with a time.
    pub fn per_hour(&self) -> Option<f64> {
        self.newest.map(|_| self.rows / self.micros.max(SHORTEST) * HOUR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_follows_the_rows() {
        let mut rate = Rate::default();
        rate.add(None);
        assert_eq!(rate.per_hour(), None);
        for second in 0..36_000 {
            rate.add(Some(second * 1_000_000));
        }
        let slow = rate.per_hour().unwrap();
        assert!((slow / 3_600.0 - 1.0).abs() < 0.1, "{slow}");
        for tenth in 0..1_800_000 {
            rate.add(Some(36_000_000_000 + tenth * 100_000));
        }
        let fast = rate.per_hour().unwrap();
        assert!((fast / 36_000.0 - 1.0).abs() < 0.1, "{fast}");
        // One that comes late is at the newest time.
        rate.add(Some(0));
        assert!(rate.per_hour().unwrap() >= fast);
    }
}
