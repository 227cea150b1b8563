//! The score of the Numenta Anomaly Benchmark, after its paper (Lavin and Ahmad 2015, "Evaluating Real-time Anomaly Detection
//! Algorithms: the Numenta Anomaly Benchmark"): an alarm within a window counts the more the earlier it is, and one outside
//! costs the more the farther it is behind a window.

use std::ops::RangeInclusive;

/// What an application pays, in windows that are found at their first row.
#[derive(Clone, Copy)]
pub struct Profile {
    pub name: &'static str,
    /// Of a false alarm far from a window.
    false_alarm: f64,
    /// Of a window without an alarm.
    miss: f64,
}

pub const STANDARD: Profile = Profile { name: "standard", false_alarm: 0.11, miss: 1.0 };
pub const PROFILES: [Profile; 3] = [
    STANDARD,
    Profile { name: "few false alarms", false_alarm: 0.22, miss: 1.0 },
    Profile { name: "few misses", false_alarm: 0.11, miss: 2.0 },
];

/// A series with the score of each row and its windows of anomalies, which are in order and apart.
pub struct Series {
    pub scores: Vec<f64>,
    pub windows: Vec<RangeInclusive<usize>>,
}

/// What the rows above a threshold have found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    pub windows: usize,
    pub false_alarms: usize,
    /// Credits of windows, less the costs of false alarms.
    credit: f64,
}

/// The results of one threshold for several series: all that matter, from the strictest on.
pub struct Thresholds {
    profile: Profile,
    windows: usize,
    found: Vec<(f64, Found)>,
}

/// What an alarm at a row means.
#[derive(Clone, Copy)]
enum Alarm {
    /// In this window, of this credit.
    Within(usize, f64),
    Outside(f64),
}

impl Series {
    /// The rows at the beginning that are not judged.
    fn probation(&self) -> usize {
        (self.scores.len() * 15 / 100).min(750)
    }

    /// The judged rows, with windows numbered from `first` on.
    fn alarms(&self, first: usize) -> impl Iterator<Item = (f64, Alarm)> {
        let judged = self.scores.iter().enumerate().skip(self.probation());
        judged.map(move |(row, score)| (*score, self.alarm(row, first)))
    }

    fn alarm(&self, row: usize, first: usize) -> Alarm {
        let next = self.windows.partition_point(|window| *window.end() < row);
        if let Some(window) = self.windows.get(next).filter(|window| window.contains(&row)) {
            let rows = (window.end() - window.start() + 1) as f64;
            let left = (window.end() - row + 1) as f64;
            return Alarm::Within(first + next, worth(-left / rows) / worth(-1.0));
        }
        let Some(window) = next.checked_sub(1).map(|last| &self.windows[last]) else {
            return Alarm::Outside(-1.0);
        };
        let behind = (row - window.end()) as f64 / (window.end() - window.start()).max(1) as f64;
        Alarm::Outside(if behind > 3.0 { -1.0 } else { worth(behind) })
    }
}

/// Of an alarm at this place of a window: -1 is its first row, 0 its end, 1 as far behind it as it is long.
fn worth(place: f64) -> f64 {
    2.0 / (1.0 + (5.0 * place).exp()) - 1.0
}

impl Thresholds {
    /// Rows of a score that is not finite raise no alarm.
    pub fn of<'a>(series: impl IntoIterator<Item = &'a Series>, profile: Profile) -> Self {
        let (mut alarms, mut windows) = (Vec::new(), 0);
        for series in series {
            alarms.extend(series.alarms(windows).filter(|(score, _)| score.is_finite()));
            windows += series.windows.len();
        }
        alarms.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let mut credits = vec![0.0_f64; windows];
        let mut now = Found::default();
        let mut found = vec![(f64::INFINITY, now)];
        for equal in alarms.chunk_by(|(a, _), (b, _)| a == b) {
            for (_, alarm) in equal {
                match *alarm {
                    Alarm::Within(window, credit) => {
                        now.windows += usize::from(credits[window] == 0.0);
                        now.credit += (credit - credits[window]).max(0.0);
                        credits[window] = credits[window].max(credit);
                    }
                    Alarm::Outside(cost) => {
                        now.false_alarms += 1;
                        now.credit += profile.false_alarm * cost;
                    }
                }
            }
            found.push((equal[0].0, now));
        }
        Self { profile, windows, found }
    }

    /// The threshold with the best score.
    pub fn best(&self) -> f64 {
        let best = self.found.iter().rev().max_by(|a, b| self.raw(&a.1).total_cmp(&self.raw(&b.1)));
        best.map_or(f64::INFINITY, |(threshold, _)| *threshold)
    }

    /// What rows of at least this score have found.
    pub fn found(&self, threshold: f64) -> Found {
        let stricter = self.found.partition_point(|(known, _)| *known >= threshold);
        self.found[stricter.saturating_sub(1)].1
    }

    /// 100 for all windows at their first rows without a false alarm, 0 for no alarm at all.
    pub fn score(&self, threshold: f64) -> f64 {
        let most = self.windows as f64 * (1.0 + self.profile.miss);
        100.0 * self.raw(&self.found(threshold)) / most
    }

    /// Above that of no alarm at all.
    fn raw(&self, found: &Found) -> f64 {
        found.credit + self.profile.miss * found.windows as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 rows, of which 3 are not judged and four are a window, with alarms at `rows`.
    fn score(profile: Profile, rows: &[usize]) -> f64 {
        let mut scores = vec![0.0; 20];
        rows.iter().for_each(|row| scores[*row] = 1.0);
        let series = Series { scores, windows: vec![10..=13] };
        Thresholds::of([&series], profile).score(1.0)
    }

    fn is_near(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 5e-3
    }

    #[test]
    fn alarms_in_a_window_count_once_and_by_the_earliest() {
        assert!(is_near(score(STANDARD, &[10]), 100.0));
        assert!(is_near(score(STANDARD, &[11, 10, 13]), 100.0));
        // 2 / (1 + e^-1.25) - 1 = 0.55460, of 0.98661 at the first row: (0.56213 + 1) / 2.
        assert!(is_near(score(STANDARD, &[13]), 78.106));
        assert!(is_near(score(STANDARD, &[]), 0.0));
    }

    #[test]
    fn false_alarms_cost_less_shortly_behind_a_window() {
        // Before the first window: -0.11, of 2 from the worst to the best.
        assert!(is_near(score(STANDARD, &[5]), -5.5));
        assert!(is_near(score(PROFILES[1], &[5]), -11.0));
        assert!(is_near(score(PROFILES[2], &[5]), -11.0 / 3.0));
        // A third of its length behind: 1 - 2 / (1 + e^(5/3)) = 0.68228, and at two lengths 0.99991.
        assert!(is_near(score(STANDARD, &[10, 14]), 100.0 - 0.68228 * 5.5));
        assert!(is_near(score(STANDARD, &[10, 19]), 100.0 - 0.99991 * 5.5));
    }

    #[test]
    fn the_first_rows_are_not_judged() {
        assert!(is_near(score(STANDARD, &[0, 1, 2]), 0.0));
        assert!(is_near(score(STANDARD, &[3]), -5.5));
        let long = Series { scores: vec![0.0; 20_000], windows: Vec::new() };
        assert_eq!(long.probation(), 750);
    }

    #[test]
    fn one_threshold_is_best_for_all_series() {
        let series = |alarms: &[(usize, f64)]| {
            let mut scores = vec![f64::NAN; 20];
            alarms.iter().for_each(|(row, score)| scores[*row] = *score);
            Series { scores, windows: vec![10..=13] }
        };
        let series = [series(&[(5, 0.9), (10, 0.5), (11, 0.8)]), series(&[(19, 0.1)])];
        let thresholds = Thresholds::of(&series, STANDARD);
        assert_eq!(thresholds.best(), 0.5);
        // One of two windows at its first row, and a false alarm: (2 - 0.11) of 4.
        assert!(is_near(thresholds.score(0.5), 100.0 * 1.89 / 4.0));
        let found = thresholds.found(0.6);
        assert_eq!((found.windows, found.false_alarms), (1, 1));
        assert_eq!(thresholds.found(2.0), Found::default());
        // 19 alone: none is better.
        let nothing = Thresholds::of(&series[1..], STANDARD);
        assert_eq!(nothing.best(), f64::INFINITY);
        assert!(is_near(nothing.score(f64::INFINITY), 0.0));
    }
}
