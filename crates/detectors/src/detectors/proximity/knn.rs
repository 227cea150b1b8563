//! KNN: the distance to the nearest neighbours (Ramaswamy, Rastogi and Shim 2000, "Efficient Algorithms for Mining Outliers
//! from Large Data Sets", SIGMOD; its mean: Angiulli and Pizzuti 2002, "Fast Outlier Detection in High Dimensional
//! Spaces", PKDD).
//!
//! Neighbours are distinct rows; see `neighbors` for this, for the effect of copies, and for the number of rows that
//! are searched.
//!
//! A row's reasons: each feature's part of the squared distance to a neighbour, divided by the distance, summed over the
//! neighbours of the score.

use anomal_core::{
    Cancel, Result,
    proto::{self, FeatureColumn},
};
use anomal_spec::Parameters;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::neighbors::{MOST_NEIGHBORS, Neighbors};
use crate::{
    blocks::{BLOCK, Block, by_block},
    context::Context,
    detector::{Detector, FittedDetector, Scorer, from_state, row_wise, state_of, step},
    matrix::Matrix,
    numeric::nearest::Nearest,
    parameters::{ParameterError, parameter_error, parameters, within},
    scores::Scores,
};

pub(crate) struct Knn;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct KnnParameters {
    /// Neighbours.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 1_000))]
    n_neighbors: usize,
    /// What is made of their distances.
    #[serde(default)]
    method: Method,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Method {
    /// That of the farthest of them.
    Largest,
    #[default]
    Mean,
    Median,
}

fn five() -> usize {
    5
}

impl Detector for Knn {
    fn describe(&self) -> proto::Detector {
        row_wise::<KnnParameters>(
            "KNN",
            "How far a row is from its nearest neighbours among the different rows: finds rows outside \
             of where others are, whatever the shape, and bursts of equal rows.",
            "O(n m d) time at most, much less with few features; m is all n different rows, or as many as take \
             half a minute of a core. Approximate where exact neighbours would take longer",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let given = parameters::<KnnParameters>(given)?;
        within("nNeighbors", given.n_neighbors, 1..=MOST_NEIGHBORS)
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let given = parameters::<KnnParameters>(given).map_err(parameter_error)?;
        let rows = Neighbors::fit(matrix, context)?;
        let scorer = Distances { rows, n_neighbors: given.n_neighbors, method: given.method };
        Ok(FittedDetector::row_wise(scorer, vec![step("distinct rows", matrix.rows, started)]))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let read: Distances = from_state(state)?;
        read.rows.check(features)?;
        if (1..=MOST_NEIGHBORS).contains(&read.n_neighbors) {
            Ok(Box::new(read))
        } else {
            Err("its neighbours are too many or none".into())
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Distances {
    rows: Neighbors,
    n_neighbors: usize,
    method: Method,
}

impl Distances {
    /// The neighbours that the score uses.
    fn used<'a>(&self, found: &'a [(f64, u32)]) -> &'a [(f64, u32)] {
        let count = found.len();
        match self.method {
            Method::Mean => found,
            Method::Largest => &found[count.saturating_sub(1)..],
            // The middle one, or the two in the middle.
            Method::Median => &found[count.saturating_sub(1) / 2..(count / 2 + 1).min(count)],
        }
    }
}

impl Scorer for Distances {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let encoding = self.rows.encoding();
        let encoder = encoding.bind(matrix)?;
        let features = encoding.features();
        let width = encoder.width();
        let scratch = || (Vec::new(), vec![Nearest::new(self.n_neighbors); BLOCK]);
        let work = |(rows, nearest): &mut (Vec<f64>, Vec<Nearest>), block: Block<'_, '_>| {
            encoder.rows(&block.rows, rows);
            let nearest = &mut nearest[..block.scores.len()];
            let departures = encoder.departures(&block.rows);
            self.rows.search(rows, &departures, nearest);
            for (place, (score, nearest)) in block.scores.iter_mut().zip(nearest).enumerate() {
                let row = &rows[place * width..(place + 1) * width];
                let used = self.used(&nearest.found);
                let sum: f64 = used.iter().map(|(square, _)| square.sqrt()).sum();
                *score = sum / used.len().max(1) as f64 * self.rows.rarity(nearest.same);
                if !block.parts.is_empty() {
                    let departures = departures.of_row(place);
                    self.rows.explain(row, departures, used, &features, |feature, part| {
                        block.parts[feature][place] += part;
                    });
                }
            }
        };
        by_block(matrix.rows, matrix.columns.len(), shares, cancel, scratch, work)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}
