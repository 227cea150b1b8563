//! CBLOF: the cluster-based local outlier factor (He, Xu and Deng 2003, "Discovering Cluster-Based Local Outliers",
//! Pattern Recognition Letters 24, definitions 3 and 4): the distance to the nearest large cluster. Rows of a small cluster
//! are scored by it too, however close together they are.
//!
//! Clusters are found by k-means; with categories by k-prototypes, where a centre has the most frequent level of each
//! category. In descending size, clusters are large up to the first that completes the share `alpha` of the rows, or has
//! `beta` times as many as the next.
//!
//! By default the score is the distance alone; with `useWeights` it is multiplied by the share of rows in the row's
//! own cluster (definition 4).
//!
//! A row's reasons: each feature's part of the squared distance.

use anomal_core::{
    Cancel, Result,
    proto::{self, FeatureColumn},
};
use anomal_spec::Parameters;
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
        kmeans::{Clusters, kmeans, nearest_of_block},
        linear::Dense,
    },
    parameters::{ParameterError, parameter_error, parameters, within},
    scores::Scores,
};

/// The most frequent levels of a category that have a separate column.
const MOST_LEVELS: usize = 16;
/// More rows would estimate centres no better.
const MOST_ROWS: usize = 50_000;
const MOST_ROUNDS: usize = 100;

pub(crate) struct Cblof;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CblofParameters {
    /// Clusters, large and small.
    #[serde(default = "eight")]
    #[schemars(range(min = 1, max = 100))]
    n_clusters: usize,
    /// The share of rows that large clusters have together, at least.
    #[serde(default = "nine_tenths")]
    #[schemars(range(min = 0.5, max = 1.0))]
    alpha: f64,
    /// How many times the rows of the largest small cluster the smallest large one has.
    #[serde(default = "five")]
    #[schemars(range(min = 1.0, max = 1e6))]
    beta: f64,
    /// Whether the score is multiplied by the share of rows that the row's cluster has.
    #[serde(default)]
    use_weights: bool,
}

fn eight() -> usize {
    8
}

fn nine_tenths() -> f64 {
    0.9
}

fn five() -> f64 {
    5.0
}

impl Detector for Cblof {
    fn describe(&self) -> proto::Detector {
        row_wise::<CblofParameters>(
            "CBLOF",
            "How far a row is from the nearest large cluster: finds rows between or outside of clusters, \
             and small clusters as a whole; quick on any number of rows.",
            "O(n d nClusters) time; fits at most 50,000 rows",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let given = parameters::<CblofParameters>(given)?;
        within("nClusters", given.n_clusters, 1..=100)?;
        within("alpha", given.alpha, 0.5..=1.0)?;
        within("beta", given.beta, 1.0..=1e6)
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let given = parameters::<CblofParameters>(given).map_err(parameter_error)?;
        let (encoding, rows) =
            fit_dense(matrix, MOST_ROWS, MOST_LEVELS, Weights::Applied, context)?;
        let centres = Centres::fit(encoding, &rows, &given, context)?;
        Ok(FittedDetector::row_wise(centres, vec![step("clusters", matrix.rows, started)]))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let read: Centres = from_state(state)?;
        read.encoding.check(features)?;
        let values = read.shares.len().checked_mul(read.encoding.width());
        let numbers = read.centres.iter().all(|value| value.abs() <= 1e61)
            && read.shares.iter().all(|share| (0.0..=1.0).contains(share))
            && (1..=read.shares.len()).contains(&read.large);
        if Some(read.centres.len()) == values && numbers {
            Ok(Box::new(read))
        } else {
            Err("its centres are not of its columns".into())
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Centres {
    encoding: Encoding,
    /// The clusters' centres in descending size, concatenated.
    centres: Vec<f64>,
    /// The share of rows of each cluster.
    shares: Vec<f64>,
    /// The number of large clusters.
    large: usize,
    use_weights: bool,
}

impl Centres {
    fn fit(
        encoding: Encoding,
        rows: &Dense,
        given: &CblofParameters,
        context: &Context<'_>,
    ) -> Result<Self> {
        let settle = |mean: &mut [f64]| encoding.to_prototype(mean);
        let Clusters { centres, labels } =
            kmeans(rows, given.n_clusters, MOST_ROUNDS, settle, context.seed, context.cancel)?;
        let mut counts = vec![0_usize; centres.len()];
        labels.iter().for_each(|label| counts[*label] += 1);
        let mut clusters: Vec<(usize, Vec<f64>)> =
            counts.into_iter().zip(centres).filter(|(count, _)| *count > 0).collect();
        clusters.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let all = labels.len() as f64;
        let shares: Vec<f64> = clusters.iter().map(|(count, _)| *count as f64 / all).collect();
        Ok(Self {
            encoding,
            centres: clusters.into_iter().flat_map(|(_, centre)| centre).collect(),
            large: large(&shares, given.alpha, given.beta),
            shares,
            use_weights: given.use_weights,
        })
    }

    fn centre(&self, place: usize) -> &[f64] {
        let width = self.encoding.width();
        &self.centres[place * width..(place + 1) * width]
    }
}

/// The number of large clusters, given the shares of rows in descending order.
fn large(shares: &[f64], alpha: f64, beta: f64) -> usize {
    let mut together = 0.0;
    let is_last = |(place, share): (usize, &f64)| {
        together += share;
        // Up to rounding.
        together + 1e-9 >= alpha || shares.get(place + 1).is_some_and(|next| *share >= beta * next)
    };
    shares.iter().enumerate().position(is_last).map_or(shares.len(), |place| place + 1)
}

impl Scorer for Centres {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let encoder = self.encoding.bind(matrix)?;
        let features = self.encoding.features();
        let work = |columns: &mut Vec<f64>, mut block: Block<'_, '_>| {
            let rows = block.rows.len();
            encoder.columns(&block.rows, columns);
            let centres = |count: usize| (0..count).map(|place| self.centre(place));
            let (mut squares, large) = nearest_of_block(columns, rows, centres(self.large));
            for departure in encoder.departures(&block.rows).iter() {
                squares[departure.row] += departure.square();
                block.add_part(departure.feature, departure.row, departure.square());
            }
            for (score, square) in block.scores.iter_mut().zip(squares) {
                *score = square.sqrt();
            }
            if self.use_weights {
                let (_, own) = nearest_of_block(columns, rows, centres(self.shares.len()));
                for (score, place) in block.scores.iter_mut().zip(own) {
                    *score *= self.shares[place];
                }
            }
            if block.parts.is_empty() {
                return;
            }
            for (place, (column, feature)) in columns.chunks(rows).zip(&features).enumerate() {
                let part = &mut block.parts[*feature];
                for ((part, value), centre) in part.iter_mut().zip(column).zip(&large) {
                    let beside = value - self.centre(*centre)[place];
                    *part += beside * beside;
                }
            }
        };
        by_block(matrix.rows, matrix.columns.len(), shares, cancel, Vec::new, work)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_large_up_to_the_share_or_the_step() {
        assert_eq!(large(&[0.55, 0.4, 0.05], 0.9, 5.0), 2);
        assert_eq!(large(&[0.4, 0.3, 0.25, 0.05], 0.9, 6.0), 3);
        assert_eq!(large(&[0.6, 0.1, 0.1, 0.1, 0.1], 0.9, 5.0), 1);
        assert_eq!(large(&[0.5, 0.3, 0.2], 1.0, 5.0), 3);
        assert_eq!(large(&[1.0], 0.9, 5.0), 1);
    }
}
