//! How often a number fell into which bin.

use super::grid::MISSING;
use crate::online::bytes::{Reader, Writer};

/// At so many rows, counts halve.
pub(super) const MOST: u32 = 60_000;

/// Counts of the bins, and of missing values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram([u16; MISSING + 1]);

impl Histogram {
    fn total(&self) -> u32 {
        self.0.iter().map(|count| u32::from(*count)).sum()
    }

    /// The rows in bins that have at most as many as this one, and all.
    pub fn tail(&self, bin: usize) -> (f64, f64) {
        let here = self.0[bin];
        let (mut tail, mut total) = (0_u32, 0_u32);
        for count in self.0 {
            total += u32::from(count);
            tail += if count <= here { u32::from(count) } else { 0 };
        }
        (f64::from(tail), f64::from(total))
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
        let read = Self(counts);
        (read.total() < MOST).then_some(read)
    }
}
