//! `IsolationForest` (Liu, Ting and Zhou 2008, "Isolation Forest", ICDM): rows isolated by few random splits are anomalous.
//! The score is the paper's equation 2, 2^(-E(h) / c), between 0 and 1.
//!
//! Categories are split by random subsets of their levels; unknown levels go to the side with fewer rows (see
//! `numeric::isolation`). Features are drawn by weight. No split is by a feature that was constant when fitted, so another value
//! of it changes nothing.
//!
//! With `extensionLevel` above 0, splits are hyperplanes; see `extended`.
//!
//! A row's reasons are the splits that its path saves: a split that leaves m of n rows with the row saves
//! c(n) - c(m) - 1 of the usual c(n) splits. The sum over a path is c minus the path's length, which is the score's
//! exponent. A feature's part is the sum over its splits, or 0 if that is negative.

use anomal_core::{
    Cancel, Error, Result,
    proto::{self, FeatureColumn, FeatureKind},
};
use anomal_spec::Parameters;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::extended::ExtendedForest;
use crate::{
    blocks::{Block, by_block},
    context::Context,
    detector::{Detector, FittedDetector, Scorer, from_state, row_wise, state_of, step},
    matrix::{Matrix, MatrixColumn},
    numeric::{
        identity::identities,
        isolation::{Candidate, Source, Tree, grow, mean_depth, small},
        sample::sample,
        walk::{LANES, Walk},
    },
    parameters::{ParameterError, parameter_error, parameters, within},
    scores::Scores,
};

/// Rows per pass; they and a tree fit into the first-level cache.
const ROWS_PER_PASS: usize = 128;

pub(crate) struct IsolationForest;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ForestParameters {
    /// Trees.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 10_000))]
    n_estimators: usize,
    /// Rows that each tree is of; all rows where there are fewer.
    #[serde(default = "rows_of_a_tree")]
    #[schemars(range(min = 2, max = 65_536))]
    max_samples: usize,
    /// How many features more than one a split is of: by a random hyperplane, where it is above 0 (at most all
    /// features).
    #[serde(default)]
    #[schemars(range(min = 0, max = 10_000))]
    extension_level: usize,
}

fn hundred() -> usize {
    100
}

fn rows_of_a_tree() -> usize {
    256
}

impl Detector for IsolationForest {
    fn describe(&self) -> proto::Detector {
        row_wise::<ForestParameters>(
            "IsolationForest",
            "How few random splits take a row from the others: quick on any number of rows, finds rows \
             that are far off in some features; needs no scaling.",
            "O(n nEstimators log maxSamples) time, times extensionLevel + 1; fits maxSamples rows a tree",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let given = parameters::<ForestParameters>(given)?;
        within("nEstimators", given.n_estimators, 1..=10_000)?;
        within("maxSamples", given.max_samples, 2..=65_536)?;
        within("extensionLevel", given.extension_level, 0..=10_000)
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let given = parameters::<ForestParameters>(given).map_err(parameter_error)?;
        context.cancel.check()?;
        let steps = || vec![step("trees", matrix.rows, started)];
        if given.extension_level > 0 {
            let ForestParameters { n_estimators, max_samples, extension_level } = given;
            let forest =
                ExtendedForest::fit(matrix, n_estimators, max_samples, extension_level, context)?;
            return Ok(FittedDetector::row_wise(forest, steps()));
        }
        let forest = Forest::fit(matrix, &given, context)?;
        Ok(FittedDetector::row_wise(forest, steps()))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        if let Ok(read) = from_state::<ExtendedForest>(state) {
            read.check(features)?;
            return Ok(Box::new(read));
        }
        let read: State = from_state(state)?;
        let of_kind = |(levels, feature): (&Option<Vec<f64>>, &FeatureColumn)| {
            levels.is_none() == (feature.kind() == FeatureKind::Numeric)
        };
        let good = read.levels.len() == features.len()
            && read.levels.iter().zip(features).all(of_kind)
            && read.samples >= 2;
        let forest = if good { Forest::from_state(read) } else { None };
        forest
            .map(|forest| Box::new(forest) as Box<dyn Scorer>)
            .ok_or_else(|| "its trees are not of its features".into())
    }
}

/// The stored state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    /// Rows per tree.
    samples: u32,
    /// For each categorical feature the levels seen by the trees, sorted; none for a number.
    levels: Vec<Option<Vec<f64>>>,
    trees: Vec<Tree>,
}

struct Forest {
    state: State,
    /// The trees prepared for walking.
    walks: Vec<Walk>,
}

impl Forest {
    /// None without trees, or if they belong to other features.
    fn from_state(state: State) -> Option<Self> {
        let walk = |tree: &Tree| Walk::new(tree, &state.levels);
        let walks: Vec<Walk> = state.trees.iter().map(walk).collect::<Option<_>>()?;
        (!walks.is_empty()).then_some(Self { state, walks })
    }

    fn fit(matrix: &Matrix, given: &ForestParameters, context: &Context<'_>) -> Result<Self> {
        let largest = matrix.columns.iter().map(|column| column.weight).fold(0.0, f64::max);
        let mut columns: Vec<_> = (0_u32..)
            .zip(&matrix.columns)
            .filter(|(_, column)| (column.weight / largest).is_normal())
            .collect();
        // Independent of the order and the names of the features.
        let identities = identities(matrix);
        columns.sort_by_key(|(feature, _)| identities[*feature as usize]);
        let candidates: Vec<Candidate<'_>> = columns
            .into_iter()
            .map(|(feature, column)| {
                let weight = column.weight / largest;
                Candidate { feature, weight, source: Source::new(column) }
            })
            .collect();
        let order = sample(matrix, matrix.rows, context.seed);
        let samples = given.max_samples.min(matrix.rows);
        let grown = |tree: u64| {
            context.cancel.check()?;
            Ok(grow(&candidates, &order, samples, context.seed, tree))
        };
        let grown: Vec<(Tree, Vec<Vec<f64>>)> =
            (0..given.n_estimators as u64).into_par_iter().map(grown).collect::<Result<_>>()?;
        let mut levels: Vec<Option<Vec<f64>>> = matrix
            .columns
            .iter()
            .map(|column| (!Source::new(column).is_numeric()).then(Vec::new))
            .collect();
        let mut trees = Vec::with_capacity(grown.len());
        for (tree, seen) in grown {
            trees.push(tree);
            for (candidate, seen) in candidates.iter().zip(seen) {
                if let Some(levels) = &mut levels[candidate.feature as usize] {
                    levels.extend(seen);
                }
            }
        }
        for levels in levels.iter_mut().flatten() {
            levels.sort_unstable_by(f64::total_cmp);
            levels.dedup();
        }
        Self::from_state(State { samples: small(samples), levels, trees })
            .ok_or_else(|| Error::internal("trees of other features"))
    }

    /// The columns as trees read them. None if one has another kind than when fitted.
    fn sources<'a>(&self, matrix: &'a Matrix) -> Option<Vec<Source<'a>>> {
        let source = |(column, levels): (&'a MatrixColumn, &Option<Vec<f64>>)| match levels {
            None => Some(Source::new(column)).filter(Source::is_numeric),
            Some(seen) => Source::new(column).with_unseen(seen),
        };
        let of_width = matrix.columns.len() == self.state.levels.len();
        of_width
            .then(|| matrix.columns.iter().zip(&self.state.levels).map(source).collect())
            .flatten()
    }
}

impl Scorer for Forest {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let sources = self
            .sources(matrix)
            .ok_or_else(|| Error::internal("a column of another kind than the fitted one"))?;
        let width = sources.len().max(1);
        let usual = mean_depth(self.state.samples) * self.walks.len() as f64;
        let work = |(rows, parts): &mut (Vec<f64>, Vec<f64>), block: Block<'_, '_>| {
            for (part, scores) in block.scores.chunks_mut(ROWS_PER_PASS).enumerate() {
                rows.clear();
                rows.resize(scores.len().next_multiple_of(LANES) * width, 0.0);
                for (feature, source) in sources.iter().enumerate() {
                    let first = block.rows.start + part * ROWS_PER_PASS;
                    for (row, values) in (first..first + scores.len()).zip(rows.chunks_mut(width)) {
                        values[feature] = source.value(row);
                    }
                }
                parts.clear();
                parts.resize(if block.parts.is_empty() { 0 } else { rows.len() }, 0.0);
                let mut sums = [0.0; ROWS_PER_PASS];
                for walk in &self.walks {
                    walk.add(rows, width, &mut sums, parts);
                }
                for (score, sum) in scores.iter_mut().zip(&sums) {
                    *score = (-sum / usual).exp2();
                }
                for (feature, all) in block.parts.iter_mut().enumerate() {
                    let all = &mut all[part * ROWS_PER_PASS..][..scores.len()];
                    for (part, own) in all.iter_mut().zip(parts.chunks(width)) {
                        *part = own[feature];
                    }
                }
            }
        };
        by_block(matrix.rows, matrix.columns.len(), shares, cancel, Default::default, work)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(&self.state)
    }
}
