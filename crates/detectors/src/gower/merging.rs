//! Complete linkage by lists of nearest neighbours (Müllner 2011, "Modern hierarchical, agglomerative
//! clustering algorithms", section 3.1).
//!
//! Each cluster stores the nearest of those after it. Merges only increase distances, so a stored distance is a lower
//! bound; it is recomputed when it reaches the front of the queue and is outdated. The remaining clusters are compacted
//! once half of them are gone.

use std::{cmp::Reverse, collections::BinaryHeap};

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use super::tiles::Tiles;

/// A merge of two clusters, each by one of its leaves, and their distance.
pub(super) type Merge = (u32, u32, f32);

/// The bits of a non-negative distance, which are ordered as the numbers are, and its cluster.
type QueueEntry = Reverse<(u32, usize)>;

/// The merges in ascending distance, ties by the position of the first cluster.
pub(super) fn merges(mut distances: Tiles, cancel: &Cancel) -> Result<Vec<Merge>> {
    let leaves = distances.size();
    let mut merges = Vec::with_capacity(leaves.saturating_sub(1));
    // A leaf of each cluster, by position; none after it was merged into another.
    let mut clusters: Vec<Option<u32>> = (0..).map(Some).take(leaves).collect();
    let mut nearest: Vec<usize> = Vec::new();
    let mut queue: BinaryHeap<QueueEntry> = BinaryHeap::new();
    let mut left = leaves;
    while left > 1 {
        if nearest.is_empty() || left * 2 < distances.size() {
            cancel.check()?;
            if left < distances.size() {
                let places = 0..distances.size();
                let kept: Vec<usize> = places.filter(|at| clusters[*at].is_some()).collect();
                distances = distances.keep(&kept, cancel)?;
                clusters.retain(Option::is_some);
            }
            let places = (0..distances.size()).into_par_iter();
            let pairs: Vec<(usize, f32)> = places.map(|at| distances.nearest_behind(at)).collect();
            let entry = |(at, pair): (usize, &(usize, f32))| Reverse((pair.1.to_bits(), at));
            queue = pairs.iter().enumerate().map(entry).collect();
            nearest = pairs.into_iter().map(|pair| pair.0).collect();
        }
        let Some(Reverse((bits, gone))) = queue.pop() else { break };
        let (Some(one), stays) = (clusters[gone], nearest[gone]) else { continue };
        let distance = distances.get(gone, stays);
        if clusters[stays].is_none() || distance.to_bits() != bits {
            let (behind, distance) = distances.nearest_behind(gone);
            nearest[gone] = behind;
            queue.push(Reverse((distance.to_bits(), gone)));
            continue;
        }
        let Some(other) = clusters[stays] else { continue };
        merges.push((one, other, distance));
        clusters[gone] = None;
        distances.merge(gone, stays);
        left -= 1;
        if left.is_multiple_of(256) {
            cancel.check()?;
        }
    }
    Ok(merges)
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use kodama::{Method, linkage};
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::ChaCha8Rng, seq::SliceRandom};

    use super::*;

    proptest! {
        /// Distances that are all different leave no choice, in heights nor in the tree; equal ones do.
        #[test]
        fn merges_are_those_of_another_implementation(
            seed in any::<u64>(), leaves in 2_usize..150, levels in prop::sample::select(vec![3, 50, usize::MAX]),
        ) {
            let mut ranks: Vec<usize> = (0..leaves * (leaves - 1) / 2).collect();
            ranks.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            let condensed: Vec<f32> = ranks.iter().map(|rank| (rank % levels) as f32).collect();
            let place = |one: usize, other: usize| one * (2 * leaves - one - 1) / 2 + other - one - 1;
            let distance = |one: usize, other: usize| match one.cmp(&other) {
                Ordering::Less => condensed[place(one, other)],
                Ordering::Equal => 0.0,
                Ordering::Greater => condensed[place(other, one)],
            };
            let tiles = Tiles::from_fn(leaves, distance);
            let found = merges(tiles, &Cancel::default()).unwrap();
            let mut found: Vec<f32> = found.into_iter().map(|merge| merge.2).collect();
            found.sort_by(f32::total_cmp);
            prop_assert_eq!(found.len(), leaves - 1);
            if levels == usize::MAX {
                let expected = linkage(&mut condensed.clone(), leaves, Method::Complete);
                let expected: Vec<f32> =
                    expected.steps().iter().map(|step| step.dissimilarity).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn it_stops_when_cancelled() {
        let cancel = Cancel::default();
        cancel.cancel();
        let tiles = Tiles::from_fn(600, |one, other| (one * 600 + other) as f32);
        assert!(merges(tiles, &cancel).is_err());
    }
}
