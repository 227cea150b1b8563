//! Figures with bootstrap intervals.

use rayon::prelude::*;

use crate::ranking::{Ranking, Tie};

/// Enough resamples for the bounds of a 95 % interval.
const RESAMPLES: u64 = 1_000;

/// A figure and its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// The evaluation of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    pub rows: u64,
    pub anomalies: u64,
    pub auroc: Estimate,
    pub average_precision: Estimate,
    /// At n = the number of anomalies.
    pub precision_at_n: Estimate,
}

/// Evaluates rows, each with its score and whether it is an anomaly. The intervals are percentiles of a stratified
/// bootstrap (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13). In a resample each row has a
/// Poisson weight of mean 1, so that rows need not be drawn one by one. The same seed gives the same intervals.
pub fn evaluate(rows: &[(f64, bool)], seed: u64) -> Evaluation {
    let ranking = Ranking::new(rows);
    let figures = |ranking: &Ranking| {
        [ranking.auroc(), ranking.average_precision(), ranking.precision_at(ranking.positives())]
    };
    let resampled: Vec<[f64; 3]> = (0..RESAMPLES)
        .into_par_iter()
        .map(|index| figures(&resample(&ranking, seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
        .collect();
    let values = figures(&ranking);
    let estimate = |figure: usize| {
        let mut sorted: Vec<f64> = resampled.iter().map(|figures| figures[figure]).collect();
        sorted.retain(|value| value.is_finite());
        sorted.sort_unstable_by(f64::total_cmp);
        let percentile = |share: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a length"
            )]
            let index = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
            sorted.get(index).copied().unwrap_or(f64::NAN)
        };
        Estimate { value: values[figure], low: percentile(0.025), high: percentile(0.975) }
    };
    Evaluation {
        rows: rows.len() as u64,
        anomalies: rows.iter().filter(|row| row.1).count() as u64,
        auroc: estimate(0),
        average_precision: estimate(1),
        precision_at_n: estimate(2),
    }
}

fn resample(ranking: &Ranking, seed: u64) -> Ranking {
    let mut random = SplitMix(seed);
    let ties = ranking.0.iter().map(|tie| Tie {
        positives: random.poisson(tie.positives),
        negatives: random.poisson(tie.negatives),
    });
    Ranking(ties.collect())
}

/// Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators", figure 8.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A uniform draw from (0, 1].
    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// A Poisson draw: by multiplication (Knuth, volume 2, section 3.4.1) for a small mean, else the rounded normal
    /// approximation.
    fn poisson(&mut self, mean: f64) -> f64 {
        if mean == 0.0 {
            return 0.0;
        }
        if mean > 30.0 {
            let radius = (-2.0 * self.uniform().ln()).sqrt();
            let normal = radius * (std::f64::consts::TAU * self.uniform()).cos();
            return (mean + mean.sqrt() * normal).round().max(0.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.uniform(), 0.0);
        while product > limit {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_contain_the_figure_and_narrow_with_more_rows() {
        let rows = |n: u32| -> Vec<(f64, bool)> {
            (0..n)
                .map(|i| (f64::from(i * 7_919 % 1_000), i * 7_919 % 1_000 > 400 && i % 7 == 0))
                .collect()
        };
        let (few, many) = (evaluate(&rows(300), 1), evaluate(&rows(30_000), 1));
        for evaluation in [few, many] {
            for figure in
                [evaluation.auroc, evaluation.average_precision, evaluation.precision_at_n]
            {
                assert!(figure.low <= figure.value && figure.value <= figure.high, "{figure:?}");
            }
        }
        let width = |evaluation: Evaluation| evaluation.auroc.high - evaluation.auroc.low;
        assert!(width(many) < width(few) / 5.0);
        assert_eq!(evaluate(&rows(300), 1), few);
    }

    /// Hanley and `McNeil` 1982, "The Meaning and Use of the Area under a ROC Curve", formula 2: the standard
    /// error of an AUROC from its value and the numbers of rows.
    #[test]
    fn intervals_are_as_wide_as_in_theory() {
        let mut random = SplitMix(5);
        let rows: Vec<(f64, bool)> = (0..2_000)
            .map(|i| {
                let anomaly = i % 20 == 0;
                let u = random.uniform();
                (-u.ln() * if anomaly { 3.0 } else { 1.0 }, anomaly)
            })
            .collect();
        let found = evaluate(&rows, 3);
        let (a, m, n) = (found.auroc.value, 100.0, 1_900.0);
        let (q1, q2) = (a / (2.0 - a), 2.0 * a * a / (1.0 + a));
        let variance =
            (a * (1.0 - a) + (m - 1.0) * (q1 - a * a) + (n - 1.0) * (q2 - a * a)) / (m * n);
        let expected = 2.0 * 1.96 * variance.sqrt();
        let width = found.auroc.high - found.auroc.low;
        assert!((0.8..1.25).contains(&(width / expected)), "{width}, expected {expected}");
    }
}
