//! Mixed tables as dense numeric columns, for detectors that need vectors.
//!
//! A number is standardised by the mean and the standard deviation of the fitted rows; a missing number becomes the
//! mean, which is 0. A category becomes an indicator column for each of its most frequent levels and one for all
//! others, centred, and scaled so that together they have the variance of one numeric feature. Two levels need one
//! column. A missing category is 0 in each of its columns; an unknown level counts with the others, or has no column.
//! Features that were constant when fitted have no column; a row with another value is at a distance from all fitted ones,
//! see `constants`.
//!
//! A weight multiplies squares: a feature of weight 2 counts as if it were there twice.
//!
//! A row has the same bits alone and in every batch.

use anomal_core::{
    Error, Result,
    proto::{FeatureColumn, FeatureKind},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub(crate) use self::encoder::Encoder;
use self::encoder::Source;
use crate::{
    constants::Constants,
    matrix::{MISSING, Matrix, MatrixColumn, Values},
};

mod encoder;
#[cfg(test)]
mod tests;

/// Numbers per partial sum; partial sums are added in order, whatever the number of threads.
const SUM_BLOCK: usize = 1 << 14;
/// How the features' weights are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weights {
    /// Columns are multiplied by the square root of their feature's weight; the largest weight counts as 1.
    Applied,
    /// Only features of weight 0 are left out; see [`Encoding::weights`].
    Aside,
}

/// The encoding of features as dense columns; fitted once, applied to fitted and to new rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encoding {
    parts: Vec<Part>,
    /// None if the encoding was fitted to a part of the rows.
    pub constants: Constants,
}

/// The columns of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    /// The feature's position in the table.
    feature: usize,
    /// The weight divided by the largest: above 0, at most 1.
    weight: f64,
    /// The factor of its columns.
    factor: f64,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Kind {
    /// (x / unit - mean) / deviation; the unit is the largest absolute value, so that no sum overflows.
    Numeric { unit: f64, mean: f64, deviation: f64 },
    /// The levels by descending frequency. Each has a column, except the first if it is skipped; one more column
    /// is that of all other levels if there are any. `shares` has the share of rows of each column.
    Levels { levels: Vec<String>, skip_first: bool, shares: Vec<f64>, scale: f64 },
}

impl Encoding {
    /// `most_levels` levels of a category at most have a separate column. Without constants.
    pub fn fit(matrix: &Matrix, most_levels: usize, weights: Weights) -> Self {
        let largest = matrix.columns.iter().map(|column| column.weight).fold(0.0, f64::max);
        let part = |(feature, column): (usize, &MatrixColumn)| {
            let weight = column.weight / largest;
            if !weight.is_normal() {
                return None;
            }
            let factor = if weights == Weights::Applied { weight.sqrt() } else { 1.0 };
            let kind = match &column.values {
                Values::Numeric(values) => numeric(values),
                Values::Codes { codes, levels } => categories(codes, levels, most_levels.max(1)),
            };
            Some(Part { feature, weight, factor, kind: kind? })
        };
        let parts = matrix.columns.par_iter().enumerate().filter_map(part).collect();
        Self { parts, constants: Constants::default() }
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.parts.iter().map(Part::width).sum()
    }

    /// The feature of each column.
    pub fn features(&self) -> Vec<usize> {
        self.of_columns(|part| part.feature)
    }

    /// The weight of each column's feature, divided by the largest.
    pub fn weights(&self) -> Vec<f64> {
        self.of_columns(|part| part.weight)
    }

    /// The square roots of [`Encoding::weights`]: the factors of columns in sums of squares.
    pub fn roots(&self) -> Vec<f64> {
        self.of_columns(|part| part.weight.sqrt())
    }

    fn of_columns<T: Copy>(&self, what: impl Fn(&Part) -> T) -> Vec<T> {
        self.parts.iter().flat_map(|part| vec![what(part); part.width()]).collect()
    }

    /// Turns the mean of rows into a prototype: the columns of each category become those of its most frequent level
    /// (Huang 1998, "Extensions to the k-Means Algorithm for Clustering Large Data Sets with Categorical Values", Data
    /// Mining and Knowledge Discovery 2).
    pub fn to_prototype(&self, mean: &mut [f64]) {
        let mut rest = mean;
        for part in &self.parts {
            let (own, others) = rest.split_at_mut(part.width());
            part.to_prototype(own);
            rest = others;
        }
    }

    /// # Errors
    /// A message if it does not fit these features; it may come from an untrusted model.
    pub fn check(&self, features: &[FeatureColumn]) -> Result<(), String> {
        let in_order = self.parts.is_sorted_by(|one, next| one.feature < next.feature);
        let good = |part: &Part| {
            let numbers =
                part.weight > 0.0 && part.weight <= 1.0 && (0.0..=1.0).contains(&part.factor);
            let numeric =
                features.get(part.feature).map(|feature| feature.kind() == FeatureKind::Numeric);
            numbers
                && match &part.kind {
                    Kind::Numeric { unit, mean, deviation } => {
                        numeric == Some(true)
                            && unit.is_finite()
                            && mean.is_finite()
                            && deviation.is_finite()
                            && *unit > 0.0
                            && *deviation > 0.0
                    }
                    Kind::Levels { levels, skip_first, shares, scale } => {
                        let named = levels.len().checked_sub(usize::from(*skip_first));
                        numeric == Some(false)
                            && named
                                .is_some_and(|named| (named..=named + 1).contains(&shares.len()))
                            && shares.iter().all(|share| (0.0..=1.0).contains(share))
                            && (0.0..=1e30).contains(scale)
                    }
                }
        };
        if in_order && self.parts.iter().all(good) && self.constants.are_of(features) {
            Ok(())
        } else {
            Err("its columns are not of its features".into())
        }
    }

    /// Binds the encoding to a table.
    ///
    /// # Errors
    /// `Internal` if a column has another kind than when fitted.
    pub fn bind<'a>(&'a self, matrix: &'a Matrix) -> Result<Encoder<'a>> {
        let sources = self
            .parts
            .iter()
            .map(|part| Source::new(part, matrix.columns.get(part.feature)?))
            .collect::<Option<Vec<Source<'a>>>>();
        let sources = sources
            .ok_or_else(|| Error::internal("a column of another kind than the fitted one"))?;
        Ok(Encoder::new(sources, self.width(), self.constants.bind(matrix)?))
    }
}

impl Part {
    fn width(&self) -> usize {
        match &self.kind {
            Kind::Numeric { .. } => 1,
            Kind::Levels { shares, .. } => shares.len(),
        }
    }

    /// The values of a category's column for rows with its level and without, given the fitted share of rows with it.
    fn with_and_without(&self, scale: f64, share: f64) -> (f64, f64) {
        let size = scale * self.factor;
        ((1.0 - share) * size, -share * size)
    }

    fn to_prototype(&self, mean: &mut [f64]) {
        let Kind::Levels { skip_first, shares, scale, .. } = &self.kind else { return };
        let values: Vec<(f64, f64)> =
            shares.iter().map(|share| self.with_and_without(*scale, *share)).collect();
        // A column rises from one value to the other with the share of rows.
        let share =
            |(mean, (with, without)): (&f64, &(f64, f64))| (mean - without) / (with - without);
        // Levels without a column have the remaining share.
        let mut most = if *skip_first { (0.5, None) } else { (f64::NEG_INFINITY, None) };
        for (place, share) in mean.iter().zip(&values).map(share).enumerate() {
            if share > most.0 {
                most = (share, Some(place));
            }
        }
        for (place, (mean, (with, without))) in mean.iter_mut().zip(values).enumerate() {
            *mean = if most.1 == Some(place) { with } else { without };
        }
    }
}

/// The sum of `of` over the values that are present, in blocks.
fn sum(values: &[f64], of: impl Fn(f64) -> f64 + Sync + Send) -> f64 {
    let block = |values: &[f64]| {
        values.iter().filter(|value| !value.is_nan()).map(|value| of(*value)).sum()
    };
    values.par_chunks(SUM_BLOCK).map(block).collect::<Vec<f64>>().iter().sum()
}

fn numeric(values: &[f64]) -> Option<Kind> {
    let unit = values
        .par_iter()
        .fold(|| 0.0, |most: f64, value| most.max(value.abs()))
        .reduce(|| 0.0, f64::max);
    let count = sum(values, |_| 1.0);
    let mean = sum(values, |value| value / unit) / count;
    let deviation = (sum(values, |value| (value / unit - mean).powi(2)) / count).sqrt();
    // None for a constant, and if no value is present.
    (deviation > 0.0).then_some(Kind::Numeric { unit, mean, deviation })
}

fn categories(codes: &[u32], levels: &[String], most: usize) -> Option<Kind> {
    let mut counts = vec![0_usize; levels.len()];
    codes.iter().filter(|code| **code != MISSING).for_each(|code| counts[*code as usize] += 1);
    let mut found: Vec<(usize, &String)> =
        counts.into_iter().zip(levels).filter(|(count, _)| *count > 0).collect();
    // Ties by name, so that the order of the rows has no influence.
    found.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
    let total: usize = found.iter().map(|(count, _)| count).sum();
    let skip_first = found.len() == 2;
    let named = if skip_first { 1 } else { most.min(found.len()) };
    let others: usize = found[named..].iter().map(|(count, _)| count).sum();
    let counts = found[..named].iter().map(|(count, _)| *count).skip(usize::from(skip_first));
    let counts = counts.chain((others > 0).then_some(others));
    let shares: Vec<f64> = counts.map(|count| count as f64 / total as f64).collect();
    let variance: f64 = shares.iter().map(|share| share * (1.0 - share)).sum();
    let levels = found[..named].iter().map(|(_, level)| (*level).clone()).collect();
    (variance > 0.0).then(|| Kind::Levels {
        levels,
        skip_first,
        shares,
        scale: variance.sqrt().recip(),
    })
}
