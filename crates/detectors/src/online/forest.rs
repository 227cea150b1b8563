//! An isolation forest that learns and forgets row by row.

mod tree;

use std::collections::VecDeque;

use anomal_core::{Error, Result};

use self::tree::{Shape, Tree};
use super::bytes::{Reader, Writer};
use crate::random::Random;

const TREES: usize = 32;
/// The rows that it knows: the last ones.
const WINDOW: usize = 2_048;
/// A leaf at the root is split at so many rows; at each level below, at twice as many.
const LEAF: f64 = 32.0;
const VERSION: u8 = 1;

/// Online isolation forest (Leveni, Cassales, Pfahringer, Bifet and Boracchi 2024, "Online Isolation Forest"): trees split where
/// rows are dense, and join again where the rows of a leaf are forgotten, so that a row is the more unusual the sooner it ends
/// in a leaf. Leaves are split at a random value of a random feature, taken by weight, within the bounds of their rows; the
/// rows are taken to be spread evenly within them. The same rows in the same order give the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct OnlineForest {
    shape: Shape,
    trees: Vec<Tree>,
    random: Random,
    window: VecDeque<Box<[f32]>>,
}

impl OnlineForest {
    /// `weights`: of each feature, at least 0.
    pub fn new(weights: Vec<f64>, seed: u64) -> Self {
        let shape = Shape { weights, leaf: LEAF };
        let trees = (0..TREES).map(|_| Tree::default()).collect();
        Self { shape, trees, random: Random(seed), window: VecDeque::new() }
    }

    /// The rows that it knows.
    pub fn len(&self) -> usize {
        self.window.len()
    }

    pub fn is_empty(&self) -> bool {
        self.window.is_empty()
    }

    /// How unusual a row is, `0..=1`: 2 to the power of minus the mean depth of its leaves over the depth that is expected.
    /// A value for each feature; NaN is missing.
    pub fn score(&self, row: &[f32]) -> f64 {
        let expected = further_levels(self.window.len() as f64).max(f64::MIN_POSITIVE);
        let depth: f64 = self.trees.iter().map(|tree| tree.depth(row)).sum();
        (-depth / (self.trees.len() as f64 * expected)).exp2()
    }

    /// Learns a row, and forgets the oldest one where there are 2,048.
    pub fn learn(&mut self, row: &[f32]) {
        let oldest = if self.window.len() == WINDOW { self.window.pop_front() } else { None };
        for tree in &mut self.trees {
            tree.learn(row, &self.shape, &mut self.random);
            if let Some(oldest) = &oldest {
                tree.forget(oldest, &self.shape);
            }
        }
        self.window.push_back(row.into());
    }

    /// All of it, for [`OnlineForest::restore`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer::new(VERSION);
        to.number(self.random.0);
        to.length(self.window.len());
        self.window.iter().for_each(|row| row.iter().for_each(|value| to.single(*value)));
        self.trees.iter().for_each(|tree| tree.write(&mut to));
        to.into_bytes()
    }

    /// Continues from what was saved.
    ///
    /// # Errors
    /// `Internal` if it is damaged, or of other features.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        self.read(bytes).ok_or_else(|| {
            Error::internal("the forest is damaged, or was written by another version")
        })
    }

    fn read(&mut self, bytes: &[u8]) -> Option<()> {
        let features = self.shape.weights.len();
        let mut from = Reader::new(bytes, VERSION)?;
        let random = Random(from.number()?);
        let rows = Some(from.length()?).filter(|rows| *rows <= WINDOW)?;
        let row = |from: &mut Reader<'_>| (0..features).map(|_| from.single()).collect();
        let window = (0..rows).map(|_| row(&mut from)).collect::<Option<_>>()?;
        let trees = (0..TREES).map(|_| Tree::read(&mut from, features)).collect::<Option<_>>()?;
        from.end()?;
        (self.random, self.window, self.trees) = (random, window, trees);
        Some(())
    }
}

/// The levels that so many rows make where they are spread evenly: each halves the rows and doubles the leaf.
fn further_levels(rows: f64) -> f64 {
    (rows / LEAF).max(1.0).log2() / 2.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers between 0 and 1 that look random.
    fn numbers(seed: u64) -> impl Iterator<Item = f32> {
        let mut random = Random(seed);
        std::iter::repeat_with(move || random.next() as f32)
    }

    /// The mean of rows of a normal distribution, roughly.
    fn row(numbers: &mut impl Iterator<Item = f32>, centre: f32) -> Vec<f32> {
        (0..4).map(|_| centre + numbers.by_ref().take(6).sum::<f32>() - 3.0).collect()
    }

    #[test]
    fn what_is_far_has_a_higher_score_and_becomes_usual() {
        let mut numbers = numbers(3);
        let mut forest = OnlineForest::new(vec![1.0; 4], 7);
        for _ in 0..3_000 {
            forest.learn(&row(&mut numbers, 0.0));
        }
        assert_eq!(forest.len(), 2_048);
        let usual: Vec<f64> = (0..200).map(|_| forest.score(&row(&mut numbers, 0.0))).collect();
        let far: Vec<f64> = (0..200).map(|_| forest.score(&row(&mut numbers, 4.0))).collect();
        let beaten =
            far.iter().flat_map(|far| usual.iter().filter(move |usual| *usual < far)).count();
        assert!(beaten > 39_600, "{beaten} of 40,000");
        let before = far.iter().sum::<f64>();
        for _ in 0..2_048 {
            forest.learn(&row(&mut numbers, 4.0));
        }
        let after = (0..200).map(|_| forest.score(&row(&mut numbers, 4.0))).sum::<f64>();
        assert!(after < before - 20.0, "{before} {after}");
    }

    #[test]
    fn features_without_weight_and_missing_values_do_not_count() {
        let mut numbers = numbers(5);
        let mut forest = OnlineForest::new(vec![1.0, 1.0, 0.0, 1.0], 7);
        for _ in 0..2_000 {
            let mut row = row(&mut numbers, 0.0);
            row[3] = f32::NAN;
            forest.learn(&row);
        }
        let usual = forest.score(&[0.0, 0.0, 0.0, f32::NAN]);
        assert_eq!(usual.to_bits(), forest.score(&[0.0, 0.0, 1e9, f32::NAN]).to_bits());
        assert_eq!(usual.to_bits(), forest.score(&[0.0, 0.0, 0.0, 5.0]).to_bits());
        assert!(forest.score(&[9.0, 0.0, 0.0, 0.0]) > usual);
        assert_eq!(OnlineForest::new(vec![], 7).score(&[]), 1.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn a_state_continues_with_the_same_bytes(seed: u64, split in 0_usize..2_600, scale in 0_u8..3) {
            let mut numbers = numbers(seed);
            let weights = vec![1.0, 0.5, 2.0, 0.0];
            let mut whole = OnlineForest::new(weights.clone(), seed);
            let mut parted = OnlineForest::new(weights, !seed);
            for place in 0..2_700 {
                if place == split {
                    parted.restore(&whole.to_bytes()).unwrap();
                }
                let row: Vec<f32> = row(&mut numbers, 0.0).into_iter().map(|value| match scale {
                    0 => value.round(),
                    1 => value * 1e30,
                    _ => value,
                }).collect();
                whole.learn(&row);
                if place >= split {
                    parted.learn(&row);
                }
                prop_assert!((0.0..=1.0).contains(&whole.score(&row)));
            }
            prop_assert_eq!(&whole, &parted);
            let bytes = whole.to_bytes();
            for end in [0, 1, 9, bytes.len() / 2, bytes.len() - 1] {
                prop_assert!(parted.restore(&bytes[..end]).is_err());
            }
        }
    }
}
