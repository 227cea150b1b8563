//! The nearest rows of each row, exactly, by comparing blocks of rows with tiles of all rows.

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use super::{
    distances::{parts_between, row_to_run},
    encoded::Encoded,
};

/// Rows that share the reading of a tile, and rows of a tile: a tile of a few columns stays in the
/// processor's first-level cache.
const BLOCK: usize = 32;
const TILE: usize = 1024;

/// The nearest of one row, nearest first, equal ones by their place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Nearest(pub Vec<(f32, u32)>);

impl Nearest {
    fn offer(&mut self, distance: f32, other: u32, k: usize) {
        let place = self.0.partition_point(|known| (known.0, known.1) < (distance, other));
        if place < k {
            self.0.insert(place, (distance, other));
            self.0.truncate(k);
        }
    }
}

/// The `k` rows of `to` nearest to each row of `from`; where they are the same rows, a row is none of its
/// own.
pub(crate) fn nearest(
    from: &Encoded,
    to: &Encoded,
    k: usize,
    same: bool,
    cancel: &Cancel,
) -> Result<Vec<Nearest>> {
    let mut all = vec![Nearest::default(); from.rows];
    if k == 0 {
        return Ok(all);
    }
    all.par_chunks_mut(BLOCK).enumerate().try_for_each(|(block, found)| {
        cancel.check()?;
        let mut distances = [0.0_f32; TILE];
        for start in (0..to.rows).step_by(TILE) {
            let length = TILE.min(to.rows - start);
            for (index, found) in found.iter_mut().enumerate() {
                let row = block * BLOCK + index;
                let run = &mut distances[..length];
                row_to_run(from, row, to, start, run);
                take(found, run, start, same.then_some(row), k);
            }
        }
        Ok::<(), anomal_core::Error>(())
    })?;
    Ok(all)
}

/// Offers what is nearer than the farthest so far; most runs hold nothing of the kind.
fn take(found: &mut Nearest, run: &[f32], start: usize, own: Option<usize>, k: usize) {
    const LANES: usize = 16;
    for (chunk, distances) in run.chunks(LANES).enumerate() {
        let limit = if found.0.len() < k { f32::INFINITY } else { found.0[k - 1].0 };
        // Counted, not searched: without branches the processor compares many at once.
        if distances.iter().map(|distance| u32::from(*distance <= limit)).sum::<u32>() == 0 {
            continue;
        }
        for (lane, distance) in distances.iter().enumerate() {
            let other = start + chunk * LANES + lane;
            if *distance <= limit && own != Some(other) {
                found.offer(*distance, u32::try_from(other).unwrap_or(u32::MAX), k);
            }
        }
    }
}

/// What the neighbours of a row say of it.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    /// The mean distance to the `k` nearest.
    pub score: f64,
    /// The share of each part in that distance; adds up to 1, or all 0.
    pub shares: Vec<f64>,
}

/// Judges a row by its `k` nearest neighbours, `copies` of it (at distance 0) and then those found, each
/// as often as it is there.
pub(crate) fn judge(
    from: &Encoded,
    row: usize,
    to: &Encoded,
    found: &Nearest,
    counts: &[u32],
    copies: usize,
    k: usize,
) -> Option<Judgement> {
    let mut left = k.saturating_sub(copies);
    let mut taken = copies.min(k);
    let mut sum = 0.0;
    let mut shares = vec![0.0; from.parts.len()];
    let mut parts = vec![0.0_f32; from.parts.len()];
    for (distance, other) in &found.0 {
        if left == 0 {
            break;
        }
        let other = *other as usize;
        let times = (counts[other] as usize).min(left);
        left -= times;
        taken += times;
        sum += f64::from(*distance) * times as f64;
        parts_between(from, row, to, other, &mut parts);
        for (share, part) in shares.iter_mut().zip(&parts) {
            *share += f64::from(*part) * times as f64;
        }
    }
    if taken == 0 {
        return None;
    }
    let total: f64 = shares.iter().sum();
    if total > 0.0 {
        shares.iter_mut().for_each(|share| *share /= total);
    }
    Some(Judgement { score: sum / taken as f64, shares })
}
