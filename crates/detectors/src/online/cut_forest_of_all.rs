//! The random cut forest of all rows.

mod scale;

use anomal_core::{Error, Result};

use self::scale::Scale;
use super::{
    bytes::{Reader, Writer},
    cut_forest::{Coordinate, CutForest, Displacement, OF_ALL},
    profiles::Value,
};

/// The rows that say what is a large difference. None is judged before.
const SCALE_ROWS: usize = 1_000;
const VERSION: u8 = 1;

/// The most features that the random cut forest of all rows can have: 16 MiB of rows.
pub const MOST_FOREST_FEATURES: usize = 4_096;

/// A random cut forest of the last 2,048 rows: 50 trees of about 256 of them each. Differences of numbers are measured in standard
/// deviations of the first 1,000 rows. The same rows in the same order give the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct OnlineCutForest {
    weights: Vec<f32>,
    /// The first rows, until there are scales.
    waiting: Vec<Vec<Value>>,
    /// Of each feature.
    scales: Option<Vec<Scale>>,
    forest: CutForest,
}

impl OnlineCutForest {
    /// `weights`: of each feature, at least 0; at most [`MOST_FOREST_FEATURES`].
    pub fn new(weights: &[f64], seed: u64) -> Self {
        let weights: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
        let forest = CutForest::new(&OF_ALL, &weights, seed);
        Self { weights, waiting: Vec::new(), scales: None, forest }
    }

    /// How unusual a row is, by the rows before it; none of the first 1,000. A value for each feature.
    pub fn judge(&self, row: &[Value]) -> Option<Displacement> {
        self.forest.judge(&coordinates(self.scales.as_ref()?, row))
    }

    /// Learns a row, and forgets the oldest one where there are 2,048.
    pub fn learn(&mut self, row: &[Value]) {
        if let Some(scales) = &self.scales {
            self.forest.learn(&coordinates(scales, row));
            return;
        }
        self.waiting.push(row.to_vec());
        if self.waiting.len() == SCALE_ROWS {
            let waiting = std::mem::take(&mut self.waiting);
            let of = |place: usize| Scale::fit(waiting.iter().map(move |row| row[place]));
            let scales: Vec<Scale> = (0..self.weights.len()).map(of).collect();
            waiting.iter().for_each(|row| self.forest.learn(&coordinates(&scales, row)));
            self.scales = Some(scales);
        }
    }

    /// All of it, for [`OnlineCutForest::restore`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer::new(VERSION);
        to.length(self.waiting.len());
        self.waiting.iter().flatten().for_each(|value| value.write(&mut to));
        to.flag(self.scales.is_some());
        self.scales.iter().flatten().for_each(|scale| scale.write(&mut to));
        self.forest.write(&mut to);
        to.into_bytes()
    }

    /// Continues from what was saved.
    ///
    /// # Errors
    /// `Internal` if it is damaged, or of other features.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        self.read(bytes).ok_or_else(|| {
            let message = "the random cut forest is damaged, or was written by another version";
            Error::internal(message)
        })
    }

    fn read(&mut self, bytes: &[u8]) -> Option<()> {
        let features = self.weights.len();
        let mut from = Reader::new(bytes, VERSION)?;
        let rows = Some(from.length()?).filter(|rows| *rows < SCALE_ROWS)?;
        let row = |from: &mut Reader<'_>| (0..features).map(|_| Value::read(from)).collect();
        let waiting = (0..rows).map(|_| row(&mut from)).collect::<Option<_>>()?;
        let mut scales = None;
        if from.flag()? {
            scales = Some((0..features).map(|_| Scale::read(&mut from)).collect::<Option<_>>()?);
        }
        let forest = CutForest::read(&OF_ALL, &mut from, &self.weights)?;
        from.end()?;
        (self.waiting, self.scales, self.forest) = (waiting, scales, forest);
        Some(())
    }
}

fn coordinates(scales: &[Scale], row: &[Value]) -> Vec<Coordinate> {
    scales.iter().zip(row).map(|(scale, value)| scale.coordinate(*value)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::Random;

    /// Four numbers of which each goes with the next.
    fn row(random: &mut Random, is_broken: bool) -> Vec<Value> {
        let shared = random.next();
        (0..4)
            .map(|feature| {
                let value = if is_broken && feature % 2 == 1 { 1.0 - shared } else { shared };
                Value::Number(1e6 * value + 1e5 * random.next())
            })
            .collect()
    }

    #[test]
    fn what_does_not_go_together_has_a_higher_score_and_becomes_usual() {
        let mut random = Random(3);
        let mut forest = OnlineCutForest::new(&[1.0; 4], 7);
        for rows in 0..3_000 {
            let row = row(&mut random, false);
            assert_eq!(forest.judge(&row).is_some(), rows >= 1_000);
            forest.learn(&row);
        }
        let mut scores = |forest: &OnlineCutForest, is_broken| -> Vec<f64> {
            let rows = (0..200).map(|_| forest.judge(&row(&mut random, is_broken)).unwrap());
            rows.map(|found| found.score).collect()
        };
        let (usual, broken) = (scores(&forest, false), scores(&forest, true));
        let beaten =
            broken.iter().flat_map(|far| usual.iter().filter(move |usual| *usual < far)).count();
        assert!(beaten > 36_000, "{beaten} of 40,000");
        let mut random = Random(5);
        for _ in 0..2_048 {
            forest.learn(&row(&mut random, true));
        }
        let sum = |scores: &[f64]| scores.iter().sum::<f64>();
        let after = scores(&forest, true);
        assert!(sum(&after) < 0.5 * sum(&broken), "{} {}", sum(&broken), sum(&after));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        #[test]
        fn a_state_continues_with_the_same_bytes(seed: u64, split in 0_usize..2_600) {
            let mut random = Random(seed);
            let weights = [1.0, 0.5, 2.0, 0.0];
            let mut whole = OnlineCutForest::new(&weights, seed);
            let mut parted = OnlineCutForest::new(&weights, !seed);
            for place in 0..2_700 {
                if place == split {
                    parted.restore(&whole.to_bytes()).unwrap();
                }
                let row = row(&mut random, place % 7 == 0);
                if place >= split {
                    prop_assert_eq!(whole.judge(&row), parted.judge(&row));
                    parted.learn(&row);
                }
                whole.learn(&row);
            }
            let bytes = whole.to_bytes();
            prop_assert!(bytes == parted.to_bytes());
            for end in [0, 1, 9, bytes.len() / 2, bytes.len() - 1] {
                prop_assert!(parted.restore(&bytes[..end]).is_err());
            }
            prop_assert!(OnlineCutForest::new(&[1.0; 2], 7).restore(&bytes).is_err());
        }
    }
}
