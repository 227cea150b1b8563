//! Scores rows block by block on all cores, with the same bits for a row in every batch.

use std::ops::Range;

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use crate::scores::Scores;

/// Rows per block, chosen so that intermediate results stay in the processor's caches.
pub(crate) const BLOCK: usize = 512;

/// The rows of a block, and the slices for their results.
pub(crate) struct Block<'a, 'b> {
    pub rows: Range<usize>,
    /// Initially 0.
    pub scores: &'b mut [f64],
    /// For each feature its part in each row's score, in any unit; initially 0. Empty if no shares are wanted.
    pub parts: &'b mut [&'a mut [f64]],
}

impl Block<'_, '_> {
    /// Adds to the part of a feature in a row of the block, if parts are wanted.
    pub fn add_part(&mut self, feature: usize, row: usize, value: f64) {
        if let Some(part) = self.parts.get_mut(feature) {
            part[row] += value;
        }
    }
}

/// Scores all rows. `work` must compute a row's result from that row alone, so that it has the same bits in every
/// batch. `scratch` is created once per thread.
///
/// # Errors
/// `Cancelled`, between two blocks.
pub(crate) fn by_block<S>(
    rows: usize,
    features: usize,
    shares: bool,
    cancel: &Cancel,
    scratch: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, Block<'_, '_>) + Sync + Send,
) -> Result<Scores> {
    let mut scores = vec![0.0; rows];
    let mut all = vec![Vec::new(); if shares { features } else { 0 }];
    all.par_iter_mut().for_each(|shares| *shares = vec![0.0; rows]);
    // The slices of the features' shares, by block.
    let mut blocks: Vec<Vec<&mut [f64]>> =
        (0..rows.div_ceil(BLOCK)).map(|_| Vec::with_capacity(all.len())).collect();
    for shares in &mut all {
        for (block, part) in blocks.iter_mut().zip(shares.chunks_mut(BLOCK)) {
            block.push(part);
        }
    }
    scores.par_chunks_mut(BLOCK).zip(blocks).enumerate().try_for_each_init(
        scratch,
        |scratch, (block, (scores, mut parts))| {
            cancel.check()?;
            let start = block * BLOCK;
            let rows = start..start + scores.len();
            work(scratch, Block { rows, scores, parts: &mut parts });
            finite(scores);
            to_shares(&mut parts);
            Ok::<(), anomal_core::Error>(())
        },
    )?;
    Ok(Scores { scores, shares: all, ..Scores::default() })
}

/// Replaces NaN by the greatest number, and clamps infinities.
fn finite(scores: &mut [f64]) {
    for score in scores {
        *score = if score.is_nan() { f64::MAX } else { score.clamp(f64::MIN, f64::MAX) };
    }
}

/// Divides parts by their row's sum, which is added in the order of the features.
fn to_shares(parts: &mut [&mut [f64]]) {
    let most = f64::MAX / (parts.len() as f64 + 1.0);
    let mut totals = [0.0; BLOCK];
    for part in &mut *parts {
        for (part, total) in part.iter_mut().zip(&mut totals) {
            // A NaN becomes 0.
            *part = if *part > 0.0 { part.min(most) } else { 0.0 };
            *total += *part;
        }
    }
    for part in parts {
        for (part, total) in part.iter_mut().zip(&totals) {
            *part = if *total > 0.0 { *part / total } else { 0.0 };
        }
    }
}
