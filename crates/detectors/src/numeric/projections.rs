//! Sparse random projections of dense columns, each with a histogram of the fitted rows.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde::{Deserialize, Serialize};

use super::{identity::identities, linear::Dense};
use crate::{dense::Encoding, matrix::Matrix};

/// Half a row, for an empty bin.
const NEVER_SEEN: f64 = 0.5;

/// The columns of a feature, and its relative chance of being drawn.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub columns: Vec<usize>,
    pub weight: f64,
}

/// The features of an encoding in the order of their identities, which does not depend on the table's order.
pub(crate) fn candidates(encoding: &Encoding, matrix: &Matrix) -> Vec<Candidate> {
    let (features, weights) = (encoding.features(), encoding.weights());
    let identities = identities(matrix);
    let columns: Vec<usize> = (0..features.len()).collect();
    let mut found: Vec<(u64, Candidate)> = columns
        .chunk_by(|one, next| features[*one] == features[*next])
        .map(|columns| {
            let identity = identities[features[columns[0]]];
            (identity, Candidate { columns: columns.to_vec(), weight: weights[columns[0]] })
        })
        .collect();
    found.sort_by_key(|(identity, _)| *identity);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Projection {
    pub columns: Vec<usize>,
    /// The factor of each column.
    factors: Vec<f64>,
    /// The start of the first bin.
    low: f64,
    /// Bins per unit.
    per_unit: f64,
    /// -log of each bin's height relative to the highest; the first and the last bin are outside the fitted range.
    terms: Vec<f64>,
}

impl Projection {
    /// Projects onto normal factors for the columns of some candidates, drawn by weight with replacement.
    pub fn fit(
        candidates: &[Candidate],
        draws: usize,
        rows: &Dense,
        bins: usize,
        seed: u64,
        stream: u64,
    ) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        let mut drawn: Vec<usize> = (0..draws).map(|_| draw(candidates, &mut random)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        let columns: Vec<usize> =
            drawn.into_iter().flat_map(|place| candidates[place].columns.clone()).collect();
        let factors = columns.iter().map(|_| normal(&mut random)).collect();
        let mut projection = Self { columns, factors, low: 0.0, per_unit: 0.0, terms: Vec::new() };
        let mut values = vec![0.0; rows.rows];
        for (rows, columns) in rows.blocks() {
            projection.project(columns, &mut values[rows]);
        }
        projection.count(&values, bins, random.random());
        projection
    }

    /// Whether it fits `width` columns and has finite values: it may come from an untrusted model.
    pub fn is_of(&self, width: usize) -> bool {
        self.columns.len() == self.factors.len()
            && self.columns.iter().all(|column| *column < width)
            && self.factors.iter().all(|factor| factor.abs() <= 1e3)
            && self.low.is_finite()
            && self.per_unit.is_finite()
            && !self.terms.is_empty()
            && self.terms.iter().all(|term| (0.0..=1e3).contains(term))
    }

    /// Bins of equal width over the fitted range, shifted by a random part of one; the mean over many projections is
    /// then smooth (Scott 1985, "Averaged Shifted Histograms", Annals of Statistics 13).
    fn count(&mut self, values: &[f64], bins: usize, moved: f64) {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let width = (most - least) / bins as f64;
        self.low = least - moved * width;
        self.per_unit = Some(width.recip()).filter(|bins| bins.is_finite()).unwrap_or(0.0);
        let mut counts = vec![0_u32; bins + 3];
        self.terms = vec![0.0; counts.len()];
        values.iter().for_each(|value| counts[self.bin(*value)] += 1);
        let highest = f64::from(counts.iter().copied().max().unwrap_or(0)) + NEVER_SEEN;
        let term = |count: u32| (highest / (f64::from(count) + NEVER_SEEN)).ln();
        self.terms = counts.into_iter().map(term).collect();
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number from 0 to the last bin"
    )]
    fn bin(&self, value: f64) -> usize {
        let last = self.terms.len() as f64 - 1.0;
        // Values below the first bin come between 0 and 1.
        ((value - self.low) * self.per_unit + 1.0).clamp(0.0, last) as usize
    }

    /// Writes the projected rows of a block, given column by column.
    fn project(&self, columns: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (column, factor) in self.columns.iter().zip(&self.factors) {
            let column = &columns[column * out.len()..][..out.len()];
            out.iter_mut().zip(column).for_each(|(out, value)| *out += value * factor);
        }
    }

    /// The term of a value outside of all bins.
    pub fn outside(&self) -> f64 {
        self.terms.last().copied().unwrap_or(0.0)
    }

    /// Writes the terms of the rows of a block, given column by column.
    pub fn terms(&self, columns: &[f64], out: &mut [f64]) {
        self.project(columns, out);
        out.iter_mut().for_each(|value| *value = self.terms[self.bin(*value)]);
    }
}

fn draw(candidates: &[Candidate], random: &mut ChaCha8Rng) -> usize {
    let total: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
    let mut left = random.random::<f64>() * total;
    let drawn = candidates.iter().position(|candidate| {
        left -= candidate.weight;
        left < 0.0
    });
    drawn.unwrap_or(candidates.len().saturating_sub(1))
}

/// A standard normal number (Box and Muller 1958, "A Note on the Generation of Random Normal Deviates").
pub(crate) fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (one, other): (f64, f64) = (random.random(), random.random());
    // 1 - one is above 0.
    (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * other).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_counted_by_hand() {
        let mut projection = Projection {
            columns: vec![0],
            factors: vec![1.0],
            low: 0.0,
            per_unit: 0.0,
            terms: Vec::new(),
        };
        // Two bins of 2 behind one that is moved: from -1, 1, 3; then all beyond 5.
        projection.count(&[0.0, 0.5, 1.0, 2.0, 2.0, 4.0], 2, 0.5);
        let log = |height: f64| (3.5 / height).ln();
        let expected = [log(0.5), log(2.5), log(3.5), log(1.5), log(0.5)];
        let mut found = [-1.5, 0.9, 1.1, 4.9, 5.1];
        projection.terms(&found.clone(), &mut found);
        assert_eq!(found, expected);
    }

    #[test]
    fn normal_numbers_have_their_mean_and_variance() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let numbers: Vec<f64> = (0..20_000).map(|_| normal(&mut random)).collect();
        let mean = |of: &dyn Fn(f64) -> f64| {
            numbers.iter().map(|number| of(*number)).sum::<f64>() / numbers.len() as f64
        };
        assert!(mean(&|number| number).abs() < 0.03);
        assert!((mean(&|number| number * number) - 1.0).abs() < 0.04);
        assert!((mean(&|number| number.powi(4)) - 3.0).abs() < 0.2);
    }
}
