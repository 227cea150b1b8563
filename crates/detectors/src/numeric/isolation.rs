//! Isolation trees (Liu, Ting and Zhou 2008, "Isolation Forest", ICDM, algorithms 1 and 2).
//!
//! A number is compared with a random cut between the least and the greatest in the node. A category goes to a
//! random side, by a hash of its text and the cut, so that a cut is stored as a number and does not depend on the
//! order of the levels. Missing values go to a random side.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng, seq::index};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::matrix::{MISSING, MatrixColumn, Values};
use crate::random::mixed;

/// Cuts tried until the levels of a node are on both sides.
const CUTS: usize = 64;
/// The greatest height of a tree: 2^40 rows.
pub(crate) const HIGHEST: u32 = 40;

/// Flags of a node's sides that need no comparison: the right one if set, else the left.
pub(crate) const MISSING_RIGHT: u8 = 1;
pub(crate) const UNSEEN_RIGHT: u8 = 2;

/// A tree's nodes. The root is the first; the two children of a node are adjacent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tree {
    pub features: Vec<u32>,
    /// The value of the comparison.
    pub cuts: Vec<f64>,
    /// The left child, which comes after its parent; 0 for a leaf.
    pub left: Vec<u32>,
    /// The number of sampled rows in each node.
    pub sizes: Vec<u32>,
    pub sides: Vec<u8>,
}

/// A column as trees read it: a category is hashed to a number from 1 to 2, a missing value is NaN.
pub(crate) enum Source<'a> {
    Numeric(&'a [f64]),
    Codes(&'a [u32], Vec<f64>),
}

impl<'a> Source<'a> {
    pub fn new(column: &'a MatrixColumn) -> Self {
        match &column.values {
            Values::Numeric(values) => Self::Numeric(values),
            Values::Codes { codes, levels } => {
                Self::Codes(codes, levels.iter().map(|level| of_level(level)).collect())
            }
        }
    }

    pub fn value(&self, row: usize) -> f64 {
        match self {
            Self::Numeric(values) => values[row],
            Self::Codes(codes, levels) => match codes[row] {
                MISSING => f64::NAN,
                code => levels[code as usize],
            },
        }
    }

    /// Makes levels that are not in `seen`, which is sorted, negative. None for a number.
    pub fn with_unseen(self, seen: &[f64]) -> Option<Self> {
        let Self::Codes(codes, mut levels) = self else { return None };
        for level in &mut levels {
            if seen.binary_search_by(|other| other.total_cmp(level)).is_err() {
                *level = -*level;
            }
        }
        Some(Self::Codes(codes, levels))
    }

    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Numeric(_))
    }
}

fn of_level(level: &str) -> f64 {
    f64::from_bits((xxh3_64(level.as_bytes()) >> 12) | 1.0_f64.to_bits())
}

/// Whether a level goes to the right of a cut.
pub(crate) fn level_goes_right(level: f64, cut: f64) -> bool {
    mixed(level.to_bits() ^ mixed(cut.to_bits())) >> 63 == 1
}

/// The mean number of splits that isolate a row from `count` rows in a random binary tree (the paper's equation 1).
pub(crate) fn mean_depth(rows: u32) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        rows => {
            let others = f64::from(rows) - 1.0;
            2.0 * (others.ln() + EULER) - 2.0 * others / f64::from(rows)
        }
    }
}

impl Tree {
    /// The depth of each node; None if the nodes are no tree over these features: they may come from an untrusted
    /// model.
    pub fn depths(&self, features: usize) -> Option<Vec<u32>> {
        let nodes = self.left.len();
        let even = [self.features.len(), self.cuts.len(), self.sizes.len(), self.sides.len()];
        if nodes == 0 || even.iter().any(|length| *length != nodes) {
            return None;
        }
        let mut depths = vec![0_u32; nodes];
        for node in 0..nodes {
            let left = self.left[node] as usize;
            if left == 0 {
                continue;
            }
            let good = left > node
                && left + 1 < nodes
                && (self.features[node] as usize) < features
                && self.cuts[node].is_finite()
                && depths[node] < HIGHEST;
            if !good {
                return None;
            }
            depths[left] = depths[node] + 1;
            depths[left + 1] = depths[node] + 1;
        }
        Some(depths)
    }
}

/// The distinct levels in ascending order.
fn distinct(levels: &[f64]) -> Vec<f64> {
    let mut levels: Vec<f64> = levels.iter().copied().filter(|level| !level.is_nan()).collect();
    levels.sort_unstable_by(f64::total_cmp);
    levels.dedup();
    levels
}

/// A count of rows or nodes as `u32`; counts never exceed it.
pub(crate) fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A feature that splits can use.
pub(crate) struct Candidate<'a> {
    pub feature: u32,
    /// The relative chance of being drawn.
    pub weight: f64,
    pub source: Source<'a>,
}

/// A tree under construction.
struct TreeBuilder<'a> {
    candidates: &'a [Candidate<'a>],
    /// The values of the sampled rows, by candidate.
    values: Vec<Vec<f64>>,
    random: ChaCha8Rng,
    tree: Tree,
}

/// A node to be split.
struct OpenNode {
    node: usize,
    rows: Vec<u32>,
    /// The candidates that may still differ among the rows.
    candidates: Vec<usize>,
    depth: u32,
}

/// Builds a tree from `drawn` rows of `order`, sampled without replacement. Returns it with the levels seen of each
/// categorical candidate.
pub(crate) fn grow(
    candidates: &[Candidate<'_>],
    order: &[usize],
    drawn: usize,
    seed: u64,
    stream: u64,
) -> (Tree, Vec<Vec<f64>>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    let drawn: Vec<usize> =
        index::sample(&mut random, order.len(), drawn).into_iter().map(|row| order[row]).collect();
    let values =
        |candidate: &Candidate<'_>| drawn.iter().map(|row| candidate.source.value(*row)).collect();
    let values = candidates.iter().map(values).collect();
    let mut growing = TreeBuilder { candidates, values, random, tree: Tree::default() };
    growing.grow(drawn.len());
    let TreeBuilder { mut values, tree, .. } = growing;
    for (candidate, values) in candidates.iter().zip(&mut values) {
        if candidate.source.is_numeric() { values.clear() } else { *values = distinct(values) }
    }
    (tree, values)
}

impl TreeBuilder<'_> {
    fn grow(&mut self, drawn: usize) {
        // The height of a balanced tree with a leaf for each row.
        let highest = drawn.max(2).next_power_of_two().ilog2();
        let rows: Vec<u32> = (0..small(drawn)).collect();
        let candidates = (0..self.candidates.len()).collect();
        self.add(rows.len());
        let mut open = vec![OpenNode { node: 0, rows, candidates, depth: 0 }];
        while let Some(mut one) = open.pop() {
            if one.depth >= highest || one.rows.len() < 2 {
                continue;
            }
            let Some((candidate, cut)) = self.cut(&mut one) else { continue };
            let mut sides = if self.random.random::<bool>() { MISSING_RIGHT } else { 0 };
            let values = &self.values[candidate];
            let numeric = self.candidates[candidate].source.is_numeric();
            let goes_right = |row: &u32| match values[*row as usize] {
                value if value.is_nan() => sides & MISSING_RIGHT != 0,
                value if numeric => value >= cut,
                level => level_goes_right(level, cut),
            };
            let (right, left): (Vec<u32>, Vec<u32>) =
                one.rows.iter().partition(|row| goes_right(row));
            // Unseen levels go to the side with fewer rows.
            if right.len() < left.len() {
                sides |= UNSEEN_RIGHT;
            }
            let place = self.add(left.len());
            self.add(right.len());
            self.tree.features[one.node] = self.candidates[candidate].feature;
            self.tree.cuts[one.node] = cut;
            self.tree.left[one.node] = small(place);
            self.tree.sides[one.node] = sides;
            let (candidates, depth) = (one.candidates, one.depth + 1);
            open.push(OpenNode {
                node: place + 1,
                rows: right,
                candidates: candidates.clone(),
                depth,
            });
            open.push(OpenNode { node: place, rows: left, candidates, depth });
        }
    }

    /// Adds a leaf and returns its position.
    fn add(&mut self, rows: usize) -> usize {
        self.tree.features.push(0);
        self.tree.cuts.push(0.0);
        self.tree.left.push(0);
        self.tree.sizes.push(small(rows));
        self.tree.sides.push(0);
        self.tree.left.len() - 1
    }

    /// Draws a feature that varies among the rows, by weight, and its cut.
    fn cut(&mut self, open: &mut OpenNode) -> Option<(usize, f64)> {
        while !open.candidates.is_empty() {
            let weight = |candidate: &usize| self.candidates[*candidate].weight;
            let total: f64 = open.candidates.iter().map(weight).sum();
            let mut left = self.random.random::<f64>() * total;
            let drawn = open.candidates.iter().position(|candidate| {
                left -= weight(candidate);
                left < 0.0
            });
            let place = drawn.unwrap_or(open.candidates.len() - 1);
            let candidate = open.candidates[place];
            let cut = if self.candidates[candidate].source.is_numeric() {
                self.cut_numbers(candidate, &open.rows)
            } else {
                self.cut_levels(candidate, &open.rows)
            };
            match cut {
                Some(cut) => return Some((candidate, cut)),
                None => drop(open.candidates.remove(place)),
            }
        }
        None
    }

    fn cut_numbers(&mut self, candidate: usize, rows: &[u32]) -> Option<f64> {
        let values = rows.iter().map(|row| self.values[candidate][*row as usize]);
        let (least, most) = values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
                (least.min(value), most.max(value))
            });
        if least >= most {
            return None;
        }
        let share: f64 = self.random.random();
        let cut = least * (1.0 - share) + most * share;
        Some(if cut > least && cut <= most { cut } else { most })
    }

    fn cut_levels(&mut self, candidate: usize, rows: &[u32]) -> Option<f64> {
        let values = &self.values[candidate];
        let levels: Vec<f64> = rows.iter().map(|row| values[*row as usize]).collect();
        let levels = distinct(&levels);
        if levels.len() < 2 {
            return None;
        }
        let mut cuts = (0..CUTS).map(|_| self.random.random::<f64>());
        cuts.find(|cut| {
            let right = levels.iter().filter(|level| level_goes_right(**level, *cut)).count();
            right > 0 && right < levels.len()
        })
    }
}
