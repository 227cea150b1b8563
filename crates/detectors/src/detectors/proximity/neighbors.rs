//! The distinct fitted rows of KNN and LOF as dense columns, their counts, and the search among them.
//!
//! Neighbours are distinct rows, and a row's own copies are not among them: a burst of equal rows far from all others is as
//! far as one such row. That a row has copies lowers its score by [`Neighbors::rarity`].
//!
//! The search is exact if it takes up to about half a minute of a core, else approximate; see `numeric::nearest`. With too
//! many features for that, a random sample of the rows is searched; counts are then those of the sample.

use anomal_core::{Error, Result, proto::FeatureColumn};
use rayon::prelude::*;
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    constants::{Departure, Departures},
    context::Context,
    dense::{Encoding, Weights},
    matrix::Matrix,
    numeric::{
        fit_dense,
        linear::Dense,
        nearest::{Index, MOST_WORK, Nearest, brute_cost},
    },
};

/// The most frequent levels of a category that have a separate column.
const MOST_LEVELS: usize = 16;
const MOST_ROWS: usize = 1_000_000;
/// Rows times features; it bounds the size of a model file.
const MOST_VALUES: usize = 30_000_000;
const FEWEST_ROWS: usize = 5_000;
pub(crate) const MOST_NEIGHBORS: usize = 1_000;

/// The rows that are searched.
#[derive(Deserialize)]
#[serde(try_from = "Rows")]
pub(crate) struct Neighbors {
    rows: Rows,
    index: Index,
    /// The log of the number of rows.
    log: f64,
}

/// The stored state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    encoding: Encoding,
    /// The distinct rows, concatenated.
    points: Vec<f64>,
    /// The count of each.
    counts: Vec<u32>,
}

impl Serialize for Neighbors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rows.serialize(serializer)
    }
}

impl TryFrom<Rows> for Neighbors {
    type Error = &'static str;

    fn try_from(rows: Rows) -> Result<Self, Self::Error> {
        let width = rows.encoding.width();
        let good = Some(rows.points.len()) == rows.counts.len().checked_mul(width)
            && rows.points.iter().all(|value| value.abs() <= 1e61)
            && rows.counts.iter().all(|count| *count > 0);
        if !good {
            return Err("its points are not of its columns");
        }
        let index = Index::new(&rows.points, rows.counts.len(), width);
        let all: f64 = rows.counts.iter().map(|count| f64::from(*count)).sum();
        Ok(Self { log: all.max(2.0).ln(), index, rows })
    }
}

impl Neighbors {
    /// # Errors
    /// `Cancelled`.
    pub fn fit(matrix: &Matrix, context: &Context<'_>) -> Result<Self> {
        let most = (MOST_VALUES / matrix.columns.len().max(1)).min(MOST_ROWS);
        let all = Self::of_sample(matrix, most, context)?;
        if all.index.cost * matrix.rows as f64 <= MOST_WORK {
            return Ok(all);
        }
        Self::of_sample(matrix, affordable(matrix, all.rows.encoding.width()).min(most), context)
    }

    fn of_sample(matrix: &Matrix, most: usize, context: &Context<'_>) -> Result<Self> {
        let (encoding, rows) = fit_dense(matrix, most, MOST_LEVELS, Weights::Applied, context)?;
        let (points, counts) = distinct(&rows);
        Self::try_from(Rows { encoding, points, counts }).map_err(Error::internal)
    }

    /// # Errors
    /// A message if they do not fit these features.
    pub fn check(&self, features: &[FeatureColumn]) -> Result<(), String> {
        self.rows.encoding.check(features)
    }

    pub fn encoding(&self) -> &Encoding {
        &self.rows.encoding
    }

    /// The number of distinct rows.
    pub fn count(&self) -> usize {
        self.rows.counts.len()
    }

    pub fn point(&self, place: usize) -> &[f64] {
        let width = self.rows.encoding.width();
        &self.rows.points[place * width..(place + 1) * width]
    }

    /// Searches the neighbours of rows, which are concatenated.
    pub fn search(&self, rows: &[f64], departures: &Departures, nearest: &mut [Nearest]) {
        self.index.search(&self.rows.points, rows, nearest);
        for departure in departures.iter() {
            nearest[departure.row].move_away(departure.square());
        }
    }

    /// Squared distances and positions of all rows within a squared distance, except those at distance 0, in no order.
    pub fn within(&self, row: &[f64], square: f64) -> Vec<(f64, u32)> {
        self.index.within(&self.rows.points, row, square)
    }

    /// The factor of the score of a row with copies: ln(n / c) / ln(n) for c of n fitted rows, which is 1 for a single row and 0
    /// if all are equal. So a common value next to a rare one scores lower, while a burst keeps most of its score (24 of 6,000
    /// rows: 0.63). A new row without copies counts as a single row.
    pub fn rarity(&self, same: Option<u32>) -> f64 {
        let copies = same.map_or(1, |place| self.rows.counts[place as usize]);
        (1.0 - f64::from(copies).ln() / self.log).max(0.0)
    }

    /// Reports each feature's part of the squared distance to each neighbour, divided by the distance. `features` are those
    /// of the columns.
    pub fn explain(
        &self,
        row: &[f64],
        departures: &[Departure],
        neighbors: &[(f64, u32)],
        features: &[usize],
        mut report: impl FnMut(usize, f64),
    ) {
        for (square, neighbor) in neighbors {
            let other = self.point(*neighbor as usize);
            for ((value, other), feature) in row.iter().zip(other).zip(features) {
                report(*feature, (value - other) * (value - other) / square.sqrt());
            }
            for departure in departures {
                report(departure.feature, departure.square() / square.sqrt());
            }
        }
    }
}

/// The number of rows that can be searched for all rows of a matrix in reasonable time, whatever their values.
#[expect(clippy::cast_sign_loss, reason = "a quotient of counts is not negative")]
pub(crate) fn affordable(matrix: &Matrix, width: usize) -> usize {
    let most = MOST_WORK / matrix.rows.max(1) as f64 / brute_cost(width);
    (most as usize).max(FEWEST_ROWS)
}

/// The distinct rows in order, concatenated, and the count of each.
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
