//! A line on scores that follows their tail.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::threshold::{generalised_pareto, quantile};

/// The scores from which the tail is taken first.
const FIRST: usize = 1_000;
/// The tail is above this quantile of these.
const BODY: f64 = 0.98;
/// It is fitted to at least so many excesses, and to the last ones of more.
const FEWEST: usize = 10;
const MOST: usize = 500;
/// So many times as many scores above the line are learned as are expected.
const LEARNED: f64 = 2.0;
/// A tail with a larger shape has hardly a mean.
const LARGEST_SHAPE: f64 = 0.9;
/// The scores whose mean a score that drifts is compared with.
const DEPTH: usize = 450;

/// Streaming peaks over threshold (Siffer, Fouque, Termier and Largouet 2017, "Anomaly Detection in Streams with Extreme Value
/// Theory", algorithms 2 and 3), in constant memory: the tail is fitted to its last 500 excesses.
///
/// Without the scores above the line, the tail would seem to end there, the line would fall, and ever more scores would be above
/// it. So these are learned, too, at most twice as often as is expected where nothing happens, and as scores that are as far above the
/// line as the tail expects: how far they are teaches nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    /// The last scores, where they are compared with their mean.
    drift: Option<Drift>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    /// Collects the first scores.
    First(Vec<f64>),
    Tail(Tail),
}

/// The scores above the body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tail {
    from: f64,
    /// The scores that taught it, those of them that are above the body, and those above the line.
    scores: u64,
    above: u64,
    extreme: u64,
    /// The last of the excesses, in the order in which they came.
    excesses: VecDeque<f64>,
    /// Shape and scale.
    fit: Option<(f64, f64)>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Drift {
    last: VecDeque<f64>,
    sum: f64,
}

impl Spot {
    /// `drifts`: whether scores are compared with the mean of those before them.
    pub fn new(drifts: bool) -> Self {
        let drift = drifts.then(Drift::default);
        Self { drift, state: State::First(Vec::new()) }
    }

    /// One that knows nothing, of the same kind.
    #[must_use]
    pub fn begun_anew(&self) -> Self {
        Self::new(self.drift.is_some())
    }

    /// Whether a score is above the line that one passes with the probability `risk`; none while too little is known. Then it is
    /// learned.
    pub fn is_extreme(&mut self, score: f64, risk: f64) -> Option<bool> {
        if !score.is_finite() {
            return None;
        }
        let Some(mean) = self.drift.as_ref().map_or(Some(0.0), Drift::mean) else {
            self.drift.iter_mut().for_each(|drift| drift.add(score));
            return None;
        };
        let verdict = self.state.judge(score - mean, risk);
        if verdict != Some(true) {
            self.drift.iter_mut().for_each(|drift| drift.add(score));
        }
        verdict
    }
}

impl State {
    fn judge(&mut self, value: f64, risk: f64) -> Option<bool> {
        match self {
            Self::First(values) => {
                values.push(value);
                if values.len() == FIRST {
                    *self = Self::Tail(Tail::of(values));
                }
                None
            }
            Self::Tail(tail) => {
                let line = tail.line(risk);
                let is_extreme = line.map(|line| value > line);
                if is_extreme == Some(true) {
                    tail.learn_extreme(risk);
                } else {
                    tail.learn(value);
                }
                is_extreme
            }
        }
    }
}

impl Tail {
    fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let from = quantile(&sorted, BODY);
        let mut tail =
            Self { from, scores: 0, above: 0, extreme: 0, excesses: VecDeque::new(), fit: None };
        tail.scores = values.len() as u64;
        tail.excesses = values.iter().map(|value| value - from).filter(|it| *it > 0.0).collect();
        tail.above = tail.excesses.len() as u64;
        tail.fit();
        tail
    }

    fn learn(&mut self, value: f64) {
        self.scores += 1;
        let excess = value - self.from;
        if excess <= 0.0 {
            return;
        }
        self.above += 1;
        if self.excesses.len() == MOST {
            self.excesses.pop_front();
        }
        self.excesses.push_back(excess);
        self.fit();
    }

    /// Learns a score above the line, if there were not more of them than are expected.
    fn learn_extreme(&mut self, risk: f64) {
        let (Some((shape, scale)), Some(line)) = (self.fit, self.line(risk)) else { return };
        if self.extreme as f64 >= LEARNED * risk * self.scores as f64 {
            return;
        }
        self.extreme += 1;
        let beyond = (scale + shape * (line - self.from)) / (1.0 - shape.min(LARGEST_SHAPE));
        self.learn(line + beyond.max(0.0));
    }

    fn fit(&mut self) {
        let mut excesses: Vec<f64> = self.excesses.iter().copied().collect();
        if excesses.len() < FEWEST {
            return;
        }
        excesses.sort_unstable_by(f64::total_cmp);
        let (shape, scale) = generalised_pareto(&excesses);
        let sound = shape.is_finite() && scale.is_finite() && scale > 0.0;
        // The exponential tail of the same mean where there is no other.
        let mean = excesses.iter().sum::<f64>() / excesses.len() as f64;
        self.fit = Some(if sound { (shape, scale) } else { (0.0, mean) });
    }

    /// The value that one passes with this probability.
    fn line(&self, risk: f64) -> Option<f64> {
        let (shape, scale) = self.fit?;
        let ratio = risk * self.scores as f64 / self.above as f64;
        if ratio >= 1.0 {
            return Some(self.from);
        }
        let excess = if shape.abs() < 1e-9 {
            -scale * ratio.ln()
        } else {
            scale / shape * (ratio.powf(-shape) - 1.0)
        };
        Some(self.from + excess)
    }
}

impl Drift {
    /// Of the last scores, once there are enough.
    fn mean(&self) -> Option<f64> {
        (self.last.len() == DEPTH).then(|| self.sum / DEPTH as f64)
    }

    fn add(&mut self, score: f64) {
        if self.last.len() == DEPTH
            && let Some(oldest) = self.last.pop_front()
        {
            self.sum -= oldest;
        }
        self.last.push_back(score);
        self.sum += score;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Numbers between 0 and 1.
    fn uniform(seed: u64) -> impl FnMut() -> f64 {
        let mut random = Random(seed);
        move || random.next() + f64::EPSILON / 4.0
    }

    /// Extreme scores for each that is expected.
    fn alarms(spot: &mut Spot, risk: f64, rows: u32, mut score: impl FnMut(u32) -> f64) -> f64 {
        let extreme = (0..rows).filter(|row| spot.is_extreme(score(*row), risk) == Some(true));
        extreme.count() as f64 / (risk * f64::from(rows))
    }

    #[test]
    fn false_alarms_are_as_rare_as_asked_for_whatever_the_tail() {
        let tails: [fn(f64) -> f64; 3] = [|u| -u.ln(), |u| u.powf(-0.25), |u| 1.0 - u.sqrt()];
        for tail in tails {
            let mut ratio = 0.0;
            for seed in 0..10 {
                let mut random = uniform(seed);
                let found = alarms(&mut Spot::new(false), 1e-3, 50_000, |_| tail(random()));
                assert!((0.3..4.5).contains(&found), "{found}");
                ratio += found / 10.0;
            }
            assert!((0.6..2.0).contains(&ratio), "{ratio}");
        }
    }

    #[test]
    fn what_is_far_is_extreme_and_is_not_learned() {
        let mut random = uniform(7);
        let mut spot = Spot::new(false);
        assert_eq!(spot.is_extreme(1e6, 1e-4), None);
        let mut spot = Spot::new(false);
        for _ in 0..5_000 {
            spot.is_extreme(-random().ln(), 1e-4);
        }
        // However many there are and however far they are.
        assert!((0..1_000).all(|_| spot.is_extreme(60.0, 1e-4) == Some(true)));
        assert!((0..1_000).all(|_| spot.is_extreme(1e300, 1e-4) == Some(true)));
        assert_eq!(spot.is_extreme(15.0, 1e-4), Some(true));
        assert_eq!(spot.is_extreme(f64::NAN, 1e-4), None);
        assert_eq!(spot.is_extreme(1.0, 1e-4), Some(false));
        // Constant scores have no tail.
        let mut constant = Spot::new(false);
        assert!((0..3_000).all(|_| constant.is_extreme(1.0, 1e-4).is_none()));
    }

    #[test]
    fn scores_that_drift_are_compared_with_those_before_them() {
        let drifting = |spot: &mut Spot| {
            let mut random = uniform(3);
            alarms(spot, 1e-3, 100_000, |row| f64::from(row) / 1_000.0 - random().ln())
        };
        let (still, moving) = (drifting(&mut Spot::new(false)), drifting(&mut Spot::new(true)));
        assert!(still > 100.0, "{still}");
        assert!((0.3..4.0).contains(&moving), "{moving}");
    }

    #[test]
    fn states_continue() {
        for drifts in [false, true] {
            let (mut spot, mut random) = (Spot::new(drifts), uniform(11));
            for rows in [100, 800, 900, 30_000] {
                for _ in 0..rows {
                    spot.is_extreme(-random().ln(), 1e-3);
                }
                let text = serde_json::to_string(&spot).unwrap();
                let mut read: Spot = serde_json::from_str(&text).unwrap();
                assert_eq!(read, spot);
                for _ in 0..500 {
                    let score = -random().ln();
                    assert_eq!(read.is_extreme(score, 1e-3), spot.is_extreme(score, 1e-3));
                }
            }
        }
    }
}
