//! Bins of about equal counts, narrow where rows are dense (Goldstein and Dengel 2012, section 3, "dynamic bin-width").

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The least width of a bin relative to the mean, so that a frequent value has a bounded density.
const LEAST_WIDTH: f64 = 0.01;

/// The start of each bin, then the end of the last; empty without values.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Edges(Vec<f64>);

impl Edges {
    /// Makes at most `bins` bins; equal values share one. Returns each bin's count, and its width relative to the mean.
    pub fn from_values(values: &[f64], bins: usize) -> (Self, Vec<(usize, f64)>) {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        sorted.par_sort_unstable_by(f64::total_cmp);
        let size = sorted.len().div_ceil(bins).max(1);
        let (mut edges, mut counts) = (sorted[..sorted.len().min(1)].to_vec(), Vec::new());
        let mut start = 0;
        while start < sorted.len() {
            let last = sorted[(start + size).min(sorted.len()) - 1];
            let end = start + sorted[start..].partition_point(|value| *value <= last);
            counts.push(end - start);
            edges.push(sorted.get(end).map_or(last, |next| between(last, *next)));
            start = end;
        }
        // In halves, so that the widest range is finite.
        let widths = edges.windows(2).map(|edges| edges[1] / 2.0 - edges[0] / 2.0);
        let widths: Vec<f64> = widths.collect();
        let mean = widths.iter().sum::<f64>() / widths.len() as f64;
        let width = |width: f64| if mean > 0.0 { (width / mean).max(LEAST_WIDTH) } else { 1.0 };
        let counts = counts.into_iter().zip(widths.into_iter().map(width)).collect();
        (Self(edges), counts)
    }

    pub fn bins(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    /// Numbered as in `Scale::bin`.
    pub fn bin(&self, value: f64) -> usize {
        let bins = self.bins();
        if value.is_nan() {
            return bins;
        }
        match (self.0.first(), self.0.last()) {
            (Some(low), Some(high)) if value >= *low && value <= *high => {
                self.0[1..bins.max(1)].partition_point(|edge| *edge <= value)
            }
            _ => bins + 1,
        }
    }
}

/// From above one edge up to the next, inclusive.
fn between(last: f64, next: f64) -> f64 {
    let middle = last / 2.0 + next / 2.0;
    if middle > last { middle } else { next }
}
