//! A random cut forest of the last rows of one entity: it knows which of its values go together.

mod tree;

use std::sync::Arc;

use self::tree::{Bounds, Rows, Tree};
pub(super) use self::tree::{MISSING, of_category, of_rank};
use super::bytes::{Reader, Writer};
use crate::random::Random;

const TREES: usize = 30;
/// The rows that it knows: the last ones.
const WINDOW: usize = 256;
/// Bytes of their values.
const WINDOW_BYTES: usize = 24 << 10;
/// The rows that a tree has of them, on average.
const TREE_ROWS: f64 = 64.0;
/// The rows without which nothing is judged.
const FEWEST: u64 = 64;

/// Robust random cut forest (Guha, Mishra, Roy and Schrijvers 2016, "Robust Random Cut Forest Based Anomaly Detection on
/// Streams"): trees that cut the rows apart at random values, in features of wide ranges more often. A row is the more unusual
/// the more rows a cut would be expected to part from it. Each tree has a random part of a sliding window. The same rows in the
/// same order give the same bytes.
///
/// It has at most 64 KiB: 30 trees of 1.1 KiB, and 24 KiB of rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CutForest {
    rows: Rows,
    /// All that were learned.
    learned: u64,
    random: Random,
    trees: Vec<Tree>,
}

/// The most features that a forest can have: of more, too few rows would fit.
pub const MOST_CUT_FEATURES: usize = 96;

/// How unusual a row is, and by which features.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Displacement {
    /// The share of rows that a cut parts from it, `0..=1`.
    pub score: f64,
    /// The part of each feature in it, in order.
    pub parts: Vec<f64>,
}

impl CutForest {
    /// `weights`: of each feature, at least 0; at most [`MOST_CUT_FEATURES`].
    pub fn new(weights: &Arc<[f32]>, seed: u64) -> Self {
        let most = (WINDOW_BYTES / size_of_val(&**weights).max(1)).clamp(1, WINDOW);
        let mut random = Random(seed);
        let trees = (0..TREES).map(|_| Tree::new(&mut random)).collect();
        Self { rows: Rows::new(Arc::clone(weights), most), learned: 0, random, trees }
    }

    /// Judges a row of coordinates; none before it has learned 64.
    pub fn judge(&self, row: &[f32]) -> Option<Displacement> {
        if self.learned < FEWEST {
            return None;
        }
        let mut sum = Displacement { score: 0.0, parts: vec![0.0; row.len()] };
        let (mut parts, mut bounds) = (vec![0.0; row.len()], Bounds::default());
        let trees = self.trees.iter().filter(|tree| tree.rows() > 0);
        for tree in trees {
            let rows = f64::from(tree.rows()) * TREES as f64;
            sum.score += tree.displacement(row, &self.rows, &mut bounds, &mut parts) / rows;
            for (sum, part) in sum.parts.iter_mut().zip(&parts) {
                *sum += part / rows;
            }
        }
        Some(sum)
    }

    /// Learns a row, and forgets the oldest one where there are too many.
    pub fn learn(&mut self, row: &[f32]) {
        let most = self.rows.most() as u64;
        let slot = usize::try_from(self.learned % most).unwrap_or_default();
        if self.learned >= most {
            for tree in &mut self.trees {
                tree.forget(slot, &self.rows);
            }
        }
        self.rows.put(slot, row);
        self.learned += 1;
        let chance = TREE_ROWS / most as f64;
        for tree in &mut self.trees {
            if self.random.next() < chance {
                tree.learn(slot, &self.rows, &mut self.random);
            }
        }
    }

    /// Bytes in memory.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        let trees = self.trees.iter().map(|tree| size_of::<Tree>() + tree.bytes());
        size_of::<Self>() + self.rows.bytes() + trees.sum::<usize>()
    }

    pub fn write(&self, to: &mut Writer) {
        to.number(self.learned);
        to.number(self.random.0);
        self.rows.write(to);
        self.trees.iter().for_each(|tree| tree.write(to));
    }

    pub fn read(from: &mut Reader<'_>, weights: &Arc<[f32]>) -> Option<Self> {
        let mut forest = Self::new(weights, 0);
        forest.learned = from.number()?;
        forest.random = Random(from.number()?);
        let rows = usize::try_from(forest.learned).unwrap_or(usize::MAX).min(forest.rows.most());
        forest.rows.read(from, rows)?;
        forest.trees =
            (0..TREES).map(|_| Tree::read(from, weights.len(), rows)).collect::<Option<_>>()?;
        Some(forest)
    }
}

#[cfg(test)]
mod tests;
