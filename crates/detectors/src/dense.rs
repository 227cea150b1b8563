//! The mixed matrix as dense columns of numbers, for the detectors that work on vectors.
//!
//! A number is standardised by the mean and the standard deviation of the fitted rows; a missing one is the
//! mean, which is 0. A category is a column for each of the most frequent levels and one for all others, 1
//! where the row has it and else 0, centred, and scaled so that together they have the variance of one
//! numeric feature. Of two levels one column says all. A missing category is 0 in each of its columns; one
//! that was not fitted counts with the others, or has no column. What was constant when fitted is left out.
//!
//! A weight multiplies the squares that are added up: a feature of weight 2 counts as if it were there twice.
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
use crate::matrix::{MISSING, Matrix, MatrixColumn, Values};

mod encoder;
#[cfg(test)]
mod tests;

/// Numbers summed together; the sums are added up in order, on any number of threads.
const SUM_BLOCK: usize = 1 << 14;
/// What becomes of the features' weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weights {
    /// Columns are multiplied by the root of their feature's weight, so that the largest weight is 1.
    Applied,
    /// Only what weighs nothing is left out; see [`Encoding::weights`].
    Aside,
}

/// How features become dense columns; fitted once, applied to fitted and to new rows alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encoding {
    parts: Vec<Part>,
}

/// The columns of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    /// Its place in the table.
    feature: usize,
    /// Its weight, in shares of the largest: above 0, at most 1.
    weight: f64,
    /// What its columns are multiplied by.
    factor: f64,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Kind {
    /// (x / unit - mean) / deviation; the unit is the largest number, so that no sum overflows.
    Numeric { unit: f64, mean: f64, deviation: f64 },
    /// The levels from the most frequent on. The columns are those of the levels, without the first if it
    /// is skipped, and behind them that of all others if there is one more. Of each the share of rows
    /// that have it.
    Levels { levels: Vec<String>, skip_first: bool, shares: Vec<f64>, scale: f64 },
}

impl Encoding {
    /// At most so many levels of a category have a column of their own.
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
        Self { parts: matrix.columns.par_iter().enumerate().filter_map(part).collect() }
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.parts.iter().map(Part::width).sum()
    }

    /// Of each column the feature that it is of.
    pub fn features(&self) -> Vec<usize> {
        self.of_columns(|part| part.feature)
    }

    /// Of each column its feature's weight, in shares of the largest.
    pub fn weights(&self) -> Vec<f64> {
        self.of_columns(|part| part.weight)
    }

    /// The roots of these: what a column is multiplied by where squares are added up.
    pub fn roots(&self) -> Vec<f64> {
        self.of_columns(|part| part.weight.sqrt())
    }

    fn of_columns<T: Copy>(&self, what: impl Fn(&Part) -> T) -> Vec<T> {
        self.parts.iter().flat_map(|part| vec![what(part); part.width()]).collect()
    }

    /// Makes of a mean of rows a prototype: of each category's columns those of the level that most of the rows have
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
    /// A message if it can't be of these features: the data may come from anywhere.
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
        if in_order && self.parts.iter().all(good) {
            Ok(())
        } else {
            Err("its columns are not of its features".into())
        }
    }

    /// Binds the encoding to a table.
    ///
    /// # Errors
    /// `Internal` if a column is of another kind than when it was fitted.
    pub fn bind<'a>(&'a self, matrix: &'a Matrix) -> Result<Encoder<'a>> {
        let sources = self
            .parts
            .iter()
            .map(|part| Source::new(part, matrix.columns.get(part.feature)?))
            .collect::<Option<Vec<Source<'a>>>>();
        let sources = sources
            .ok_or_else(|| Error::internal("a column of another kind than the fitted one"))?;
        Ok(Encoder::new(sources, self.width()))
    }
}

impl Part {
    fn width(&self) -> usize {
        match &self.kind {
            Kind::Numeric { .. } => 1,
            Kind::Levels { shares, .. } => shares.len(),
        }
    }

    /// What a category's columns are with a level, and without it: of the fitted share of rows that have it.
    fn with_and_without(&self, scale: f64, share: f64) -> (f64, f64) {
        let size = scale * self.factor;
        ((1.0 - share) * size, -share * size)
    }

    fn to_prototype(&self, mean: &mut [f64]) {
        let Kind::Levels { skip_first, shares, scale, .. } = &self.kind else { return };
        let values: Vec<(f64, f64)> =
            shares.iter().map(|share| self.with_and_without(*scale, *share)).collect();
        // A column goes up from the one to the other by the share of the mean's rows.
        let share =
            |(mean, (with, without)): (&f64, &(f64, f64))| (mean - without) / (with - without);
        // What has no column of its own is the rest.
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

/// The sum over the values that are there, in blocks.
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
    // Not of a constant, of nothing, or of zeros alone.
    (deviation > 0.0).then_some(Kind::Numeric { unit, mean, deviation })
}

fn categories(codes: &[u32], levels: &[String], most: usize) -> Option<Kind> {
    let mut counts = vec![0_usize; levels.len()];
    codes.iter().filter(|code| **code != MISSING).for_each(|code| counts[*code as usize] += 1);
    let mut found: Vec<(usize, &String)> =
        counts.into_iter().zip(levels).filter(|(count, _)| *count > 0).collect();
    // Equally frequent ones by their names: not by the order of the rows.
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
