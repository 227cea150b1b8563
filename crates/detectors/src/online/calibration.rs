//! Scores as p-values: the share of the scores before that are as high.

mod ordered;

use std::collections::VecDeque;

use anomal_core::{Error, Result};

use self::ordered::{Ordered, Place};
use crate::threshold::{generalised_pareto, quantile};

/// The scores that one is compared with: the last ones.
const WINDOW: usize = 10_000;
/// With fewer there are no p-values.
const FEWEST: usize = 100;
/// Scores above this quantile have the tail that is fitted to those.
const BODY: f64 = 0.98;
/// A tail is fitted to at least so many.
const FEWEST_EXCESSES: usize = 10;
/// The shape of the tail of fewer.
const SHAPE_OF_FEW: f64 = 0.5;
/// The scores after which the tail is fitted again.
const REFIT: u32 = 100;
/// The smallest p-value.
const SMALLEST: f64 = 1e-9;
const VERSION: u8 = 2;
/// The version whose tails have the share of the scores above them, which is counted now.
const WITH_SHARES: u8 = 1;

/// The last scores of a model. Conformal p-values (Laxhammar and Falkman 2010, "Conformal Prediction for Distribution-
/// Independent Anomaly Detection in Streaming Vessel Data") over a sliding window, with a generalised Pareto tail, so that
/// they go on below one in the number of scores (Siffer et al. 2017, section 4). The tail is never taken to end: its shape is
/// at least 0.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    /// In the order in which they came.
    window: VecDeque<f64>,
    ordered: Ordered,
    tail: Option<Tail>,
    /// The scores since the tail was fitted.
    since: u32,
}

/// The scores above the body.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tail {
    from: f64,
    shape: f64,
    scale: f64,
}

impl Calibration {
    /// The number of scores that one is compared with.
    pub fn len(&self) -> usize {
        self.window.len()
    }

    pub fn is_empty(&self) -> bool {
        self.window.is_empty()
    }

    /// The probability of a score at least as high, `1e-9..=1`, if nothing has changed; none with fewer than 100 scores. It
    /// never rises with the score, and falls with it between two scores that are known and above all of them.
    pub fn p_value(&self, score: f64) -> Option<f64> {
        let n = self.window.len();
        if n < FEWEST || !score.is_finite() {
            return None;
        }
        let p = match self.tail.filter(|tail| score > tail.from) {
            Some(tail) => {
                let beyond = survival(tail.shape, (score - tail.from) / tail.scale);
                self.counted_above(tail.from) * beyond
            }
            None => self.counted(score),
        };
        Some(p.clamp(SMALLEST, 1.0))
    }

    /// The share of the scores that are as high; one between two of them is in part above the lower one.
    fn counted(&self, score: f64) -> f64 {
        let (n, place) = (self.window.len(), self.ordered.place(score));
        if place.below == 0 {
            return 1.0;
        }
        let part = match (place.equal, place.below == n) {
            (0, false) => (place.high - score) / (place.high - place.low),
            (0, true) => 1.0,
            _ => 0.0,
        };
        ((n - place.below) as f64 + part) / (n + 1) as f64
    }

    /// The same of one just above a score: those that are equal to that do not count.
    fn counted_above(&self, score: f64) -> f64 {
        let (n, place) = (self.window.len(), self.ordered.place(score));
        match place.equal {
            0 => self.counted(score),
            equal => (n - place.below - equal + 1) as f64 / (n + 1) as f64,
        }
    }

    /// The p-value, uniform between 0 and 1 if nothing has changed, also where scores are equal: `chance`, `0..1`, places it
    /// among equals.
    pub fn smoothed(&self, score: f64, chance: f64) -> Option<f64> {
        let n = self.window.len();
        if n < FEWEST || !score.is_finite() {
            return None;
        }
        let Place { below, equal, .. } = self.ordered.place(score);
        let above = n - below - equal;
        Some((above as f64 + chance * (equal + 1) as f64) / (n + 1) as f64)
    }

    /// Adds a score; the oldest one is forgotten where there are 10,000.
    pub fn learn(&mut self, score: f64) {
        if !score.is_finite() {
            return;
        }
        if self.window.len() == WINDOW
            && let Some(oldest) = self.window.pop_front()
        {
            self.ordered.remove(oldest);
        }
        self.window.push_back(score);
        self.ordered.add(score);
        self.since += 1;
        if self.since >= REFIT {
            self.fit_tail();
        }
    }

    /// Of scores that the model has not seen.
    pub fn of(scores: impl IntoIterator<Item = f64>) -> Self {
        let mut window: VecDeque<f64> =
            scores.into_iter().filter(|score| score.is_finite()).collect();
        window.drain(..window.len().saturating_sub(WINDOW));
        let ordered = Ordered::new(window.iter().copied());
        let mut calibration = Self { window, ordered, tail: None, since: 0 };
        calibration.fit_tail();
        calibration
    }

    fn fit_tail(&mut self) {
        self.since = 0;
        self.tail = Tail::fit(self.ordered.settle());
    }

    /// All of it, for [`Calibration::from_bytes`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, u8::from(self.tail.is_some())];
        bytes.extend(self.since.to_le_bytes());
        let tail = self.tail.iter().flat_map(|tail| [tail.from, tail.shape, tail.scale]);
        let numbers = tail.chain(self.window.iter().copied());
        bytes.extend(numbers.flat_map(f64::to_le_bytes));
        bytes
    }

    /// # Errors
    /// `Internal` if the bytes are damaged or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).ok_or_else(|| {
            Error::internal("the calibration is damaged, or was written by another version")
        })
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let ([version, has_tail], rest) = bytes.split_first_chunk::<2>()?;
        if ![WITH_SHARES, VERSION].contains(version) {
            return None;
        }
        let (since, rest) = rest.split_first_chunk::<4>()?;
        let (numbers, []) = rest.as_chunks::<8>() else { return None };
        let mut numbers = numbers.iter().map(|number| f64::from_le_bytes(*number));
        let tail = match has_tail {
            0 => None,
            1 => {
                let from = numbers.next()?;
                if *version == WITH_SHARES {
                    numbers.next()?;
                }
                Some(Tail { from, shape: numbers.next()?, scale: numbers.next()? })
            }
            _ => return None,
        };
        let window: VecDeque<f64> = numbers.collect();
        if window.len() > WINDOW || window.iter().any(|score| !score.is_finite()) {
            return None;
        }
        let ordered = Ordered::new(window.iter().copied());
        Some(Self { window, ordered, tail, since: u32::from_le_bytes(*since) })
    }
}

/// Scores are in order in one way alone, so this is all that makes two differ.
impl PartialEq for Calibration {
    fn eq(&self, other: &Self) -> bool {
        let of = |calibration: &Self| (calibration.tail, calibration.since);
        self.window == other.window && of(self) == of(other)
    }
}

impl Tail {
    /// That of scores in ascending order.
    fn fit(sorted: &[f64]) -> Option<Self> {
        let from = quantile(sorted, BODY);
        let first = sorted.partition_point(|score| *score <= from);
        let excesses: Vec<f64> = sorted[first..].iter().map(|score| score - from).collect();
        if excesses.len() < FEWEST_EXCESSES {
            return Self::of_few(sorted);
        }
        let (mut shape, mut scale) = generalised_pareto(&excesses);
        if shape.is_nan() || shape < 0.0 {
            // The exponential tail of the same mean.
            (shape, scale) = (0.0, excesses.iter().sum::<f64>() / excesses.len() as f64);
        }
        Self { from, shape, scale }.sound()
    }

    /// Where there are too few scores to find its shape: above the highest of them, on the scale of the highest ten, and
    /// heavier than most. None of fewer than 100 scores.
    fn of_few(sorted: &[f64]) -> Option<Self> {
        let first = sorted.len().checked_sub(FEWEST_EXCESSES).filter(|_| sorted.len() >= FEWEST)?;
        let (low, above) = (sorted[first - 1], &sorted[first..]);
        let scale = above.iter().map(|score| score - low).sum::<f64>() / above.len() as f64;
        Self { from: *above.last()?, shape: SHAPE_OF_FEW, scale }.sound()
    }

    fn sound(self) -> Option<Self> {
        let is_sound = self.shape.is_finite() && self.scale.is_finite() && self.scale > 0.0;
        is_sound.then_some(self)
    }
}

/// The share of a generalised Pareto distribution of scale 1 above a value.
fn survival(shape: f64, value: f64) -> f64 {
    if shape < 1e-9 { (-value).exp() } else { (-(shape * value).ln_1p() / shape).exp() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::Random;

    /// Quantiles of an exponential distribution in an order that has none.
    fn exponential(n: u32) -> impl Iterator<Item = f64> {
        let place = move |i: u32| (u64::from(i) * 7_919 % u64::from(n)) as f64;
        (0..n).map(move |i| -(1.0 - (place(i) + 0.5) / f64::from(n)).ln())
    }

    #[test]
    fn p_values_are_those_of_the_distribution() {
        let calibration = Calibration::of(exponential(10_000));
        for p in [0.9, 0.5, 0.1, 0.03, 1e-2, 1e-3, 1e-4, 1e-5] {
            let found = calibration.p_value(-f64::ln(p)).unwrap();
            assert!((found / p).ln().abs() < 0.35, "{found} and not {p}");
        }
        assert_eq!(calibration.p_value(1e9), Some(SMALLEST));
        assert_eq!(calibration.p_value(-1.0), Some(1.0));
        assert_eq!(calibration.p_value(f64::NAN), None);
    }

    #[test]
    fn a_short_tail_is_not_taken_to_end() {
        let calibration = Calibration::of((0..1_000).map(|i| f64::from(i * 7 % 1_000)));
        let just_above = calibration.p_value(1_000.0).unwrap();
        assert!(just_above > 5e-4, "{just_above}");
        assert!(calibration.p_value(1_100.0).unwrap() < just_above / 10.0);
    }

    /// Scores of an exponential distribution.
    fn drawn(random: &mut Random, count: usize) -> Vec<f64> {
        (0..count).map(|_| -(1.0 - random.next()).ln()).collect()
    }

    #[test]
    fn p_values_by_few_scores_rank_as_these_do() {
        let mut calibration = Calibration::of(exponential(120));
        for score in exponential(37) {
            calibration.learn(score + 0.001);
        }
        let probes: Vec<f64> = (1..4_000).map(|probe| f64::from(probe) / 200.0).collect();
        let p: Vec<f64> = probes.iter().map(|probe| calibration.p_value(*probe).unwrap()).collect();
        assert!(p.is_sorted_by(|a, b| a > b), "{p:?}");
        assert!(p.last() > Some(&1e-5) && calibration.p_value(1e3) < Some(1e-6), "{p:?}");
    }

    #[test]
    fn false_alarms_by_few_scores_are_as_many_as_asked() {
        let mut random = Random(3);
        let (mut hundredth, mut thousandth) = (0, 0);
        for _ in 0..400 {
            let calibration = Calibration::of(drawn(&mut random, 150));
            for score in drawn(&mut random, 100) {
                let p = calibration.p_value(score).unwrap();
                hundredth += i32::from(p <= 0.01);
                thousandth += i32::from(p <= 0.001);
            }
        }
        // Of 40,000.
        assert!((300..520).contains(&hundredth), "{hundredth}");
        assert!((8..60).contains(&thousandth), "{thousandth}");
    }

    #[test]
    fn equal_scores_are_as_high_as_each_other() {
        let mut calibration = Calibration::of([1.0; 90].into_iter().chain([3.0; 10]));
        let p = |calibration: &Calibration, score| calibration.p_value(score).unwrap();
        assert_eq!(p(&calibration, 1.0), 1.0);
        assert_eq!([3.0, 2.0].map(|score| p(&calibration, score)), [10.0 / 101.0, 10.5 / 101.0]);
        assert!(p(&calibration, 3.5) < 1.0 / 101.0);
        (0..10_000).for_each(|_| calibration.learn(7.0));
        assert_eq!(p(&calibration, 7.0), 1.0);
    }

    #[test]
    fn the_last_scores_count() {
        let mut calibration = Calibration::of((0..10_000).map(f64::from));
        for score in 0..10_000 {
            calibration.learn(f64::from(score) + 50_000.0);
        }
        assert_eq!(calibration.len(), 10_000);
        assert_eq!(calibration.p_value(49_999.0), Some(1.0));
        assert!(Calibration::of([1.0; 99]).p_value(1.0).is_none());
        assert!(Calibration::default().is_empty());
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let bytes = Calibration::of(exponential(300)).to_bytes();
        assert!(Calibration::from_bytes(&bytes).is_ok());
        for end in (0..bytes.len()).filter(|end| *end < 6 || end % 8 != 6) {
            assert!(Calibration::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
        let other = [&[9], &bytes[1..]].concat();
        assert!(Calibration::from_bytes(&other).is_err());
        // One of the version before, behind whose first number of the tail there is another.
        let before = [&[1], &bytes[1..14], &0.02_f64.to_le_bytes(), &bytes[14..]].concat();
        assert_eq!(Calibration::from_bytes(&before).unwrap().to_bytes(), bytes);
    }

    proptest! {
        #[test]
        fn p_values_never_rise_and_states_continue(
            scores in prop::collection::vec(0_u16..200, 100..400),
            probes in prop::collection::vec(0.0_f64..400.0, 20),
        ) {
            let mut calibration = Calibration::default();
            for score in &scores {
                calibration.learn(f64::from(*score).powi(2));
            }
            let mut probes = probes;
            probes.extend(scores.iter().map(|score| f64::from(*score)));
            let mut probes: Vec<f64> = probes.iter().map(|probe| probe.powi(2)).collect();
            probes.sort_unstable_by(f64::total_cmp);
            let p: Vec<f64> = probes.iter().map(|probe| calibration.p_value(*probe).unwrap()).collect();
            prop_assert!(p.is_sorted_by(|a, b| a >= b), "{p:?}");
            let smoothed = |chance| move |probe: &f64| (*probe, chance);
            for (probe, chance) in probes.iter().map(smoothed(0.0)).chain(probes.iter().map(smoothed(1.0))) {
                let p = calibration.smoothed(probe, chance).unwrap();
                prop_assert!((0.0..=1.0).contains(&p));
            }
            let mut read = Calibration::from_bytes(&calibration.to_bytes()).unwrap();
            prop_assert_eq!(&read, &calibration);
            for score in &scores {
                read.learn(f64::from(*score));
                calibration.learn(f64::from(*score));
            }
            prop_assert_eq!(read, calibration);
        }
    }
}
