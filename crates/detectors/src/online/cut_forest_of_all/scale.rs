//! What is a large difference of a number.

use crate::online::{
    bytes::{Reader, Writer},
    cut_forest::{Coordinate, MISSING, of_category, of_rank},
    profiles::Value,
};

/// Numbers are distinguished up to so many standard deviations from the mean.
const FARTHEST: f64 = 16.0;
/// Numbers beyond are taken for this one, so that squares are finite.
const LARGEST: f64 = 1e100;
/// How far a number is from one that never varied, of the largest difference.
const NEVER_VARIED: f64 = 0.8;

/// Mean and standard deviation of a number; 0 of a category.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    mean: f64,
    deviation: f64,
}

impl Scale {
    /// That of the numbers among some values.
    pub fn fit(values: impl Iterator<Item = Value>) -> Self {
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for value in values {
            let Value::Number(number) = value else { continue };
            count += 1.0;
            let before = bounded(number) - mean;
            mean += before / count;
            squares += before * (bounded(number) - mean);
        }
        Self { mean, deviation: (squares / f64::max(count, 1.0)).sqrt() }
    }

    /// The coordinate of a value in a random cut forest.
    pub fn coordinate(&self, value: Value) -> Coordinate {
        match value {
            Value::Number(number) => {
                let away = bounded(number) - self.mean;
                let share = if away == 0.0 {
                    0.0
                } else if self.deviation > 0.0 {
                    (away / self.deviation / FARTHEST).clamp(-1.0, 1.0)
                } else {
                    NEVER_VARIED.copysign(away)
                };
                of_rank(0.5 + share / 2.0)
            }
            Value::Category(hash) => of_category(hash),
            Value::Missing => MISSING,
        }
    }

    pub fn write(&self, to: &mut Writer) {
        to.real(self.mean);
        to.real(self.deviation);
    }

    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        let (mean, deviation) = (from.real()?, from.real()?);
        (mean.is_finite() && deviation.is_finite()).then_some(Self { mean, deviation })
    }
}

fn bounded(number: f64) -> f64 {
    number.clamp(-LARGEST, LARGEST)
}
