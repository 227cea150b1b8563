//! The clusters of the leaves of a truncated dendrogram.

use anomal_core::proto::{Clustering, Dendrogram};

/// For each clustering the cluster of each leaf: of the row that it is named after. `place`: where a row is
/// in the table.
pub(super) fn leaf_labels(
    tree: &Dendrogram,
    clusterings: &[Clustering],
    place: impl Fn(u64) -> Option<usize>,
) -> Vec<Vec<u32>> {
    let places: Vec<Option<usize>> = tree.leaf_rows.iter().map(|row| place(*row)).collect();
    let label = |labels: &[u32], place: &Option<usize>| {
        place.and_then(|place| labels.get(place)).copied().unwrap_or(0)
    };
    let of = |clustering: &Clustering| {
        places.iter().map(|place| label(&clustering.labels, place)).collect()
    };
    clusterings.iter().map(of).collect()
}
