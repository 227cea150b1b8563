//! Isolation trees with random hyperplanes (Hariri, Carrasco Kind and Brunner 2019, "Extended Isolation Forest",
//! IEEE Transactions on Knowledge and Data Engineering 33, algorithms 2 and 3): a sparse normal vector through a
//! random point in the bounding box of a node's rows.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng, seq::index};
use serde::{Deserialize, Serialize};

use super::{
    isolation::{HIGHEST, mean_depth, small},
    linear::Dense,
    projections::{Candidate, normal},
    walk::LANES,
};

/// A tree's nodes. The root is the first; the two children of a node are adjacent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hyperplanes {
    /// The left child, which comes after its parent; 0 for a leaf.
    left: Vec<u32>,
    /// The number of sampled rows in each node.
    sizes: Vec<u32>,
    /// The end of each node's entries, which begin at the end of the node before.
    ends: Vec<u32>,
    /// Entries of the normal vectors: column, factor, and the hyperplane's point in that column.
    entries: Vec<(u32, f64, f64)>,
}

/// A tree under construction.
struct TreeBuilder<'a> {
    candidates: &'a [Candidate],
    /// Features per split.
    features: usize,
    rows: Vec<Vec<f64>>,
    random: ChaCha8Rng,
}

/// A node to be split.
struct OpenNode {
    rows: Vec<u32>,
    /// The candidates that may still differ among the rows.
    candidates: Vec<usize>,
    depth: u32,
}

/// Builds a tree from `drawn` rows, sampled without replacement, with `features` features per split.
pub(crate) fn grow(
    candidates: &[Candidate],
    features: usize,
    rows: &Dense,
    drawn: usize,
    seed: u64,
    stream: u64,
) -> Hyperplanes {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    let drawn = index::sample(&mut random, rows.rows, drawn.min(rows.rows));
    let rows: Vec<Vec<f64>> = drawn.into_iter().map(|row| rows.row(row)).collect();
    TreeBuilder { candidates, features, rows, random }.grow()
}

impl TreeBuilder<'_> {
    /// Breadth first, so that the entries are in the order of the nodes.
    fn grow(&mut self) -> Hyperplanes {
        let highest = self.rows.len().max(2).next_power_of_two().ilog2();
        let mut tree = Hyperplanes::default();
        let mut open = std::collections::VecDeque::from([OpenNode {
            rows: (0..small(self.rows.len())).collect(),
            candidates: (0..self.candidates.len()).collect(),
            depth: 0,
        }]);
        while let Some(mut one) = open.pop_front() {
            let splits = one.depth < highest && one.rows.len() > 1;
            let entries = if splits { self.draw(&mut one) } else { Vec::new() };
            // The children follow this node and all that are queued.
            let children = small(tree.left.len() + 1 + open.len());
            tree.left.push(if entries.is_empty() { 0 } else { children });
            tree.sizes.push(small(one.rows.len()));
            if !entries.is_empty() {
                let goes_right = |row: &u32| is_right(&entries, &self.rows[*row as usize]);
                let (right, left): (Vec<u32>, Vec<u32>) =
                    one.rows.iter().partition(|row| goes_right(row));
                for rows in [left, right] {
                    let candidates = one.candidates.clone();
                    open.push_back(OpenNode { rows, candidates, depth: one.depth + 1 });
                }
            }
            tree.entries.extend(entries);
            tree.ends.push(small(tree.entries.len()));
        }
        tree
    }

    /// The entries of a normal vector for features that vary among the rows, drawn by weight; empty if none varies.
    fn draw(&mut self, open: &mut OpenNode) -> Vec<(u32, f64, f64)> {
        let first = &self.rows[open.rows[0] as usize];
        let varies = |column: &usize| {
            open.rows.iter().any(|row| self.rows[*row as usize][*column] != first[*column])
        };
        open.candidates.retain(|candidate| self.candidates[*candidate].columns.iter().any(varies));
        let places = self.choose(&open.candidates);
        let range = |column: usize| {
            let values = open.rows.iter().map(|row| self.rows[*row as usize][column]);
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
                (least.min(value), most.max(value))
            })
        };
        let mut entries = Vec::new();
        for place in places {
            for column in &self.candidates[open.candidates[place]].columns {
                let (least, most) = range(*column);
                let share: f64 = self.random.random();
                let point = least * (1.0 - share) + most * share;
                entries.push((small(*column), normal(&mut self.random), point));
            }
        }
        entries
    }

    /// The positions of some candidates in ascending order, drawn by weight without replacement, by exponential
    /// clocks (Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir", Information Processing
    /// Letters 97).
    fn choose(&mut self, candidates: &[usize]) -> Vec<usize> {
        let mut clocks: Vec<(f64, usize)> = Vec::with_capacity(candidates.len());
        for (place, candidate) in candidates.iter().enumerate() {
            let time = -(1.0 - self.random.random::<f64>()).ln();
            clocks.push((time / self.candidates[*candidate].weight, place));
        }
        if self.features < clocks.len() {
            clocks.select_nth_unstable_by(self.features, |one, other| {
                one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
            });
            clocks.truncate(self.features);
        }
        let mut places: Vec<usize> = clocks.into_iter().map(|(_, place)| place).collect();
        places.sort_unstable();
        places
    }
}

/// Summed in independent lanes.
fn is_right(entries: &[(u32, f64, f64)], row: &[f64]) -> bool {
    let mut lanes = [0.0; 4];
    for entries in entries.chunks(lanes.len()) {
        for (lane, along) in lanes.iter_mut().zip(along(entries, row)) {
            *lane += along;
        }
    }
    lanes.iter().sum::<f64>() >= 0.0
}

/// The distance along each entry, positive to the right.
fn along<'a>(entries: &'a [(u32, f64, f64)], row: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    entries.iter().map(|(column, factor, point)| factor * (row[*column as usize] - point))
}

/// A tree prepared for scoring.
pub(crate) struct Descent<'a> {
    tree: &'a Hyperplanes,
    highest: u32,
    /// The depth of each node plus the expected depth below it.
    ends: Vec<f64>,
    /// The splits saved by the step from the parent to each node.
    saved: Vec<f64>,
}

impl Hyperplanes {
    /// None if the nodes are no tree over `width` columns: they may come from an untrusted model.
    pub fn descent(&self, width: usize) -> Option<Descent<'_>> {
        let nodes = self.left.len();
        let in_order = self.ends.is_sorted()
            && self.ends.last().is_some_and(|end| *end as usize == self.entries.len());
        let good = |(column, factor, point): &(u32, f64, f64)| {
            (*column as usize) < width && factor.abs() <= 1e3 && point.abs() <= 1e61
        };
        if [self.sizes.len(), self.ends.len()] != [nodes; 2]
            || !in_order
            || !self.entries.iter().all(good)
        {
            return None;
        }
        let mut depths = vec![0_u32; nodes];
        let mut saved = vec![0.0; nodes];
        for node in 0..nodes {
            let left = self.left[node] as usize;
            if left == 0 {
                continue;
            }
            if left <= node || left + 1 >= nodes || depths[node] >= HIGHEST {
                return None;
            }
            for child in [left, left + 1] {
                depths[child] = depths[node] + 1;
                saved[child] = mean_depth(self.sizes[node]) - mean_depth(self.sizes[child]) - 1.0;
            }
        }
        let end = |(depth, size): (&u32, &u32)| f64::from(*depth) + mean_depth(*size);
        let ends = depths.iter().zip(&self.sizes).map(end).collect();
        let highest = depths.iter().copied().max().unwrap_or(0);
        Some(Descent { tree: self, highest, ends, saved })
    }

    fn entries(&self, node: usize) -> &[(u32, f64, f64)] {
        let start = if node == 0 { 0 } else { self.ends[node - 1] as usize };
        &self.entries[start..self.ends[node] as usize]
    }
}

impl Descent<'_> {
    /// Adds the depth of each row to its sum. `rows` are concatenated. Calls `passed` for each split that a row passes,
    /// with the row's position, the entries, the node reached, and whether it is the right child.
    fn walk(
        &self,
        rows: &[f64],
        sums: &mut [f64],
        mut passed: impl FnMut(usize, &[(u32, f64, f64)], usize, bool),
    ) {
        let width = rows.len() / sums.len().max(1);
        for (chunk, sums) in sums.chunks_mut(LANES).enumerate() {
            let mut nodes = [0_usize; LANES];
            for _ in 0..self.highest {
                for (lane, node) in nodes[..sums.len()].iter_mut().enumerate() {
                    let left = self.tree.left[*node] as usize;
                    if left == 0 {
                        continue;
                    }
                    let place = chunk * LANES + lane;
                    let entries = self.tree.entries(*node);
                    let right = is_right(entries, &rows[place * width..][..width]);
                    *node = left + usize::from(right);
                    passed(place, entries, *node, right);
                }
            }
            for (sum, node) in sums.iter_mut().zip(nodes) {
                *sum += self.ends[node];
            }
        }
    }

    /// Adds the depth of each row to its sum. `rows` are concatenated.
    pub fn add(&self, rows: &[f64], sums: &mut [f64]) {
        self.walk(rows, sums, |_, _, _, _| {});
    }

    /// As [`Descent::add`]; calls `report` for each split with the row's position and, for each column that moved the row
    /// to its side, the column and its part of the saved splits.
    pub fn explain(
        &self,
        rows: &[f64],
        sums: &mut [f64],
        mut report: impl FnMut(usize, usize, f64),
    ) {
        let width = rows.len() / sums.len().max(1);
        self.walk(rows, sums, |place, entries, node, right| {
            let sign = if right { 1.0 } else { -1.0 };
            let row = &rows[place * width..][..width];
            let took = || along(entries, row).map(|along| (sign * along).max(0.0));
            let total: f64 = took().sum();
            if total > 0.0 {
                for (entry, took) in entries.iter().zip(took()) {
                    report(place, entry.0 as usize, self.saved[node] * took / total);
                }
            }
        });
    }
}
