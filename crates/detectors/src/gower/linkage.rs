//! Complete linkage and its cuts into clusters.

use anomal_core::{
    Cancel, Result,
    proto::{Dendrogram, dendrogram::Merge},
};

use super::{merging, tiles::Tiles};

/// Heights that differ by less count as equal: distances are f32 between 0 and 1.
const TIE: f32 = 1e-6;

/// A tree over distinct rows, with merges in ascending height.
pub(crate) struct Tree {
    pub leaves: usize,
    /// Left, right and height. Nodes below `leaves` are leaves; node leaves + i is made by merge i.
    merges: Vec<(usize, usize, f32)>,
}

impl Tree {
    pub fn complete(distances: Tiles, cancel: &Cancel) -> Result<Self> {
        let leaves = distances.size();
        let found = merging::merges(distances, cancel)?;
        let mut parents: Vec<usize> = (0..leaves + found.len()).collect();
        let mut merges = Vec::with_capacity(found.len());
        for (index, (one, other, height)) in found.into_iter().enumerate() {
            let (one, other) = (root(&mut parents, one), root(&mut parents, other));
            (parents[one], parents[other]) = (leaves + index, leaves + index);
            merges.push((one.min(other), one.max(other), height));
        }
        Ok(Self { leaves, merges })
    }

    /// The heights of the merges, ascending; merges of equal rows are not among them.
    #[cfg(test)]
    pub fn heights(&self) -> impl Iterator<Item = f32> {
        self.merges.iter().map(|merge| merge.2)
    }

    /// The finest cut with at most `k` clusters (as SciPy's `fcluster` with `maxclust`): merges of equal height are
    /// applied together, and those of height 0 always. Returns each leaf's cluster, in no order, and the height.
    pub fn cut(&self, k: usize) -> (Vec<u32>, f32) {
        let needed = self.leaves.saturating_sub(k);
        let last = needed.checked_sub(1).and_then(|last| self.merges.get(last));
        let height = last.map_or(0.0, |merge| merge.2);
        let level = |merge: &(usize, usize, f32)| merge.2 <= height + TIE;
        let done = self.merges.partition_point(level);
        let mut parents: Vec<usize> = (0..self.leaves + done).collect();
        for (index, (left, right, _)) in self.merges[..done].iter().enumerate() {
            parents[*left] = self.leaves + index;
            parents[*right] = self.leaves + index;
        }
        // Parents follow their children: from the last one down, each finds its root.
        for node in (0..parents.len()).rev() {
            parents[node] = parents[parents[node]];
        }
        let mut names = std::collections::HashMap::new();
        let labels = parents[..self.leaves].iter().map(|root| {
            let next = u32::try_from(names.len()).unwrap_or(u32::MAX);
            *names.entry(*root).or_insert(next)
        });
        (labels.collect(), height)
    }

    /// The leaves in the order of a drawing without crossings.
    pub fn order(&self) -> Vec<u32> {
        let mut order = Vec::with_capacity(self.leaves);
        let mut stack = vec![(self.leaves + self.merges.len()).saturating_sub(1)];
        while let Some(node) = stack.pop() {
            match node.checked_sub(self.leaves) {
                Some(merge) => {
                    let (left, right, _) = self.merges[merge];
                    stack.extend([right, left]);
                }
                None if node < self.leaves => order.push(u32::try_from(node).unwrap_or(u32::MAX)),
                None => {}
            }
        }
        order
    }

    /// The tree as a message, with the row and the number of rows of each leaf.
    pub fn message(&self, rows: Vec<u64>, counts: &[u32]) -> Dendrogram {
        let mut sizes: Vec<u64> = counts.iter().map(|count| u64::from(*count)).collect();
        let mut merges = Vec::with_capacity(self.merges.len());
        let node = |node: usize| u32::try_from(node).unwrap_or(u32::MAX);
        for (left, right, height) in &self.merges {
            let size = sizes[*left] + sizes[*right];
            sizes.push(size);
            merges.push(Merge {
                left: node(*left),
                right: node(*right),
                height: f64::from(*height),
                size,
            });
        }
        Dendrogram {
            leaf_rows: rows,
            leaf_counts: counts.iter().map(|count| u64::from(*count)).collect(),
            merges,
            order: self.order(),
        }
    }
}

/// The current cluster of a leaf.
fn root(parents: &mut [usize], leaf: u32) -> usize {
    let mut node = leaf as usize;
    while parents[node] != node {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    node
}

/// Labels 1, 2, … by descending number of rows, ties by the smallest row. `of_row` has the cluster of each row under
/// any label.
pub(crate) fn by_size(of_row: &[u32]) -> (Vec<u32>, Vec<u64>) {
    let clusters = of_row.iter().max().map_or(0, |most| *most as usize + 1);
    let mut sizes = vec![(0_u64, 0_usize); clusters];
    for (row, cluster) in of_row.iter().enumerate().rev() {
        let size = &mut sizes[*cluster as usize];
        size.0 += 1;
        size.1 = row;
    }
    let mut order: Vec<usize> = (0..clusters).filter(|cluster| sizes[*cluster].0 > 0).collect();
    order.sort_by_key(|cluster| (std::cmp::Reverse(sizes[*cluster].0), sizes[*cluster].1));
    let mut labels = vec![0; clusters];
    for (cluster, label) in order.iter().zip(1..) {
        labels[*cluster] = label;
    }
    let sizes = order.iter().map(|cluster| sizes[*cluster].0).collect();
    (of_row.iter().map(|cluster| labels[*cluster as usize]).collect(), sizes)
}
