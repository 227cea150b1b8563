//! KNN: how far a row is from its nearest neighbours (Ramaswamy, Rastogi and Shim 2000, "Efficient Algorithms
//! for Mining Outliers from Large Data Sets", SIGMOD; by the mean Angiulli and Pizzuti 2002, "Fast Outlier
//! Detection in High Dimensional Spaces", PKDD).
//!
//! Neighbours are counted over the distinct rows, and a row's own copies are none of them: a burst of equal
//! rows far from all others is as far as one such row, however many they are, and so is a pair. Copies do
//! tell that a row is usual: of n rows c alike, the distance is multiplied by ln(n / c) / ln(n), which is 1
//! for a lone row and 0 if all are alike. So a common value of a few beside a rare one has less, while a
//! burst keeps the better part of its distance (24 of 6,000 rows: 0.63). A new row that equals fitted ones is
//! treated as they are, one that equals none as a lone row.
//!
//! The search is exact. Where rows times features are so many that it would take long in the worst case, the
//! neighbours are looked for among a sample of the rows, drawn without a look at what they hold; counts are
//! then those of the sample.
//!
//! A row's reasons: each feature's part of the squared distance to a neighbour, divided by the distance, over
//! the neighbours that the score is of.

use anomal_core::{
    Cancel, Result,
    proto::{self, FeatureColumn},
};
use anomal_spec::Parameters;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    Context, Detector, Fitted, Scorer, Scores, from_state, parameters, schema_of, state_of, step,
    within,
};
use crate::{
    blocks::{Block, by_block},
    dense::{Encoding, Weights},
    matrix::Matrix,
    numeric::{
        kd::{KdTree, Nearest},
        learn,
        linear::Dense,
    },
};

/// Of a category as many have a column of their own.
const MOST_LEVELS: usize = 16;
/// Rows that are scored times rows that neighbours are looked for among times features.
const MOST_WORK: usize = 30_000_000_000;
const MOST_ROWS: usize = 200_000;
const FEWEST_ROWS: usize = 5_000;
const MOST_NEIGHBORS: usize = 1_000;

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
        proto::Detector {
            name: "KNN".into(),
            description: "How far a row is from its nearest neighbours among the different rows: finds rows outside \
                          of where others are, whatever the shape, and bursts of equal rows."
                .into(),
            parameters_schema: schema_of::<KnnParameters>(),
            categorical: true,
            missing_values: true,
            contributions: true,
            clusters: false,
            row_wise: true,
            cost: "O(n m d) time at most, much less with few features; m is all n rows, or where n^2 d is above \
                   3*10^10 a sample of 3*10^10 / (n d) of them, at least 5,000"
                .into(),
        }
    }

    fn check(&self, given: &Parameters) -> Result<()> {
        let given = parameters::<KnnParameters>(given)?;
        within("nNeighbors", &given.n_neighbors, &1, &MOST_NEIGHBORS)
    }

    fn fit(&self, matrix: &Matrix, given: &Parameters, context: &Context<'_>) -> Result<Fitted> {
        let started = std::time::Instant::now();
        let given = parameters::<KnnParameters>(given)?;
        let most = MOST_WORK / matrix.rows.max(1) / matrix.columns.len().max(1);
        let most = most.clamp(FEWEST_ROWS, MOST_ROWS);
        let (encoding, rows) = learn(matrix, most, MOST_LEVELS, Weights::Applied, context)?;
        let (points, counts) = distinct(&rows);
        let state = State {
            encoding,
            n_neighbors: given.n_neighbors,
            method: given.method,
            points,
            counts,
        };
        Ok(Fitted::row_wise(
            Neighbors::of(state),
            vec![step("distinct rows", matrix.rows, started)],
        ))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let read: State = from_state(state)?;
        read.encoding.check(features)?;
        let good = Some(read.points.len()) == read.counts.len().checked_mul(read.encoding.width())
            && read.points.iter().all(|value| value.abs() <= 1e61)
            && read.counts.iter().all(|count| *count > 0)
            && (1..=MOST_NEIGHBORS).contains(&read.n_neighbors);
        if good {
            Ok(Box::new(Neighbors::of(read)))
        } else {
            Err("its points are not of its columns".into())
        }
    }
}

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    encoding: Encoding,
    n_neighbors: usize,
    method: Method,
    /// The distinct rows, one behind the other.
    points: Vec<f64>,
    /// How often each was there.
    counts: Vec<u32>,
}

/// The different rows in order, one behind the other, and how many there are of each.
fn distinct(rows: &Dense) -> (Vec<f64>, Vec<u32>) {
    let all: Vec<f64> = (0..rows.rows).flat_map(|row| rows.row(row)).collect();
    let width = rows.width;
    let row = |place: usize| &all[place * width..(place + 1) * width];
    let order = |one: &usize, other: &usize| {
        let mut pairs = row(*one).iter().zip(row(*other));
        pairs
            .find_map(|(one, other)| Some(one.total_cmp(other)).filter(|order| order.is_ne()))
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    let mut places: Vec<usize> = (0..rows.rows).collect();
    places.par_sort_unstable_by(order);
    let (mut points, mut counts) = (Vec::new(), Vec::new());
    for alike in places.chunk_by(|one, other| order(one, other).is_eq()) {
        points.extend_from_slice(row(alike[0]));
        counts.push(u32::try_from(alike.len()).unwrap_or(u32::MAX));
    }
    (points, counts)
}

struct Neighbors {
    state: State,
    tree: KdTree,
    /// The log of the number of rows.
    log: f64,
}

impl Neighbors {
    fn of(state: State) -> Self {
        let tree = KdTree::new(&state.points, state.counts.len(), state.encoding.width());
        let rows: f64 = state.counts.iter().map(|count| f64::from(*count)).sum();
        Self { log: rows.max(2.0).ln(), tree, state }
    }

    /// What the distance of a row with so many copies is multiplied by.
    fn rarity(&self, same: Option<u32>) -> f64 {
        let copies = same.map_or(1, |place| self.state.counts[place as usize]);
        (1.0 - f64::from(copies).ln() / self.log).max(0.0)
    }

    /// The neighbours that the score is of.
    fn used<'a>(&self, found: &'a [(f64, u32)]) -> &'a [(f64, u32)] {
        let count = found.len();
        match self.state.method {
            Method::Mean => found,
            Method::Largest => &found[count.saturating_sub(1)..],
            // One, or two beside the middle.
            Method::Median => &found[count.saturating_sub(1) / 2..(count / 2 + 1).min(count)],
        }
    }
}

impl Scorer for Neighbors {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let encoding = &self.state.encoding;
        let encoder = encoding.bind(matrix)?;
        let features = encoding.features();
        let width = encoder.width();
        let scratch = || (Vec::new(), Nearest::new(self.state.n_neighbors));
        let work = |(rows, nearest): &mut (Vec<f64>, Nearest), block: Block<'_, '_>| {
            encoder.rows(&block.rows, rows);
            for (place, score) in block.scores.iter_mut().enumerate() {
                let row = &rows[place * width..(place + 1) * width];
                self.tree.search(row, nearest);
                let used = self.used(&nearest.found);
                let sum: f64 = used.iter().map(|(square, _)| square.sqrt()).sum();
                *score = sum / used.len().max(1) as f64 * self.rarity(nearest.same);
                if block.parts.is_empty() {
                    continue;
                }
                for (square, neighbor) in used {
                    let other = &self.state.points[*neighbor as usize * width..][..width];
                    for ((value, other), feature) in row.iter().zip(other).zip(&features) {
                        block.parts[*feature][place] +=
                            (value - other) * (value - other) / square.sqrt();
                    }
                }
            }
        };
        by_block(matrix.rows, matrix.columns.len(), shares, cancel, scratch, work)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(&self.state)
    }
}
