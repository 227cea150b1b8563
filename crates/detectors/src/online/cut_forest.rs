//! A random cut forest of the last rows: it knows which of their values go together.

mod bounds;
mod coordinate;
mod rows;
mod tree;

pub(super) use self::coordinate::{Coordinate, MISSING, of_category, of_rank};
use self::{
    rows::{Rows, lanes},
    tree::{Tree, Way},
};
use super::bytes::{Reader, Writer};
use crate::random::Random;

/// How much a forest knows.
#[derive(Debug, PartialEq)]
pub(super) struct Shape {
    trees: usize,
    /// The rows that it knows: the last ones.
    window: usize,
    /// Bytes of their values at most.
    bytes: usize,
    /// The rows that a tree has of them, on average.
    rows: f64,
    /// Rows of a tree at most: more than four standard deviations above.
    most: usize,
    /// The rows without which nothing is judged.
    fewest: u64,
}

/// That of an entity: at most 64 KiB, of which 30 trees have 1.2 KiB each.
pub(super) const OF_ENTITY: Shape =
    Shape { trees: 30, window: 256, bytes: 16 << 10, rows: 64.0, most: 96, fewest: 64 };
/// That of all rows.
pub(super) const OF_ALL: Shape =
    Shape { trees: 50, window: 2_048, bytes: usize::MAX, rows: 256.0, most: 320, fewest: 256 };

/// Room for so many more rows or cuts is made at a time.
const ROOM: usize = 16;

/// Robust random cut forest (Guha, Mishra, Roy and Schrijvers 2016, "Robust Random Cut Forest Based Anomaly Detection on
/// Streams"): trees that cut the rows apart at random values, in features of wide ranges more often. A row is the more unusual
/// the more rows a cut would be expected to part from it. Each tree has a random part of a sliding window. The same rows in the
/// same order give the same bytes.
#[derive(Clone, Debug)]
pub(super) struct CutForest {
    shape: &'static Shape,
    rows: Rows,
    /// All that were learned.
    learned: u64,
    random: Random,
    trees: Vec<Tree>,
}

/// The most features that the forest of an entity can have: of more, too few rows would fit.
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
    /// `weights`: of each feature, at least 0; at most [`MOST_CUT_FEATURES`] for an entity.
    pub fn new(shape: &'static Shape, weights: &[f32], seed: u64) -> Self {
        let rows = Rows::new(weights, shape.window, shape.bytes);
        let mut random = Random(seed);
        let tree = |_| Tree::new(&mut random, shape.most, rows.most());
        let trees = (0..shape.trees).map(tree).collect();
        Self { shape, rows, learned: 0, random, trees }
    }

    /// Judges a row of coordinates; none before it has learned enough.
    pub fn judge(&self, row: &[Coordinate]) -> Option<Displacement> {
        if self.learned < self.shape.fewest {
            return None;
        }
        let trees = self.trees.iter().filter(|tree| tree.rows() > 0);
        let (mut way, mut sums) = (Way::default(), vec![0.0; row.len()]);
        let row: Vec<_> = lanes(row).collect();
        trees.for_each(|tree| tree.displacement(&row, &self.rows, &mut way, &mut sums));
        let weights = self.rows.weights.as_flattened();
        let part = |(sum, weight): (f32, &Coordinate)| {
            f64::from(sum) * f64::from(*weight) / self.trees.len() as f64
        };
        let parts: Vec<f64> = sums.into_iter().zip(weights).map(part).collect();
        Some(Displacement { score: parts.iter().sum(), parts })
    }

    /// Learns a row, and forgets the oldest one where there are too many.
    pub fn learn(&mut self, row: &[Coordinate]) {
        let most = self.rows.most() as u64;
        let slot = (self.learned % most) as u16;
        let mut way = Way::default();
        if self.learned >= most {
            for tree in &mut self.trees {
                tree.forget(slot, &self.rows, &mut way);
            }
        }
        self.rows.put(usize::from(slot), row);
        self.learned += 1;
        let chance = self.shape.rows / most as f64;
        for tree in &mut self.trees {
            if self.random.next() < chance {
                tree.learn(slot, &self.rows, &mut way, &mut self.random);
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

    pub fn read(shape: &'static Shape, from: &mut Reader<'_>, weights: &[f32]) -> Option<Self> {
        let mut forest = Self::new(shape, weights, 0);
        forest.learned = from.number()?;
        forest.random = Random(from.number()?);
        let rows = usize::try_from(forest.learned).unwrap_or(usize::MAX).min(forest.rows.most());
        forest.rows.read(from, rows)?;
        for tree in &mut forest.trees {
            tree.read(from, &forest.rows, rows)?;
        }
        Some(forest)
    }
}

/// Of what they save: places of what is forgotten do not matter.
impl PartialEq for CutForest {
    fn eq(&self, other: &Self) -> bool {
        let bytes = |forest: &Self| {
            let mut to = Writer::new(0);
            forest.write(&mut to);
            to.into_bytes()
        };
        bytes(self) == bytes(other)
    }
}

#[cfg(test)]
mod tests;
