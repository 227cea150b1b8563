//! Bins of equal width between the least and the greatest fitted value.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Bins behind the others: that of missing values, then that of values outside the fitted range.
pub(crate) const SPECIAL: usize = 2;

/// Halves, so that the width of the widest range is a number: a bin is (x/2 - low/2) * `per_half`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    per_half: f64,
}

/// Rows counted together.
const COUNT_BLOCK: usize = 1 << 18;

/// Whole numbers: the order of adding changes nothing.
fn added(mut sum: Vec<usize>, counts: Vec<usize>) -> Vec<usize> {
    sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    sum
}

impl Scale {
    pub(crate) fn from_values(values: &[f64], bins: usize) -> Self {
        let (low, high) = values.par_chunks(COUNT_BLOCK).map(least_and_greatest).reduce(
            || (f64::INFINITY, f64::NEG_INFINITY),
            |(low, high), (least, greatest)| (low.min(least), high.max(greatest)),
        );
        let half = high / 2.0 - low / 2.0;
        // A constant has one bin, and so has a width too small to divide.
        let per_half =
            Some(bins as f64 / half).filter(|_| half > 0.0).filter(|bins| bins.is_finite());
        // Without any value all that is seen later was never seen.
        let (low, high) = if low <= high { (low, high) } else { (f64::MAX, f64::MIN) };
        Self { low, high, per_half: per_half.unwrap_or(0.0) }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number from 0 to the number of bins"
    )]
    pub(crate) fn bin(self, value: f64, bins: usize) -> usize {
        let place = ((value / 2.0 - self.low / 2.0) * self.per_half) as u32 as usize;
        if value >= self.low && value <= self.high {
            place.min(bins - 1)
        } else {
            bins + usize::from(!value.is_nan())
        }
    }

    /// How many values each bin has.
    pub(crate) fn counts(self, values: &[f64], bins: usize) -> Vec<usize> {
        let counts = values.par_chunks(COUNT_BLOCK).map(|values| self.counts_of_some(values, bins));
        counts.reduce(|| vec![0; bins + SPECIAL], added)
    }

    /// In turns, so that equal values in a row need not wait for one another.
    fn counts_of_some(self, values: &[f64], bins: usize) -> Vec<usize> {
        let mut turns = [(); 4].map(|()| vec![0_usize; bins + SPECIAL]);
        for values in values.chunks(turns.len()) {
            for (counts, value) in turns.iter_mut().zip(values) {
                counts[self.bin(*value, bins)] += 1;
            }
        }
        turns.into_iter().reduce(added).unwrap_or_default()
    }
}

/// Of what is no NaN, in lanes that the compiler makes vectors of.
fn least_and_greatest(values: &[f64]) -> (f64, f64) {
    const LANES: usize = 8;
    let mut low = [f64::INFINITY; LANES];
    let mut high = [f64::NEG_INFINITY; LANES];
    for values in values.chunks(LANES) {
        for ((low, high), value) in low.iter_mut().zip(&mut high).zip(values) {
            // No comparison with NaN is true.
            *low = if *value < *low { *value } else { *low };
            *high = if *value > *high { *value } else { *high };
        }
    }
    (
        low.into_iter().fold(f64::INFINITY, f64::min),
        high.into_iter().fold(f64::NEG_INFINITY, f64::max),
    )
}
