//! What is learned of all rows as they come.

use anomal_core::{Error, Result};
use anomal_detectors::online::{OnlineCovariance, OnlineCutForest, OnlineForest, Surprise, Value};
use anomal_spec::Online;

#[derive(Clone)]
pub(super) enum RowByRow {
    Nothing,
    /// How often features had which values, which profiles know anyway.
    Frequencies,
    Forest(Box<OnlineForest>),
    CutForest(Box<OnlineCutForest>),
    Covariance(Box<OnlineCovariance>),
}

/// What it finds of a row.
pub(super) struct Finding {
    pub score: f64,
    /// The part of each feature in it; empty where the model's contributions explain it.
    pub parts: Vec<f64>,
}

impl RowByRow {
    /// `weights`: of each feature, and whether it is a number.
    pub fn new(online: Online, weights: &[(f64, bool)], seed: u64) -> Self {
        let all = || -> Vec<f64> { weights.iter().map(|(weight, _)| *weight).collect() };
        let of_number = |(weight, is_number): &(f64, bool)| if *is_number { *weight } else { 0.0 };
        match online.chosen(weights) {
            // What is chosen is one of the others.
            Online::None | Online::Auto => Self::Nothing,
            Online::Hbos => Self::Frequencies,
            Online::OnlineIsolationForest => Self::Forest(OnlineForest::new(all(), seed).into()),
            Online::RandomCutForest => Self::CutForest(OnlineCutForest::new(&all(), seed).into()),
            Online::OnlineCovariance => {
                let weights: Vec<f64> = weights.iter().map(of_number).collect();
                Self::Covariance(OnlineCovariance::new(&weights).into())
            }
        }
    }

    pub fn is_something(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Judges a row by the rows before it; none while they are too few. `weights`: of the features.
    pub fn judge(
        &self,
        row: &[Value],
        surprise: &Surprise,
        weights: impl Iterator<Item = f64>,
    ) -> Option<Finding> {
        match self {
            Self::Nothing => None,
            Self::Frequencies => Some(Finding {
                score: surprise.among_all.iter().sum(),
                parts: surprise.among_all.clone(),
            }),
            Self::Forest(forest) => {
                let score = forest.score(&coordinates(row, surprise, weights));
                Some(Finding { score, parts: Vec::new() })
            }
            Self::CutForest(forest) => {
                let displacement = forest.judge(row)?;
                Some(Finding { score: displacement.score, parts: displacement.parts })
            }
            Self::Covariance(covariance) => {
                let distance = covariance.judge(&numbers(row))?;
                Some(Finding { score: distance.score, parts: distance.parts })
            }
        }
    }

    /// Learns a row that was judged.
    pub fn learn(
        &mut self,
        row: &[Value],
        surprise: &Surprise,
        weights: impl Iterator<Item = f64>,
    ) {
        match self {
            Self::Nothing | Self::Frequencies => {}
            // The first rows are not compared with others yet.
            Self::Forest(_) if surprise.among_all.is_empty() => {}
            Self::Forest(forest) => forest.learn(&coordinates(row, surprise, weights)),
            Self::CutForest(forest) => forest.learn(row),
            Self::Covariance(covariance) => covariance.learn(&numbers(row)),
        }
    }

    /// None where nothing is to be saved.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Nothing | Self::Frequencies => None,
            Self::Forest(forest) => Some(forest.to_bytes()),
            Self::CutForest(forest) => Some(forest.to_bytes()),
            Self::Covariance(covariance) => Some(covariance.to_bytes()),
        }
    }

    /// Takes the next of some parts of a state, if it saves one.
    ///
    /// # Errors
    /// `Internal` if that is missing or damaged.
    pub fn restore<'a>(&mut self, parts: &mut impl Iterator<Item = &'a Vec<u8>>) -> Result<()> {
        let mut next = || {
            let part = parts.next().map(Vec::as_slice);
            part.ok_or_else(|| Error::internal("the state lacks what is learned row by row"))
        };
        match self {
            Self::Nothing | Self::Frequencies => Ok(()),
            Self::Forest(forest) => forest.restore(next()?),
            Self::CutForest(forest) => forest.restore(next()?),
            Self::Covariance(covariance) => covariance.restore(next()?),
        }
    }
}

/// A row for the isolation forest: categories are as far apart as they are rare.
#[expect(clippy::cast_possible_truncation, reason = "the forest splits single precision")]
fn coordinates(row: &[Value], surprise: &Surprise, weights: impl Iterator<Item = f64>) -> Vec<f32> {
    let rarity = surprise.among_all.iter().zip(weights);
    let coordinate = |(value, (surprise, weight)): (&Value, (&f64, f64))| match value {
        Value::Number(number) => *number as f32,
        Value::Category(_) if weight > 0.0 => (surprise / weight) as f32,
        _ => f32::NAN,
    };
    row.iter().zip(rarity).map(coordinate).collect()
}

/// A row for the covariance: what is no number is missing.
fn numbers(row: &[Value]) -> Vec<f64> {
    let number = |value: &Value| match value {
        Value::Number(number) => *number,
        Value::Category(_) | Value::Missing => f64::NAN,
    };
    row.iter().map(number).collect()
}
