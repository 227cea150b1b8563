//! The exact nearest rows of each row, and the row's score by them.

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use super::{
    distances::{parts_between, row_to_run},
    encoding::EncodedRows,
    packed_rows::{Leaf, PackedRows},
};

/// Rows per leaf of the index, and rows that search together.
const LEAF: usize = 256;
const GROUP: usize = 32;

/// Distance and position of the nearest rows in ascending order, ties by position.
pub(crate) type Nearest = Vec<(f32, u32)>;

/// Rows indexed for searches.
#[derive(Debug)]
pub(crate) struct Index(PackedRows);

impl Index {
    pub fn new(rows: &EncodedRows) -> Self {
        Self(PackedRows::new(rows, LEAF))
    }

    /// The `k` nearest rows of each row of `from`, as a comparison of all pairs finds them. `same` says that `from` is
    /// what the index was built from: a row is then not its own neighbour.
    pub fn nearest(
        &self,
        from: &EncodedRows,
        k: usize,
        same: bool,
        cancel: &Cancel,
    ) -> Result<Vec<Nearest>> {
        let mut all = vec![Nearest::new(); from.rows];
        let k = k.min(self.0.rows.rows);
        if k == 0 {
            return Ok(all);
        }
        let asking = PackedRows::new(from, GROUP);
        let found: Vec<Vec<Nearest>> = asking
            .leaves
            .par_iter()
            .map(|group| {
                cancel.check()?;
                Ok(self.of_group(&asking, group, k, same))
            })
            .collect::<Result<_>>()?;
        for (place, nearest) in asking.places.iter().zip(found.into_iter().flatten()) {
            all[*place as usize] = nearest;
        }
        Ok(all)
    }

    /// Visits leaves in order of their lower bounds until none can hold a nearer row.
    fn of_group(&self, asking: &PackedRows, group: &Leaf, k: usize, same: bool) -> Vec<Nearest> {
        let Self(known) = self;
        let whole = asking.rows.whole();
        let mut leaves: Vec<(f32, usize)> = known
            .leaves
            .iter()
            .enumerate()
            .map(|(index, leaf)| (group.bound(&asking.rows, leaf, whole), index))
            .collect();
        leaves.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut found = vec![Nearest::with_capacity(k + 1); group.rows.len()];
        let mut distances = [0.0_f32; LEAF];
        for (bound, leaf) in leaves {
            let leaf = &known.leaves[leaf];
            if found.iter().all(|found| bound > limit(found, k)) {
                break;
            }
            for (found, row) in found.iter_mut().zip(group.rows.clone()) {
                let limit = limit(found, k);
                if bound > limit || leaf.bound_of_row(&asking.rows, row, whole) > limit {
                    continue;
                }
                let run = &mut distances[..leaf.rows.len()];
                row_to_run(&asking.rows, row, &known.rows, leaf.rows.start, run);
                let own = same.then_some(asking.places[row]);
                take(found, run, &known.places[leaf.rows.clone()], own, k);
            }
        }
        found
    }
}

/// The distance beyond which rows are not among the `k` nearest.
fn limit(found: &Nearest, k: usize) -> f32 {
    if found.len() < k { f32::INFINITY } else { found[k - 1].0 }
}

/// Inserts the rows that are nearer than the farthest so far; most runs have none.
fn take(found: &mut Nearest, run: &[f32], places: &[u32], own: Option<u32>, k: usize) {
    const LANES: usize = 16;
    for (distances, places) in run.chunks(LANES).zip(places.chunks(LANES)) {
        let far = limit(found, k);
        // Counted without branches, so that the compiler vectorises it.
        if distances.iter().map(|distance| u32::from(*distance <= far)).sum::<u32>() == 0 {
            continue;
        }
        for one in distances.iter().copied().zip(places.iter().copied()) {
            let place = found.partition_point(|known| *known < one);
            if place < k && own != Some(one.1) {
                found.insert(place, one);
                found.truncate(k);
            }
        }
    }
}

/// The score of a row by its neighbours.
#[derive(Clone, Debug, Default)]
pub(crate) struct NeighborScore {
    /// The mean distance to the `k` nearest rows.
    pub score: f64,
    /// The share of each part in the distances to those neighbours. The shares add up to 1, or are all 0 if the
    /// row equals its neighbours or has no common feature with them.
    pub shares: Vec<f64>,
}

/// Scores a row by its `k` nearest neighbours: `copies` of it at distance 0, then those found, each as often as it
/// occurs. None without neighbours.
pub(crate) fn score_row(
    (from, row): (&EncodedRows, usize),
    to: &EncodedRows,
    found: &[(f32, u32)],
    counts: &[u32],
    copies: usize,
    k: usize,
) -> Option<NeighborScore> {
    let mut taken = copies.min(k);
    let mut sum = 0.0;
    let mut shares = vec![0.0; from.parts.len()];
    let mut parts = vec![0.0_f32; from.parts.len()];
    for (distance, other) in found {
        let other = *other as usize;
        let times = (counts[other] as usize).min(k - taken);
        if times == 0 {
            break;
        }
        taken += times;
        sum += f64::from(*distance) * times as f64;
        parts_between(from, row, to, other, &mut parts);
        for (share, part) in shares.iter_mut().zip(&parts) {
            *share += f64::from(*part) * times as f64;
        }
    }
    let total: f64 = shares.iter().sum();
    if total > 0.0 {
        shares.iter_mut().for_each(|share| *share /= total);
    }
    (taken > 0).then(|| NeighborScore { score: sum / taken as f64, shares })
}

/// The scores of some rows.
pub(crate) struct NeighborScores(Vec<NeighborScore>);

impl NeighborScores {
    /// Scores all rows of `from` by the neighbours found in `to`, whose rows stand for `counts` rows each. `same` says
    /// that both are the same rows, whose copies then count too.
    pub fn new(
        from: &EncodedRows,
        to: &EncodedRows,
        found: &[Nearest],
        counts: &[u32],
        same: bool,
        k: usize,
    ) -> Self {
        let one = |(row, found): (usize, &Nearest)| {
            let copies = if same { counts[row] as usize - 1 } else { 0 };
            score_row((from, row), to, found, counts, copies, k).unwrap_or_default()
        };
        Self(found.par_iter().enumerate().map(one).collect())
    }

    /// The scores of rows, given the position of each among the scored ones.
    pub fn scores(&self, of_row: &[u32]) -> Vec<f64> {
        of_row.iter().map(|place| self.0[*place as usize].score).collect()
    }

    /// For each of `features` features its share in each row's score; `places` are the parts' positions among the
    /// features.
    pub fn shares(&self, of_row: &[u32], places: &[usize], features: usize) -> Vec<Vec<f64>> {
        let of_feature = |feature: usize| match places.iter().position(|place| *place == feature) {
            Some(part) => {
                let share =
                    |scores: &NeighborScore| scores.shares.get(part).copied().unwrap_or(0.0);
                of_row.iter().map(|place| share(&self.0[*place as usize])).collect()
            }
            None => vec![0.0; of_row.len()],
        };
        (0..features).into_par_iter().map(of_feature).collect()
    }
}
