//! The clusters of the leaves of a truncated dendrogram.

use anomal_core::proto::{Clustering, Dendrogram};

/// For each clustering, the cluster of each leaf: that of the leaf's representative row. `index` is a row's index
/// in the table.
pub(super) fn leaf_labels(
    tree: &Dendrogram,
    clusterings: &[Clustering],
    index: impl Fn(u64) -> Option<usize>,
) -> Vec<Vec<u32>> {
    let indices: Vec<Option<usize>> = tree.leaf_rows.iter().map(|row| index(*row)).collect();
    let label = |labels: &[u32], index: Option<usize>| {
        index.and_then(|index| labels.get(index)).copied().unwrap_or(0)
    };
    let labels = |clustering: &Clustering| {
        indices.iter().map(|index| label(&clustering.labels, *index)).collect()
    };
    clusterings.iter().map(labels).collect()
}
