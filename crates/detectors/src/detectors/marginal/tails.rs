//! Tail probabilities, as ECOD and COPOD use them: a row's score is the sum over the features of a term of both tails.
//!
//! The distribution is that of the fitted rows (Li et al. and PyOD use the batch that is scored), so that a row's score
//! does not depend on other rows. A numeric feature stores its distinct values with the counts at or below and at or above
//! each, thinned so that every count is right to half a percent. A value beyond all fitted ones has half a row in its tail. A
//! category's tail is the share of rows whose category is as rare or rarer (see [`rarities`]); an unknown one has half a
//! row. A missing number has the share of rows without one; a missing category is a category. A feature's share is its part
//! of the sum.

use std::collections::HashMap;

use anomal_core::{
    Cancel, Result,
    proto::{FeatureColumn, FeatureKind},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::additive::{Codes, Lookup, sums};
use crate::{
    context::Context,
    detector::{FittedDetector, Scorer, from_state, state_of, step},
    matrix::{MISSING, Matrix, MatrixColumn, Values},
    scores::Scores,
};

/// The count of a value that no row has.
const NEVER_SEEN: f64 = 0.5;
/// Up to so many distinct values are stored exactly.
const EXACT_VALUES: usize = 4_096;
/// Beyond, the next stored value changes a tail by at least one part in so many.
const STEPS: usize = 200;

/// Combines -log of the left and of the right tail, given the sign of the skewness.
pub(crate) type Term = fn(left: f64, right: f64, skewness: f64) -> f64;

pub(crate) fn fit(matrix: &Matrix, term: Term, context: &Context<'_>) -> Result<FittedDetector> {
    let started = std::time::Instant::now();
    let largest = matrix.columns.iter().map(|column| column.weight).fold(0.0, f64::max);
    let features = matrix.columns.par_iter().map(|column| {
        context.cancel.check()?;
        let weight = column.weight / largest;
        Ok(match &column.values {
            Values::Numeric(values) => numeric(values, weight, term),
            Values::Codes { codes, levels } => categories(codes, levels, weight),
        })
    });
    Ok(FittedDetector::row_wise(
        Tails(features.collect::<Result<_>>()?),
        vec![step("tails", matrix.rows, started)],
    ))
}

pub(crate) fn load(
    state: &RawValue,
    features: &[FeatureColumn],
) -> Result<Box<dyn Scorer>, String> {
    let tails: Tails = from_state(state)?;
    let good = |(tail, feature): (&Tail, &FeatureColumn)| {
        let numeric = feature.kind() == FeatureKind::Numeric;
        let fits = match &tail.values {
            Distribution::Numbers(knots) => {
                numeric && knots.is_sorted() && tail.terms.len() == 2 * knots.len() + 1
            }
            Distribution::Levels(levels) => !numeric && tail.terms.len() == levels.len() + 1,
        };
        fits && tail.terms.iter().chain([&tail.missing]).all(|term| *term >= 0.0)
    };
    if tails.0.len() == features.len() && tails.0.iter().zip(features).all(good) {
        Ok(Box::new(tails))
    } else {
        Err("its tails are not of its features".into())
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Tails(Vec<Tail>);

/// One feature's distribution with its terms.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    values: Distribution,
    /// For numbers: below the first, at the first, between it and the second, and so on. For levels: one each, then
    /// that of unknown ones.
    terms: Vec<f64>,
    missing: f64,
}

#[derive(Debug, Serialize, Deserialize)]
enum Distribution {
    Numbers(Vec<f64>),
    Levels(Vec<String>),
}

/// -log of a share of the rows.
fn rarity(count: usize, of: usize) -> f64 {
    let share = (count as f64).max(NEVER_SEEN) / (of as f64).max(NEVER_SEEN);
    (-share.ln()).max(0.0)
}

/// The rarity of each count: -log of the share of rows in counts as low or lower, but at most the excess of -log of the
/// count's share over its mean (the entropy). So neither one of many rare values stands out, nor the rarest of some that
/// are about equally frequent.
pub(crate) fn rarities(counts: &[usize]) -> Vec<f64> {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let total: usize = sorted.iter().sum();
    let own = |count: usize| -((count as f64).max(NEVER_SEEN) / (total as f64).max(1.0)).ln();
    let mut up_to: HashMap<usize, usize> = HashMap::new();
    let (mut rows, mut entropy) = (0, 0.0);
    for count in sorted {
        rows += count;
        entropy += count as f64 / (total as f64).max(1.0) * own(count);
        up_to.insert(count, rows);
    }
    let rarity = |count: &usize| {
        let tail = rarity(up_to.get(count).copied().unwrap_or(0), total);
        tail.min(own(*count) - entropy).max(0.0)
    };
    counts.iter().map(rarity).collect()
}

/// The distinct values with the number of rows at or below each, and the sign of the skewness. Computed from sorted
/// values, so that sums do not depend on the order of the rows.
fn distinct(values: &[f64]) -> (Vec<(f64, usize)>, f64) {
    // -0.0 equals 0.0.
    let mut sorted: Vec<f64> =
        values.iter().filter(|value| !value.is_nan()).map(|value| value + 0.0).collect();
    sorted.par_sort_unstable_by(f64::total_cmp);
    let unit =
        sorted.first().zip(sorted.last()).map_or(1.0, |(low, high)| low.abs().max(high.abs()));
    let n = sorted.len() as f64;
    let mean = sorted.iter().map(|value| value / unit).sum::<f64>() / n;
    let third: f64 = sorted.iter().map(|value| (value / unit - mean).powi(3)).sum();
    let mut distinct: Vec<(f64, usize)> = Vec::new();
    for (value, at_or_below) in sorted.into_iter().zip(1..) {
        match distinct.last_mut() {
            Some(last) if last.0 == value => last.1 = at_or_below,
            _ => distinct.push((value, at_or_below)),
        }
    }
    // Less is rounding.
    let skewness = if third.abs() > 1e-12 * n { third.signum() } else { 0.0 };
    (distinct, skewness)
}

/// A value with the number of rows at or below, and at or above it.
type Knot = (f64, usize, usize);

/// All values, or so many that neither tail changes by more than one part in [`STEPS`] between two of them, unless a
/// single value does.
fn thinned(knots: &[Knot]) -> Vec<Knot> {
    if knots.len() <= EXACT_VALUES {
        return knots.to_vec();
    }
    let mut kept: Vec<Knot> = Vec::new();
    for (place, knot) in knots.iter().enumerate() {
        let far = |after: &Knot| {
            let (last, next) = (kept.last(), after);
            last.is_none_or(|last| {
                next.1 - last.1 > last.1 / STEPS || last.2 - next.2 > next.2 / STEPS
            })
        };
        // Stored if the next one is too far from the last.
        if knots.get(place + 1).is_none_or(far) {
            kept.push(*knot);
        }
    }
    kept
}

fn numeric(values: &[f64], weight: f64, term: Term) -> Tail {
    let (distinct, skewness) = distinct(values);
    let n = distinct.last().map_or(0, |last| last.1);
    let below = [0].into_iter().chain(distinct.iter().map(|(_, at_or_below)| *at_or_below));
    let knots: Vec<Knot> = distinct
        .iter()
        .zip(below)
        .map(|((value, at_or_below), below)| (*value, *at_or_below, n - below))
        .collect();
    let knots = thinned(&knots);
    let weighted = |left: usize, right: usize| {
        weight * term(rarity(left, n), rarity(right, n), skewness).max(0.0)
    };
    let mut terms = Vec::with_capacity(2 * knots.len() + 1);
    let mut at_or_below = 0;
    for (_, left, right) in &knots {
        // Between two values: the rows at or below one, and at or above the other.
        terms.extend([weighted(at_or_below, *right), weighted(*left, *right)]);
        at_or_below = *left;
    }
    terms.push(weighted(at_or_below, 0));
    Tail {
        values: Distribution::Numbers(knots.into_iter().map(|knot| knot.0).collect()),
        terms,
        missing: weight * rarity(values.len() - n, values.len()),
    }
}

fn categories(codes: &[u32], levels: &[String], weight: f64) -> Tail {
    let mut counts = vec![0; levels.len() + 1];
    for code in codes {
        counts[if *code == MISSING { levels.len() } else { *code as usize }] += 1;
    }
    let terms = rarities(&counts);
    let mut known: Vec<(&String, f64)> = levels
        .iter()
        .zip(counts.iter().zip(&terms))
        .filter(|(_, (count, _))| **count > 0)
        .map(|(level, (_, term))| (level, weight * term))
        .collect();
    // Independent of the order of the rows.
    known.sort_unstable_by(|one, other| one.0.cmp(other.0));
    let never = weight * rarities(&[counts.as_slice(), &[0]].concat())[counts.len()];
    Tail {
        terms: known.iter().map(|known| known.1).chain([never]).collect(),
        values: Distribution::Levels(known.into_iter().map(|known| known.0.clone()).collect()),
        missing: weight * terms[levels.len()],
    }
}

/// A tail bound to a column of a table.
enum ColumnLookup<'a> {
    Numbers { values: &'a [f64], knots: &'a [f64], terms: &'a [f64], missing: f64 },
    Codes(Codes<'a>),
}

impl<'a> Lookup<'a> for ColumnLookup<'a> {
    type Model = Tail;

    fn new(tail: &'a Tail, column: &'a MatrixColumn) -> Option<Self> {
        let Tail { values, terms, missing } = tail;
        let missing = *missing;
        match (values, &column.values) {
            (Distribution::Numbers(knots), Values::Numeric(values)) => {
                Some(Self::Numbers { values, knots, terms, missing })
            }
            (Distribution::Levels(fitted), Values::Codes { codes, levels }) => {
                let known: HashMap<&str, f64> =
                    fitted.iter().map(String::as_str).zip(terms.iter().copied()).collect();
                let never = terms.last().copied().unwrap_or(0.0);
                let term = |level: &String| known.get(level.as_str()).copied().unwrap_or(never);
                let terms = levels.iter().map(term).collect();
                Some(Self::Codes(Codes { codes, terms, missing }))
            }
            _ => None,
        }
    }

    fn terms(&self, start: usize, out: &mut [f64]) {
        match self {
            Self::Numbers { values, knots, terms, missing } => {
                for (out, value) in out.iter_mut().zip(&values[start..]) {
                    *out = if value.is_nan() { *missing } else { terms[place(knots, *value)] };
                }
            }
            Self::Codes(codes) => codes.terms(start, out),
        }
    }
}

/// 0 below the first knot, 1 at it, 2 between it and the second, and so on.
fn place(knots: &[f64], value: f64) -> usize {
    let below = knots.partition_point(|knot| *knot < value);
    2 * below + usize::from(knots.get(below).is_some_and(|knot| *knot == value))
}

impl Scorer for Tails {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        sums::<ColumnLookup<'_>>(&self.0, matrix, shares, cancel)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}
