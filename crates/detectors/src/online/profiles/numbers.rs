//! How often a number fell into which bin.

use super::grid::MISSING;
use crate::online::bytes::{Reader, Writer};

/// At so many rows, counts halve.
pub(super) const MOST: u16 = 60_000;

/// Counts of the bins, and of missing values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram([u16; MISSING + 1]);

impl Histogram {
    /// At most [`MOST`].
    fn total(&self) -> u16 {
        self.0.iter().sum()
    }

    /// The rows in bins that have at most as many as this one, and all.
    pub fn tail(&self, bin: usize) -> (f64, f64) {
        let here = self.0[bin];
        let tail: u16 = self.0.iter().map(|count| if *count <= here { *count } else { 0 }).sum();
        (f64::from(tail), f64::from(self.total()))
    }

    pub fn add(&mut self, bin: usize) {
        self.0[bin] += 1;
        if self.total() >= MOST {
            self.halve();
        }
    }

    pub fn halve(&mut self) {
        self.0.iter_mut().for_each(|count| *count /= 2);
    }

    pub fn write(&self, to: &mut Writer) {
        self.0.iter().for_each(|count| to.count(*count));
    }

    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut counts = [0; MISSING + 1];
        for count in &mut counts {
            *count = from.count()?;
        }
        let total: u32 = counts.iter().map(|count| u32::from(*count)).sum();
        (total < u32::from(MOST)).then_some(Self(counts))
    }
}
