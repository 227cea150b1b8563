//! The layout and the truncation of dendrograms.

use anomal_core::proto::{Dendrogram, dendrogram::Merge};

/// A valid dendrogram with the position of each node and the leaves below it.
pub struct Tree {
    /// Leaves first, then merges.
    pub nodes: Vec<Node>,
    pub leaves: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Node {
    /// In leaves from the left; a merge is in the middle of its children.
    pub position: f64,
    pub height: f64,
    /// The first and the last of the leaves below it, as positions in leaf order.
    pub span: (usize, usize),
    /// None for a leaf.
    pub children: Option<(usize, usize)>,
}

impl Tree {
    /// None if merges, order and counts do not form one tree.
    pub fn from_dendrogram(tree: &Dendrogram) -> Option<Self> {
        let leaves = tree.leaf_rows.len();
        if leaves == 0
            || tree.leaf_counts.len() != leaves
            || tree.order.len() != leaves
            || tree.merges.len() + 1 != leaves
        {
            return None;
        }
        let mut nodes = vec![Node::default(); leaves];
        let mut seen = vec![false; leaves];
        for (position, leaf) in tree.order.iter().enumerate() {
            let leaf = index(*leaf);
            if std::mem::replace(seen.get_mut(leaf)?, true) {
                return None;
            }
            *nodes.get_mut(leaf)? = Node {
                position: position as f64,
                height: 0.0,
                span: (position, position),
                children: None,
            };
        }
        let mut used = vec![false; leaves + tree.merges.len()];
        for merge in &tree.merges {
            let (left, right) = (index(merge.left), index(merge.right));
            let (a, b) = (*nodes.get(left)?, *nodes.get(right)?);
            for child in [left, right] {
                if std::mem::replace(used.get_mut(child)?, true) {
                    return None;
                }
            }
            // The order has to keep merged subtrees adjacent.
            if a.span.1 + 1 != b.span.0 && b.span.1 + 1 != a.span.0 {
                return None;
            }
            if !merge.height.is_finite() {
                return None;
            }
            nodes.push(Node {
                position: f64::midpoint(a.position, b.position),
                height: merge.height,
                span: (a.span.0.min(b.span.0), a.span.1.max(b.span.1)),
                children: Some((left, right)),
            });
        }
        Some(Self { nodes, leaves })
    }

    /// The height of the last merge; 0 for a single leaf.
    pub fn top(&self) -> f64 {
        self.nodes.iter().map(|node| node.height).fold(0.0, f64::max)
    }
}

/// The top of a dendrogram with at most `leaves` leaves (at least one). A removed subtree becomes one leaf: its row is
/// that of its first leaf in leaf order, its count the sum. Leaves are numbered from left to right. A dendrogram that is
/// small enough is returned unchanged, an invalid one as an empty dendrogram.
pub fn truncate(tree: &Dendrogram, leaves: usize) -> Dendrogram {
    let Some(layout) = Tree::from_dendrogram(tree) else { return Dendrogram::default() };
    let leaves = leaves.max(1);
    if layout.leaves <= leaves {
        return tree.clone();
    }
    // Heights ascend: the last merges are the top ones, and each one's parent is among them.
    let first = layout.leaves + tree.merges.len() + 1 - leaves;
    let mut cut: Vec<(usize, usize)> = Vec::with_capacity(leaves);
    for node in layout.nodes.iter().skip(first) {
        if let Some((left, right)) = node.children {
            cut.extend(
                [left, right]
                    .into_iter()
                    .filter(|child| *child < first)
                    .map(|child| (layout.nodes.get(child).map_or(0, |node| node.span.0), child)),
            );
        }
    }
    if cut.is_empty() {
        // One leaf: the root.
        cut.push((0, first - 1));
    }
    cut.sort_unstable();

    let mut numbers = vec![0_u32; layout.nodes.len()];
    let mut out = Dendrogram::default();
    for (number, (start, node)) in (0_u32..).zip(cut) {
        let end = layout.nodes.get(node).map_or(start, |node| node.span.1);
        let below = tree.order.get(start..=end).unwrap_or_default();
        let counts = below.iter().filter_map(|leaf| tree.leaf_counts.get(index(*leaf)));
        out.leaf_counts.push(counts.fold(0, |sum: u64, count| sum.saturating_add(*count)));
        let row = below.first().and_then(|leaf| tree.leaf_rows.get(index(*leaf)));
        out.leaf_rows.push(row.copied().unwrap_or_default());
        out.order.push(number);
        if let Some(slot) = numbers.get_mut(node) {
            *slot = number;
        }
    }
    let mut next = u32::try_from(leaves).unwrap_or(u32::MAX);
    for (node, merge) in (layout.leaves..).zip(&tree.merges).skip(first - layout.leaves) {
        let number = |child: u32| numbers.get(index(child)).copied().unwrap_or_default();
        out.merges.push(Merge { left: number(merge.left), right: number(merge.right), ..*merge });
        if let Some(slot) = numbers.get_mut(node) {
            *slot = next;
        }
        next = next.saturating_add(1);
    }
    out
}

pub fn index(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A dendrogram from counts and choices: each step merges two open nodes, chosen by `picks`.
    pub fn tree(counts: &[u64], picks: &[usize]) -> Dendrogram {
        let leaves = u32::try_from(counts.len()).unwrap();
        let mut open: Vec<(u32, Vec<u32>, u64)> =
            (0..leaves).zip(counts).map(|(leaf, count)| (leaf, vec![leaf], *count)).collect();
        let mut merges = Vec::new();
        let mut height = 0.0;
        while open.len() > 1 {
            let pick = |i: usize| picks.get(i % picks.len().max(1)).copied().unwrap_or(0);
            let a = open.swap_remove(pick(merges.len()) % open.len());
            let b = open.swap_remove(pick(merges.len() + 1) % open.len());
            height += f64::from(u32::try_from(pick(merges.len()) % 5).unwrap()) / 10.0;
            let size = a.2 + b.2;
            let node = leaves + u32::try_from(merges.len()).unwrap();
            merges.push(Merge { left: a.0, right: b.0, height, size });
            open.push((node, [a.1, b.1].concat(), size));
        }
        let order = open.pop().map(|root| root.1).unwrap_or_default();
        Dendrogram {
            leaf_rows: (0..u64::from(leaves)).map(|leaf| leaf * 10).collect(),
            leaf_counts: counts.to_vec(),
            merges,
            order,
        }
    }

    proptest! {
        #[test]
        fn truncation_gives_a_valid_dendrogram(
            counts in prop::collection::vec(1_u64..50, 1..80),
            picks in prop::collection::vec(0_usize..1000, 1..80),
            leaves in 0_usize..90,
        ) {
            let whole = tree(&counts, &picks);
            let cut = truncate(&whole, leaves);
            let n = cut.leaf_rows.len();
            prop_assert_eq!(n, counts.len().min(leaves.max(1)));
            prop_assert_eq!(cut.leaf_counts.iter().sum::<u64>(), counts.iter().sum::<u64>());
            prop_assert_eq!(cut.merges.len(), n - 1);
            prop_assert!(cut.merges.is_sorted_by(|a, b| a.height <= b.height));
            let mut order = cut.order.clone();
            order.sort_unstable();
            prop_assert!(order.into_iter().map(index).eq(0..n));
            for (i, merge) in cut.merges.iter().enumerate() {
                prop_assert!(index(merge.left) < n + i && index(merge.right) < n + i);
            }
            // The top merges are unchanged, and the result is valid.
            for (merge, original) in cut.merges.iter().rev().zip(whole.merges.iter().rev()) {
                prop_assert_eq!((merge.height, merge.size), (original.height, original.size));
            }
            let layout = Tree::from_dendrogram(&cut).unwrap();
            let below = |node: &Node| -> u64 {
                (node.span.0..=node.span.1).map(|position| cut.leaf_counts[index(cut.order[position])]).sum()
            };
            for (node, merge) in layout.nodes.iter().skip(n).zip(&cut.merges) {
                prop_assert_eq!(below(node), merge.size);
            }
            // Each leaf's row is an original one, in the same order from the left.
            let rows: Vec<u64> = whole.order.iter().map(|leaf| whole.leaf_rows[index(*leaf)]).collect();
            let mut positions = cut.order.iter().map(|leaf| {
                rows.iter().position(|row| *row == cut.leaf_rows[index(*leaf)]).unwrap()
            });
            prop_assert!(positions.by_ref().is_sorted());
        }
    }

    #[test]
    fn invalid_dendrograms_are_detected() {
        let good = tree(&[1, 2, 3], &[0, 1, 2]);
        assert!(Tree::from_dendrogram(&good).is_some());
        let damage: [fn(&mut Dendrogram); 6] = [
            |tree| tree.order[0] = 9,
            |tree| tree.order[0] = tree.order[1],
            |tree| tree.merges[0].left = 4,
            |tree| tree.merges[0].left = tree.merges[0].right,
            |tree| tree.merges[1].height = f64::NAN,
            |tree| tree.leaf_counts.clear(),
        ];
        for damage in damage {
            let mut bad = good.clone();
            damage(&mut bad);
            assert!(Tree::from_dendrogram(&bad).is_none());
            assert_eq!(truncate(&bad, 2), Dendrogram::default());
        }
        assert_eq!(truncate(&Dendrogram::default(), 5), Dendrogram::default());
    }
}
