//! Complete linkage by nearest-neighbour chains (Murtagh 1983, "A Survey of Recent Advances in Hierarchical
//! Clustering Algorithms", section 4; Müllner 2011, "Modern hierarchical, agglomerative clustering
//! algorithms", section 3.2): from any cluster on to its nearest, from that on to its nearest, until two
//! are each other's nearest, which are merged. O(n²) time, and no memory beyond the
//! distances: once half of the clusters are gone, the others are moved together.

use anomal_core::{Cancel, Result};

use super::tiles::Tiles;

/// A merge of two clusters, each by one of its leaves, and their distance.
pub(super) type Merge = (u32, u32, f32);

/// The merges in the order in which they were found: a cluster's before those that it is part of.
pub(super) fn merges(mut distances: Tiles, cancel: &Cancel) -> Result<Vec<Merge>> {
    let leaves = distances.size();
    let mut merges = Vec::with_capacity(leaves.saturating_sub(1));
    // A leaf of each cluster by its place in the matrix; none once it is merged into another.
    let mut clusters: Vec<Option<u32>> = (0..).map(Some).take(leaves).collect();
    let mut left = leaves;
    let mut chain: Vec<usize> = Vec::new();
    while left > 1 {
        if left * 2 < distances.size() {
            // Places change: the chain is begun anew, which costs less than following them.
            chain.clear();
            let kept: Vec<usize> =
                (0..distances.size()).filter(|at| clusters[*at].is_some()).collect();
            distances = distances.keep(&kept, cancel)?;
            clusters.retain(Option::is_some);
        }
        if chain.is_empty() {
            chain.extend(clusters.iter().position(Option::is_some));
        }
        let Some(last) = chain.last().copied() else { break };
        let (mut nearest, mut distance) = distances.nearest(last);
        // Of equally near ones the one before, or the chain would never end.
        if let Some(before) = chain.len().checked_sub(2).map(|place| chain[place])
            && distances.get(before, last) <= distance
        {
            (nearest, distance) = (before, distances.get(before, last));
        }
        if chain.len() < 2 || chain[chain.len() - 2] != nearest {
            chain.push(nearest);
            continue;
        }
        chain.truncate(chain.len() - 2);
        let (gone, stays) = (last, nearest);
        if let (Some(one), Some(other)) = (clusters[gone].take(), clusters[stays]) {
            merges.push((one, other, distance));
        }
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

    use super::*;

    proptest! {
        /// Heights are the same whatever the order of merges; distances that are all different leave no
        /// choice in the tree either.
        #[test]
        fn merges_are_those_of_another_implementation(
            seed in any::<u64>(), leaves in 2_usize..150, levels in prop::sample::select(vec![3_u64, 50, 1 << 22]),
        ) {
            let mut state = seed;
            let mut draw = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % levels
            };
            let condensed: Vec<f32> =
                (0..leaves * (leaves - 1) / 2).map(|_| draw() as f32 / levels as f32).collect();
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
            if levels > 1 << 20 {
                let expected = linkage(&mut condensed.clone(), leaves, Method::Complete);
                let expected: Vec<f32> =
                    expected.steps().iter().map(|step| step.dissimilarity).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn it_stops_when_nobody_waits() {
        let cancel = Cancel::default();
        cancel.cancel();
        let tiles = Tiles::from_fn(600, |one, other| (one * 600 + other) as f32);
        assert!(merges(tiles, &cancel).is_err());
    }
}
