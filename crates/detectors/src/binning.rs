//! Bins of equal width between the least and the greatest fitted value.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Bins behind the others: that of missing values, then that of values outside the fitted range.
pub(crate) const SPECIAL: usize = 2;

/// A bin is (x/2 - low/2) * `per_half`: in halves, so that the widest range is finite.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    per_half: f64,
}

/// Rows counted together.
const COUNT_BLOCK: usize = 1 << 18;

/// Adds counts; integer sums do not depend on the order.
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
        // A constant has one bin, and so has a range too narrow to divide.
        let per_half =
            Some(bins as f64 / half).filter(|_| half > 0.0).filter(|bins| bins.is_finite());
        // Without any value, every later value is outside the range.
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

    /// The number of values in each bin.
    pub(crate) fn counts(self, values: &[f64], bins: usize) -> Vec<usize> {
        let counts = values.par_chunks(COUNT_BLOCK).map(|values| self.counts_of_some(values, bins));
        counts.reduce(|| vec![0; bins + SPECIAL], added)
    }

    /// Into several sets of counters in turn, so that equal values in a row do not wait for one another.
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

/// The least and the greatest value, ignoring NaN, in lanes that the compiler vectorises.
fn least_and_greatest(values: &[f64]) -> (f64, f64) {
    const LANES: usize = 8;
    let mut low = [f64::INFINITY; LANES];
    let mut high = [f64::NEG_INFINITY; LANES];
    for values in values.chunks(LANES) {
        for ((low, high), value) in low.iter_mut().zip(&mut high).zip(values) {
            // Comparisons with NaN are false.
            *low = if *value < *low { *value } else { *low };
            *high = if *value > *high { *value } else { *high };
        }
    }
    (
        low.into_iter().fold(f64::INFINITY, f64::min),
        high.into_iter().fold(f64::NEG_INFINITY, f64::max),
    )
}
