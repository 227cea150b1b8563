//! Features with one value in all fitted rows. They separate none of these rows, but another value in a new row is as rare as
//! can be.
//!
//! Another value counts as one that half a row of n has. A feature with such a value has the variance p (1 - p), where p is
//! 1 / 2n, so the two values are (p (1 - p))^-1/2 standard deviations apart. Another category is one unit away, and so is
//! another number, unless it differs by more than the larger of 1 and the constant's absolute value: then its distance is
//! the multiple of that. A missing value is no other value.

use std::ops::Range;

use anomal_core::{
    Error, Result,
    proto::{FeatureColumn, FeatureKind},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::matrix::{MISSING, Matrix, MatrixColumn, Values};

/// The number of rows with a value that no fitted row has.
const NEVER_SEEN: f64 = 0.5;
/// The greatest distance of a number, so that sums of squares are finite.
const FARTHEST: f64 = 1e60;

/// The constant features of weight above 0, in the order of the features.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Constants(Vec<Constant>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Constant {
    /// The feature's position in the table.
    pub feature: usize,
    /// The weight divided by the largest: above 0, at most 1.
    pub weight: f64,
    /// The number of fitted rows with the value.
    rows: u64,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Value {
    Number(f64),
    Level(String),
}

impl Constants {
    pub fn fit(matrix: &Matrix) -> Self {
        let largest = matrix.columns.iter().map(|column| column.weight).fold(0.0, f64::max);
        let constant = |(feature, column): (usize, &MatrixColumn)| {
            let weight = column.weight / largest;
            let (value, rows) = Value::of_all(&column.values).filter(|_| weight.is_normal())?;
            Some(Constant { feature, weight, rows, value })
        };
        Self(matrix.columns.par_iter().enumerate().filter_map(constant).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Constant> {
        self.0.iter()
    }

    /// Whether they are those of such features; they may come from an untrusted model.
    pub fn are_of(&self, features: &[FeatureColumn]) -> bool {
        let good = |constant: &Constant| {
            let numeric = features
                .get(constant.feature)
                .map(|feature| feature.kind() == FeatureKind::Numeric);
            let fits = match &constant.value {
                Value::Number(value) => numeric == Some(true) && value.is_finite(),
                Value::Level(_) => numeric == Some(false),
            };
            fits && constant.weight > 0.0 && constant.weight <= 1.0 && constant.rows > 0
        };
        self.0.is_sorted_by(|one, next| one.feature < next.feature) && self.0.iter().all(good)
    }

    /// Binds the constants to a table.
    ///
    /// # Errors
    /// `Internal` if a column has another kind than when fitted.
    pub fn bind<'a>(&'a self, matrix: &'a Matrix) -> Result<ConstantLookup<'a>> {
        let bound = |constant: &'a Constant| {
            Some((constant, Source::new(constant, matrix.columns.get(constant.feature)?)?))
        };
        let sources = self.0.iter().map(bound).collect::<Option<_>>();
        let sources =
            sources.ok_or_else(|| Error::internal("a constant beside a column of another kind"))?;
        Ok(ConstantLookup { sources })
    }
}

impl Value {
    /// The only value of a column, with the number of rows that have it.
    fn of_all(values: &Values) -> Option<(Self, u64)> {
        fn only<T: PartialEq + Copy>(mut present: impl Iterator<Item = T>) -> Option<(T, u64)> {
            let first = present.next()?;
            let others =
                present.try_fold(1, |count, value| (value == first).then_some(count + 1))?;
            Some((first, others))
        }
        match values {
            Values::Numeric(values) => {
                let present = values.iter().copied().filter(|value| !value.is_nan());
                // -0.0 equals 0.0.
                only(present).map(|(value, rows)| (Self::Number(value + 0.0), rows))
            }
            Values::Codes { codes, levels } => {
                let present = codes.iter().copied().filter(|code| *code != MISSING);
                only(present).map(|(code, rows)| (Self::Level(levels[code as usize].clone()), rows))
            }
        }
    }
}

/// Constants bound to a table.
pub(crate) struct ConstantLookup<'a> {
    sources: Vec<(&'a Constant, Source<'a>)>,
}

enum Source<'a> {
    Numeric(&'a [f64], f64),
    /// The codes, and for each whether it is another level.
    Codes(&'a [u32], Vec<bool>),
}

impl<'a> Source<'a> {
    fn new(constant: &Constant, column: &'a MatrixColumn) -> Option<Self> {
        match (&constant.value, &column.values) {
            (Value::Number(value), Values::Numeric(values)) => Some(Self::Numeric(values, *value)),
            (Value::Level(fitted), Values::Codes { codes, levels }) => {
                Some(Self::Codes(codes, levels.iter().map(|level| level != fitted).collect()))
            }
            _ => None,
        }
    }

    /// The distance of a row's value from the constant; none if it is the constant, or missing.
    fn distance(&self, row: usize) -> Option<f64> {
        match self {
            Self::Numeric(values, constant) => {
                let value = values[row];
                (value != *constant && !value.is_nan()).then(|| distance(value, *constant))
            }
            Self::Codes(codes, others) => {
                let code = codes[row];
                (code != MISSING && others[code as usize]).then_some(1.0)
            }
        }
    }
}

/// In halves, so that no difference overflows.
fn distance(value: f64, constant: f64) -> f64 {
    let unit = constant.abs().max(1.0) / 2.0;
    ((value / 2.0 - constant / 2.0).abs() / unit).clamp(1.0, FARTHEST)
}

/// A row with another value than a feature's constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Departure {
    /// The row's position in the range searched.
    pub row: usize,
    pub feature: usize,
    weight: f64,
    /// From the constant, in its unit: at least 1.
    distance: f64,
    rows: f64,
}

impl Departure {
    /// The weighted squared distance in standard deviations.
    pub fn square(&self) -> f64 {
        self.weight * self.deviations().powi(2)
    }

    /// The weighted sum of -log of the share of rows with such a value and the log of the distance in standard deviations. With
    /// a weight of 1 it is more than -log of the share of any fitted row.
    pub fn rarity(&self) -> f64 {
        self.weight * (((self.rows + 1.0) / NEVER_SEEN).ln() + self.deviations().ln())
    }

    fn deviations(&self) -> f64 {
        let share = NEVER_SEEN / self.rows;
        self.distance / (share * (1.0 - share)).sqrt()
    }
}

/// The departures of a range of rows, by row and then by feature.
#[derive(Default)]
pub(crate) struct Departures(Vec<Departure>);

impl Departures {
    pub fn iter(&self) -> impl Iterator<Item = &Departure> {
        self.0.iter()
    }

    pub fn of_row(&self, row: usize) -> &[Departure] {
        let start = self.0.partition_point(|departure| departure.row < row);
        let end = self.0.partition_point(|departure| departure.row <= row);
        &self.0[start..end]
    }
}

impl ConstantLookup<'_> {
    pub fn departures(&self, rows: &Range<usize>) -> Departures {
        let mut found = Vec::new();
        for (constant, source) in &self.sources {
            let Constant { feature, weight, rows: count, .. } = **constant;
            let distances = rows.clone().map(|row| source.distance(row)).enumerate();
            found.extend(distances.filter_map(|(row, distance)| {
                Some(Departure { row, feature, weight, distance: distance?, rows: count as f64 })
            }));
        }
        // Stable: by feature within a row.
        found.sort_by_key(|departure| departure.row);
        Departures(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::data::{codes, numeric, table};

    fn fitted() -> Matrix {
        table(vec![
            numeric("varies", vec![1.0, 2.0, 3.0, 4.0]),
            numeric("large", vec![-400.0, -400.0, f64::NAN, -400.0]),
            numeric("zero", vec![0.0, -0.0, 0.0, 0.0]),
            codes("level", vec![1, 1, 1, 1]),
            codes("nothing", vec![MISSING; 4]),
            MatrixColumn { weight: 0.0, ..numeric("unused", vec![1.0; 4]) },
        ])
    }

    #[test]
    fn constants_are_what_all_present_values_are() {
        let constants = Constants::fit(&fitted());
        let found: Vec<(usize, u64)> =
            constants.iter().map(|one| (one.feature, one.rows)).collect();
        assert_eq!(found, [(1, 3), (2, 4), (3, 4)]);
    }

    #[test]
    fn another_value_is_as_far_as_one_that_half_a_row_has() {
        let new = table(vec![
            numeric("varies", vec![9.0; 5]),
            numeric("large", vec![-400.0, f64::NAN, -401.0, 400.0, f64::MAX]),
            numeric("zero", vec![-0.0, f64::NAN, 5e-324, -3.0, 0.0]),
            codes("level", vec![1, MISSING, 0, 1, 2]),
            codes("nothing", vec![0; 5]),
            numeric("unused", vec![2.0; 5]),
        ]);
        let constants = Constants::fit(&fitted());
        let departures = constants.bind(&new).unwrap().departures(&(1..5));
        let found: Vec<(usize, usize, f64)> =
            departures.iter().map(|one| (one.row, one.feature, one.distance)).collect();
        let expected = [
            (1, 1, 1.0),
            (1, 2, 1.0),
            (1, 3, 1.0),
            (2, 1, 2.0),
            (2, 2, 3.0),
            (3, 1, FARTHEST),
            (3, 3, 1.0),
        ];
        assert_eq!(found, expected);
        assert_eq!(departures.of_row(2).len(), 2);
        assert!(departures.of_row(0).is_empty());
        // One of two halves in four rows: a share of 1 / 8.
        let [level] = departures.of_row(3)[1..] else { panic!("{:?}", departures.of_row(3)) };
        assert!((level.square() - 64.0 / 7.0).abs() < 1e-12, "{}", level.square());
        let rarity = 10.0_f64.ln() + 0.5 * (64.0_f64 / 7.0).ln();
        assert!((level.rarity() - rarity).abs() < 1e-12, "{}", level.rarity());
    }
}
