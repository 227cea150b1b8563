//! LODA: the lightweight on-line detector of anomalies (Pevný 2016, "Loda: Lightweight on-line detector of anomalies",
//! Machine Learning 102, section 3): histograms of many sparse random projections. The score is the mean of -log of the
//! height of the row's bin, where the highest bin of each histogram is scaled to 1.
//!
//! A projection uses about the square root of the number of features (section 3.1), drawn by weight. A histogram has
//! 2 n^(1/3) bins by default (the Rice rule; optimising the number gains nothing over many projections). A bin counts half
//! a row more than it has.
//!
//! A row's reasons are those of section 3.3: a feature in which the row is anomalous makes the projections that use it rarer
//! than the others. Its part is the one-tailed t statistic between the two groups with the common variance, or 0 if that is
//! negative. A feature that all projections use is compared with 0.
//!
//! A constant changes no projection of the fitted rows, and another value puts a row outside of all bins. So each constant
//! belongs to as many projections as would have drawn it, without being drawn.

use anomal_core::{
    Cancel, Result,
    proto::{self, FeatureColumn},
};
use anomal_spec::Parameters;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    blocks::{Block, by_block},
    context::Context,
    dense::{Encoding, Weights},
    detector::{Detector, FittedDetector, Scorer, from_state, row_wise, state_of, step},
    matrix::Matrix,
    numeric::{
        fit_dense,
        linear::Dense,
        projections::{Candidate, Projection, candidates},
    },
    parameters::{ParameterError, parameter_error, parameters, within},
    scores::Scores,
};

/// The most frequent levels of a category that have a separate column.
const MOST_LEVELS: usize = 16;
/// More rows would estimate a histogram's heights no better.
const MOST_ROWS: usize = 100_000;

pub(crate) struct Loda;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LodaParameters {
    /// Projections.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 10_000))]
    n_random_cuts: usize,
    /// Bins of each; by default twice the cube root of the number of rows.
    #[serde(default)]
    #[schemars(range(min = 2, max = 10_000))]
    n_bins: Option<usize>,
}

fn hundred() -> usize {
    100
}

impl Detector for Loda {
    fn describe(&self) -> proto::Detector {
        row_wise::<LodaParameters>(
            "LODA",
            "How rare a row is on many random projections of a few features each: very quick on any \
             number of rows and features.",
            "O(n nRandomCuts d^(1/2)) time; fits at most 100,000 rows",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let given = parameters::<LodaParameters>(given)?;
        within("nRandomCuts", given.n_random_cuts, 1..=10_000)?;
        given.n_bins.map_or(Ok(()), |bins| within("nBins", bins, 2..=10_000))
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let given = parameters::<LodaParameters>(given).map_err(parameter_error)?;
        let (encoding, rows) = fit_dense(matrix, MOST_ROWS, MOST_LEVELS, Weights::Aside, context)?;
        let candidates = candidates(&encoding, matrix);
        let histograms = Histograms::fit(encoding, &candidates, &rows, &given, context)?;
        Ok(FittedDetector::row_wise(histograms, vec![step("projections", matrix.rows, started)]))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let read: Histograms = from_state(state)?;
        read.encoding.check(features)?;
        let width = read.encoding.width();
        if read.projections.iter().all(|projection| projection.is_of(width)) {
            Ok(Box::new(read))
        } else {
            Err("its projections are not of its columns".into())
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Histograms {
    encoding: Encoding,
    projections: Vec<Projection>,
}

impl Histograms {
    fn fit(
        encoding: Encoding,
        candidates: &[Candidate],
        rows: &Dense,
        given: &LodaParameters,
        context: &Context<'_>,
    ) -> Result<Self> {
        let bins = given.n_bins.unwrap_or_else(|| default_bins(rows.rows));
        let draws = candidates.len().isqrt();
        let count = if draws > 0 { given.n_random_cuts as u64 } else { 0 };
        let projection = |stream: u64| {
            context.cancel.check()?;
            Ok(Projection::fit(candidates, draws, rows, bins, context.seed, stream))
        };
        let projections = (0..count).into_par_iter().map(projection).collect::<Result<_>>()?;
        Ok(Self { encoding, projections })
    }

    /// Of each projection the features that it is of.
    fn features(&self) -> Vec<Vec<usize>> {
        let of_columns = self.encoding.features();
        let features = |projection: &Projection| {
            let columns = projection.columns.iter();
            let mut features: Vec<usize> = columns.map(|column| of_columns[*column]).collect();
            features.sort_unstable();
            features.dedup();
            features
        };
        self.projections.iter().map(features).collect()
    }

    /// For each constant feature the distance from one of its projections to the next, else 0. `features` is the number of
    /// features.
    fn steps(&self, features: usize) -> Vec<usize> {
        let (of_columns, weights) = (self.encoding.features(), self.encoding.weights());
        let mut varying: Vec<(usize, f64)> = of_columns.into_iter().zip(weights).collect();
        varying.dedup_by_key(|(feature, _)| *feature);
        let constants = || self.encoding.constants.iter();
        let all = varying.iter().map(|(_, weight)| *weight);
        let all: f64 = all.chain(constants().map(|constant| constant.weight)).sum();
        let draws = varying.len().isqrt() as f64;
        let mut steps = vec![0; features];
        for constant in constants() {
            let step = saturated(all / (draws * constant.weight)).min(self.projections.len());
            steps[constant.feature] = step.max(1);
        }
        steps
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "above 0; the largest number where it is larger"
)]
fn saturated(value: f64) -> usize {
    value.round() as usize
}

/// Whether a projection is one of a constant's.
fn is_of(projection: usize, feature: usize, step: usize) -> bool {
    step > 0 && (projection + feature).is_multiple_of(step)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small number above 0"
)]
fn default_bins(rows: usize) -> usize {
    (2.0 * (rows as f64).cbrt()).ceil() as usize
}

/// The number of projections with a feature and without it.
#[derive(Clone, Copy, Default)]
struct Test {
    with: f64,
    without: f64,
}

impl Test {
    /// From the sums of the terms of the projections with the feature, and of all. The deviation is common to all features of
    /// a row, so it cancels in their shares.
    fn statistic(self, with: f64, all: f64) -> f64 {
        let without = self.without.max(1.0);
        let above = with / self.with - (all - with) / without;
        above * (self.with * without / (self.with + without)).sqrt()
    }
}

impl Scorer for Histograms {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let encoder = self.encoding.bind(matrix)?;
        let of_projections = self.features();
        let count = self.projections.len() as f64;
        let mut tests = vec![Test::default(); matrix.columns.len()];
        for feature in of_projections.iter().flatten() {
            tests[*feature].with += 1.0;
        }
        let steps = self.steps(matrix.columns.len());
        for (feature, (test, step)) in tests.iter_mut().zip(&steps).enumerate() {
            let places = (0..self.projections.len()).filter(|place| is_of(*place, feature, *step));
            test.with += places.count() as f64;
            test.without = count - test.with;
        }
        let work = |(columns, terms): &mut (Vec<f64>, Vec<f64>), mut block: Block<'_, '_>| {
            encoder.columns(&block.rows, columns);
            terms.resize(block.rows.len(), 0.0);
            let departures = encoder.departures(&block.rows);
            let projections = self.projections.iter().zip(&of_projections).enumerate();
            for (place, (projection, features)) in projections {
                projection.terms(columns, terms);
                for departure in departures.iter() {
                    if is_of(place, departure.feature, steps[departure.feature]) {
                        terms[departure.row] = projection.outside();
                        block.add_part(departure.feature, departure.row, projection.outside());
                    }
                }
                block.scores.iter_mut().zip(&*terms).for_each(|(score, term)| *score += term);
                if block.parts.is_empty() {
                    continue;
                }
                for feature in features {
                    let part = block.parts[*feature].iter_mut();
                    part.zip(&*terms).for_each(|(part, term)| *part += term);
                }
            }
            for (part, test) in block.parts.iter_mut().zip(&tests) {
                if test.with > 0.0 {
                    for (part, all) in part.iter_mut().zip(&*block.scores) {
                        *part = test.statistic(*part, *all);
                    }
                }
            }
            block.scores.iter_mut().for_each(|score| *score /= count.max(1.0));
        };
        by_block(matrix.rows, matrix.columns.len(), shares, cancel, Default::default, work)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}
