//! The traffic by hour and weekday.

const HOUR: f64 = 3_600_000.0;
/// Relative traffic of each hour of the day: people arrive at eight, have lunch, and leave machines running.
const DAY: [f64; 24] = [
    14.0, 12.0, 11.0, 11.0, 12.0, 15.0, 24.0, 52.0, 88.0, 100.0, 98.0, 94.0, //
    74.0, 88.0, 97.0, 95.0, 88.0, 70.0, 46.0, 34.0, 30.0, 26.0, 20.0, 16.0,
];
/// Relative traffic of each day, from Monday.
const WEEK: [f64; 7] = [1.0, 1.05, 1.05, 1.0, 0.9, 0.3, 0.25];

/// Converts shares of the traffic to times.
pub struct Clock {
    /// Traffic before each hour, and in total.
    before: Vec<f64>,
}

impl Clock {
    pub fn new(days: usize) -> Self {
        let mut sum = 0.0;
        let mut before = vec![0.0];
        for day in 0..days {
            for hour in DAY {
                sum += hour * WEEK[day % WEEK.len()];
                before.push(sum);
            }
        }
        Self { before }
    }

    /// The whole time in milliseconds.
    pub fn span(&self) -> u64 {
        (self.before.len() as u64 - 1) * 3_600_000
    }

    /// The time in milliseconds, below the span, at which this share of the traffic (0 to 1) has passed.
    pub fn time_at(&self, share: f64) -> u64 {
        let total = self.before.last().copied().unwrap_or(1.0);
        let passed = share.clamp(0.0, 1.0) * total;
        let hour = self.before.partition_point(|before| *before <= passed);
        let hour = hour.clamp(1, self.before.len() - 1) - 1;
        let (start, end) = (self.before[hour], self.before[hour + 1]);
        let time = (hour as f64 + (passed - start) / (end - start)) * HOUR;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a week")]
        let time = time as u64;
        time.min(self.span() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_runs_back_and_the_day_is_busier_than_the_night() {
        let clock = Clock::new(1);
        let times: Vec<u64> = (0..=1000).map(|n| clock.time_at(f64::from(n) / 1e3)).collect();
        assert!(times.is_sorted());
        assert_eq!((times[0], times[1000]), (0, 86_399_999));
        let in_hour = |hour| times.iter().filter(|time| **time / 3_600_000 == hour).count();
        assert!(in_hour(9) > 5 * in_hour(3));
        assert_eq!(Clock::new(7).span(), 7 * 86_400_000);
    }
}
