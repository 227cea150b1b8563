//! The tail of a distribution of scores: -log of the share of scores that are as high.
//!
//! Ties count half, and half a score is added on both sides, so that no share is 0. Between fitted scores the log is
//! interpolated; above all of them it grows with the log of the distance, so that new rows beyond all fitted ones are
//! distinguished.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The number of highest scores stored; the others are thinned evenly to as many at most.
const MOST_SCORES: usize = 1_000;
/// Scores with a smaller relative difference count as equal.
const EQUAL: f64 = 1e-9;
const GREATEST: f64 = 1e3;

/// Fitted scores in ascending order, and the log of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tail {
    scores: Vec<f64>,
    logs: Vec<f64>,
}

impl Tail {
    /// None if all scores are equal.
    pub fn from_scores(mut all: Vec<f64>) -> Option<Self> {
        all.par_sort_unstable_by(f64::total_cmp);
        let count = all.len() as f64;
        let (mut scores, mut logs) = (Vec::new(), Vec::new());
        let mut below = 0;
        for equal in all.chunk_by(|one, next| next - one <= one.abs() * EQUAL) {
            let above = all.len() - below - equal.len();
            let as_high = above as f64 + 0.5 * equal.len() as f64 + 0.5;
            scores.push(equal[0]);
            logs.push(-(as_high / (count + 1.0)).ln());
            below += equal.len();
        }
        let others = scores.len().saturating_sub(MOST_SCORES);
        let every = others.div_ceil(MOST_SCORES).max(1);
        let kept = |place: &usize| *place >= others || place.is_multiple_of(every);
        let kept: Vec<usize> = (0..scores.len()).filter(kept).collect();
        let some = |all: &[f64]| kept.iter().map(|place| all[*place]).collect();
        let tail = Self { scores: some(&scores), logs: some(&logs) };
        tail.is_sound().then_some(tail)
    }

    /// Whether it is valid; it may come from an untrusted model.
    pub fn is_sound(&self) -> bool {
        self.scores.len() >= 2
            && self.scores.len() == self.logs.len()
            && self.scores.is_sorted_by(|one, next| one < next)
            && self.logs.iter().all(|log| (0.0..=GREATEST).contains(log))
    }

    pub fn log(&self, score: f64) -> f64 {
        let place = self.scores.partition_point(|other| *other <= score);
        let Some(before) = place.checked_sub(1) else { return self.logs[0] };
        let log = self.logs[before];
        match self.scores.get(place) {
            Some(next) => {
                log + (self.logs[place] - log) * between(self.scores[before], *next, score).min(1.0)
            }
            None => {
                let middle = self.scores[(self.scores.len() - 1) / 2];
                let farther = between(middle, self.scores[before], score) - 1.0;
                (log + farther.max(0.0).ln_1p()).min(2.0 * GREATEST)
            }
        }
    }
}

/// The relative position of a value between two others, computed in halves so that no difference overflows.
fn between(one: f64, other: f64, value: f64) -> f64 {
    let share = (value / 2.0 - one / 2.0) / (other / 2.0 - one / 2.0);
    if share.is_nan() { 0.0 } else { share }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_scores_that_are_as_high() {
        let tail = Tail::from_scores(vec![3.0, 1.0, 2.0, 2.0]).unwrap();
        let share = |score: f64| (-tail.log(score)).exp() * 5.0;
        let near = |one: f64, other: f64| assert!((one - other).abs() < 1e-12, "{one}, {other}");
        near(share(0.0), 4.0);
        near(share(1.0), 4.0);
        near(share(2.0), 2.5);
        near(share(3.0), 1.0);
        near(tail.log(2.5), f64::midpoint(tail.log(2.0), tail.log(3.0)));
        assert!(tail.log(3.5) > tail.log(3.0) && tail.log(1e308) > tail.log(1e300));
        assert!(tail.log(f64::MAX).is_finite() && tail.log(f64::MIN) == tail.log(1.0));
    }

    #[test]
    fn equal_scores_have_no_tail() {
        assert_eq!(Tail::from_scores(vec![1.0, 1.0 + 1e-12, 1.0]), None);
        assert_eq!(Tail::from_scores(Vec::new()), None);
        let many = Tail::from_scores((0..50_000).map(f64::from).collect()).unwrap();
        assert!(many.scores.len() <= 2 * MOST_SCORES);
        assert!((many.log(25_000.0) - std::f64::consts::LN_2).abs() < 1e-3);
    }
}
