//! `CategoricalFrequency`: the rarity of a row's values, and of their pairs relative to independent features (Das and
//! Schneider 2007, "Detecting Anomalous Records in Categorical Datasets", KDD, section 3; for single values Koufakou, Ortiz,
//! Georgiopoulos, Anagnostopoulos and Reynolds 2007, "A Scalable and Efficient Outlier Detection Strategy for Categorical
//! Data", ICTAI).
//!
//! A value's term is -log of the share of rows whose value is as rare or rarer, so that a rare value does not stand out
//! among rare ones. A pair's term is the log of its expected by its observed count, each with one row added. Pairs are
//! taken from features that depend on one another by more than chance (a G test), the strongest first. A feature's part is
//! its value's term plus half the length of the vector of its pairs' terms: a value that contradicts two others has a larger
//! part than they. Numbers are used in bins of equal width. A missing value is a value without pairs; an unknown one counts
//! as half a row.

use anomal_core::{
    Cancel, Error, Result,
    proto::{self, FeatureColumn, FeatureKind},
};
use anomal_spec::Parameters;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    bins::{Bins, Lookup},
    pairs::{self, Pair, slots},
};
use crate::{
    blocks::{BLOCK, Block, by_block},
    context::Context,
    detector::{Detector, FittedDetector, Scorer, from_state, row_wise, state_of, step},
    matrix::Matrix,
    parameters::{ParameterError, parameter_error, parameters, within},
    scores::Scores,
};

pub(crate) struct CategoricalFrequency;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FrequencyParameters {
    /// Bins of a numeric feature.
    #[serde(default = "ten")]
    #[schemars(range(min = 2, max = 64))]
    n_bins: usize,
    /// Pairs of features examined, at most; 0 examines single values only.
    #[serde(default = "two_hundred")]
    #[schemars(range(min = 0, max = 2_000))]
    max_pairs: usize,
}

fn ten() -> usize {
    10
}

fn two_hundred() -> usize {
    200
}

impl Detector for CategoricalFrequency {
    fn describe(&self) -> proto::Detector {
        row_wise::<FrequencyParameters>(
            "CategoricalFrequency",
            "How rare a row's values and their pairs are: finds combinations of categories that don't go \
             together. Numbers take part by bins.",
            "O(n (d + maxPairs)) time, O(n d) memory",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let given = parameters::<FrequencyParameters>(given)?;
        within("nBins", given.n_bins, 2..=64)?;
        within("maxPairs", given.max_pairs, 0..=2_000)
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let given = parameters::<FrequencyParameters>(given).map_err(parameter_error)?;
        let bins = Bins::fit(matrix, given.n_bins, context.cancel)?;
        let mut steps = vec![step("values", matrix.rows, started)];
        let started = std::time::Instant::now();
        let pairs = pairs::fit(matrix, &bins, given.max_pairs, context)?;
        steps.push(step("pairs", matrix.rows, started));
        Ok(FittedDetector::row_wise(Frequencies { bins, pairs }, steps))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let read: Frequencies = from_state(state)?;
        let bins = &read.bins;
        let of_feature = |(bins, feature): (&Bins, &FeatureColumn)| {
            bins.is_sound() && bins.is_numeric() == (feature.kind() == FeatureKind::Numeric)
        };
        let of_bins = |pair: &Pair| {
            let (Some(one), Some(other)) = (bins.get(pair.one), bins.get(pair.other)) else {
                return false;
            };
            pair.one != pair.other
                && pair.terms.len() == slots(one) * slots(other)
                && pair.terms.iter().all(|term| (0.0..=1e30).contains(term))
        };
        let good = bins.len() == features.len()
            && bins.iter().zip(features).all(of_feature)
            && read.pairs.iter().all(of_bins);
        if good { Ok(Box::new(read)) } else { Err("its values are not of its features".into()) }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frequencies {
    /// For each feature.
    bins: Vec<Bins>,
    pairs: Vec<Pair>,
}

/// For the rows of a block, feature after feature, [`BLOCK`] each.
#[derive(Default)]
struct Scratch {
    places: Vec<u32>,
    squares: Vec<f64>,
}

impl Scorer for Frequencies {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let lookups: Vec<Lookup<'_>> = self
            .bins
            .iter()
            .zip(&matrix.columns)
            .map(|(bins, column)| Lookup::new(bins, column))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::internal("bins beside a column of another kind"))?;
        let size = lookups.len() * BLOCK;
        let work = |scratch: &mut Scratch, block: Block<'_, '_>| {
            let Scratch { places, squares } = scratch;
            places.resize(size, 0);
            squares.clear();
            squares.resize(size, 0.0);
            let rows = block.scores.len();
            for (lookup, places) in lookups.iter().zip(places.chunks_mut(BLOCK)) {
                lookup.places(block.rows.start, &mut places[..rows]);
            }
            for pair in &self.pairs {
                self.add_pair(pair, places, squares, rows);
            }
            let of_features = places.chunks(BLOCK).zip(squares.chunks(BLOCK)).zip(&self.bins);
            for (feature, ((places, squares), bins)) in of_features.enumerate() {
                for (row, score) in block.scores.iter_mut().enumerate() {
                    let part = bins.terms[places[row] as usize] + 0.5 * squares[row].sqrt();
                    *score += part;
                    if let Some(parts) = block.parts.get_mut(feature) {
                        parts[row] = part;
                    }
                }
            }
        };
        by_block(matrix.rows, lookups.len(), shares, cancel, Scratch::default, work)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}

impl Frequencies {
    /// Adds the square of a pair's term to both its features.
    fn add_pair(&self, pair: &Pair, places: &[u32], squares: &mut [f64], rows: usize) {
        let width = slots(&self.bins[pair.other]);
        let height = slots(&self.bins[pair.one]);
        let (one, other) = (pair.one * BLOCK, pair.other * BLOCK);
        for row in 0..rows {
            let (a, b) = (places[one + row] as usize, places[other + row] as usize);
            if a < height && b < width {
                let term = pair.terms[a * width + b];
                squares[one + row] += term * term;
                squares[other + row] += term * term;
            }
        }
    }
}
