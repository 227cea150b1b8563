//! Distances of one row to a run of rows, the kernel of all other computations.
//!
//! A pair's distance has the same bits however it is computed: alone, in a run, among rows with missing values or
//! without.

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use super::encoding::{EncodedRows, Part};
use crate::matrix::MISSING;

/// Pairs per tile; their sums stay in the first-level cache.
const TILE: usize = 1024;

/// Writes into `out` the distances of row `row` of `from` to the rows of `to` from `start` on. Both have the same
/// encoding. The distance of a row to itself is computed as any other: 1 if it has no value.
pub(crate) fn row_to_run(
    from: &EncodedRows,
    row: usize,
    to: &EncodedRows,
    start: usize,
    out: &mut [f32],
) {
    for (tile, out) in out.chunks_mut(TILE).enumerate() {
        let start = start + tile * TILE;
        if from.parts.is_empty() {
            out.fill(1.0);
        } else if from.missing || to.missing {
            with_missing(from, row, to, start, out);
        } else {
            complete(from, row, to, start, out);
        }
    }
}

fn complete(from: &EncodedRows, row: usize, to: &EncodedRows, start: usize, out: &mut [f32]) {
    out.fill(0.0);
    let run = start..start + out.len();
    for (here, there) in from.parts.iter().zip(&to.parts) {
        match (here, there) {
            (Part::Numeric { values: here, .. }, Part::Numeric { values: there, .. }) => {
                let value = here[row];
                for (sum, other) in out.iter_mut().zip(&there[run.clone()]) {
                    *sum += (value - other).abs();
                }
            }
            (Part::Codes { codes: here, weight }, Part::Codes { codes: there, .. }) => {
                let code = here[row];
                for (sum, other) in out.iter_mut().zip(&there[run.clone()]) {
                    *sum += if code == *other { 0.0 } else { *weight };
                }
            }
            _ => {}
        }
    }
}

/// Adds up the weights of common features beside the differences.
fn with_missing(from: &EncodedRows, row: usize, to: &EncodedRows, start: usize, out: &mut [f32]) {
    out.fill(0.0);
    let mut totals = [0.0_f32; TILE];
    let totals = &mut totals[..out.len()];
    let run = start..start + out.len();
    for (here, there) in from.parts.iter().zip(&to.parts) {
        let sums = out.iter_mut().zip(totals.iter_mut());
        match (here, there) {
            (Part::Numeric { values: here, weight }, Part::Numeric { values: there, .. }) => {
                let value = here[row];
                for ((sum, total), other) in sums.zip(&there[run.clone()]) {
                    let difference = (value - other).abs();
                    let present = !difference.is_nan();
                    *sum += if present { difference } else { 0.0 };
                    *total += if present { *weight } else { 0.0 };
                }
            }
            (Part::Codes { codes: here, weight }, Part::Codes { codes: there, .. }) => {
                let code = here[row];
                if code == MISSING {
                    continue;
                }
                for ((sum, total), other) in sums.zip(&there[run.clone()]) {
                    *sum += if code == *other || *other == MISSING { 0.0 } else { *weight };
                    *total += if *other == MISSING { 0.0 } else { *weight };
                }
            }
            _ => {}
        }
    }
    let whole = from.whole();
    for (sum, total) in out.iter_mut().zip(totals) {
        *sum = mean(*sum, *total, whole);
    }
}

/// The weighted mean of differences whose weights add up to `total` of `whole`. Without missing values it is the sum,
/// as in [`complete`].
pub(crate) fn mean(sum: f32, total: f32, whole: f32) -> f32 {
    if total == whole {
        sum
    } else if total > 0.0 {
        sum / total
    } else {
        1.0
    }
}

/// Writes the share of each part in the distance of two rows into `out`. The shares add up to the distance, or are
/// all 0 if the rows have no common feature.
pub(crate) fn parts_between(
    a: &EncodedRows,
    row: usize,
    b: &EncodedRows,
    other: usize,
    out: &mut [f32],
) {
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

/// The distances of all pairs (0,1), (0,2) … (n-2,n-1), row by row.
pub(crate) fn condensed(rows: &EncodedRows, cancel: &Cancel) -> Result<Vec<f32>> {
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
