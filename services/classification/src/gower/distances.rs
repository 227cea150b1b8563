//! Distances of one row to a run of rows, the kernel of everything else.

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use super::encoded::{Encoded, Part};
use crate::matrix::MISSING;

/// Writes into `out` the distances of row `row` of `from` to the rows of `to` from `start` on. A distance
/// of a row to itself is written as any other: 1 where it has no value at all.
pub(crate) fn row_to_run(from: &Encoded, row: usize, to: &Encoded, start: usize, out: &mut [f32]) {
    if from.missing || to.missing {
        return with_missing(from, row, to, start, out);
    }
    if from.parts.is_empty() {
        return out.fill(1.0);
    }
    out.fill(0.0);
    let end = start + out.len();
    for (here, there) in from.parts.iter().zip(&to.parts) {
        match (here, there) {
            (Part::Numeric { values: here, .. }, Part::Numeric { values: there, .. }) => {
                let value = here[row];
                for (sum, other) in out.iter_mut().zip(&there[start..end]) {
                    *sum += (value - other).abs();
                }
            }
            (Part::Codes { codes: here, weight }, Part::Codes { codes: there, .. }) => {
                let code = here[row];
                for (sum, other) in out.iter_mut().zip(&there[start..end]) {
                    *sum += if code == *other { 0.0 } else { *weight };
                }
            }
            // Both are made by one encoding.
            _ => {}
        }
    }
}

/// The weights of what both rows have are added up beside the differences.
fn with_missing(from: &Encoded, row: usize, to: &Encoded, start: usize, out: &mut [f32]) {
    let end = start + out.len();
    let mut weights = vec![0.0_f32; out.len()];
    out.fill(0.0);
    for (here, there) in from.parts.iter().zip(&to.parts) {
        match (here, there) {
            (Part::Numeric { values: here, weight }, Part::Numeric { values: there, .. }) => {
                let value = here[row];
                let sums = out.iter_mut().zip(&mut weights);
                for ((sum, total), other) in sums.zip(&there[start..end]) {
                    let difference = (value - other).abs();
                    let there = !difference.is_nan();
                    *sum += if there { difference } else { 0.0 };
                    *total += if there { *weight } else { 0.0 };
                }
            }
            (Part::Codes { codes: here, weight }, Part::Codes { codes: there, .. }) => {
                let code = here[row];
                if code == MISSING {
                    continue;
                }
                let sums = out.iter_mut().zip(&mut weights);
                for ((sum, total), other) in sums.zip(&there[start..end]) {
                    *sum += if code == *other || *other == MISSING { 0.0 } else { *weight };
                    *total += if *other == MISSING { 0.0 } else { *weight };
                }
            }
            _ => {}
        }
    }
    for (sum, total) in out.iter_mut().zip(weights) {
        *sum = if total > 0.0 { *sum / total } else { 1.0 };
    }
}

/// The share of each part in the distance of two rows, written into `out`; they add up to the distance
/// (or are all 0 where the rows share no feature).
pub(crate) fn parts_between(a: &Encoded, row: usize, b: &Encoded, other: usize, out: &mut [f32]) {
    let mut total = 0.0;
    for ((share, here), there) in out.iter_mut().zip(&a.parts).zip(&b.parts) {
        let (difference, weight) = match (here, there) {
            (Part::Numeric { values: here, weight }, Part::Numeric { values: there, .. }) => {
                ((here[row] - there[other]).abs(), *weight)
            }
            (Part::Codes { codes: here, weight }, Part::Codes { codes: there, .. }) => {
                let (here, there) = (here[row], there[other]);
                if here == MISSING || there == MISSING {
                    (f32::NAN, *weight)
                } else {
                    (if here == there { 0.0 } else { *weight }, *weight)
                }
            }
            _ => (f32::NAN, 0.0),
        };
        let present = !difference.is_nan();
        *share = if present { difference } else { 0.0 };
        total += if present { weight } else { 0.0 };
    }
    if total > 0.0 {
        out.iter_mut().for_each(|share| *share /= total);
    }
}

/// All pairs (0,1), (0,2) … (n-2,n-1).
pub(crate) fn condensed(rows: &Encoded, cancel: &Cancel) -> Result<Vec<f32>> {
    let n = rows.rows;
    let mut all = vec![0.0_f32; n * n.saturating_sub(1) / 2];
    let mut runs = Vec::with_capacity(n);
    let mut rest = all.as_mut_slice();
    for row in 0..n.saturating_sub(1) {
        let (run, after) = rest.split_at_mut(n - 1 - row);
        runs.push(run);
        rest = after;
    }
    runs.into_par_iter().enumerate().try_for_each(|(row, run)| {
        cancel.check()?;
        row_to_run(rows, row, rows, row + 1, run);
        Ok::<(), anomal_core::Error>(())
    })?;
    Ok(all)
}
