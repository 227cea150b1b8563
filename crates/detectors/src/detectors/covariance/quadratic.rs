//! Quadratic scores, as of PCA and MCD: a row's score is the length of its vector mapped by a matrix.
//!
//! The matrix is symmetric in the features (before scaling), so that each coordinate is as correlated with its own feature
//! as whitening allows (Garthwaite and Koch 2016, "Evaluating the contributions of individual variables to a quadratic form",
//! Australian & New Zealand Journal of Statistics 58, section 3; Kessy, Lewin and Strimmer 2018, "Optimal Whitening and
//! Decorrelation", The American Statistician 72). The squares of a feature's coordinates are its part of the squared length:
//! never negative, and adding up to it.
//!
//! These distances do not depend on units, so weights cannot be applied by scaling features: a weight multiplies the squares
//! of its feature's coordinates after the matrix. Equal weights give the plain distance. A constant is one more coordinate,
//! uncorrelated with the others.

use anomal_core::{Cancel, Result, proto::FeatureColumn};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    blocks::{Block, by_block},
    dense::Encoding,
    detector::{Scorer, from_state, state_of},
    matrix::Matrix,
    numeric::{directions::Directions, linear::Affine},
    scores::Scores,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quadratic {
    encoding: Encoding,
    /// A coordinate for each column.
    map: Map,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Map {
    /// Multiplied by the square roots of the columns' weights.
    Columns(Affine),
    Directions(Directions),
}

impl Quadratic {
    /// `map` has a coordinate for each column.
    pub fn new(encoding: Encoding, centre: Vec<f64>, mut matrix: Array2<f64>) -> Self {
        for (mut row, root) in matrix.rows_mut().into_iter().zip(encoding.roots()) {
            row *= root;
        }
        Self { map: Map::Columns(Affine::new(centre, &matrix)), encoding }
    }

    /// `map` is of the encoding's columns.
    pub fn from_directions(encoding: Encoding, map: Directions) -> Self {
        Self { encoding, map: Map::Directions(map) }
    }

    pub fn load(state: &RawValue, features: &[FeatureColumn]) -> Result<Box<dyn Scorer>, String> {
        let read: Self = from_state(state)?;
        read.encoding.check(features)?;
        let width = read.encoding.width();
        let good = match &read.map {
            Map::Columns(map) => map.is_of(width, width),
            Map::Directions(map) => map.is_of(width),
        };
        if good { Ok(Box::new(read)) } else { Err("its matrix is not of its columns".into()) }
    }
}

impl Scorer for Quadratic {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let encoder = self.encoding.bind(matrix)?;
        let features = self.encoding.features();
        let roots = self.encoding.roots();
        let work = |(columns, mapped): &mut (Vec<f64>, Vec<f64>), mut block: Block<'_, '_>| {
            encoder.columns(&block.rows, columns);
            let rows = block.rows.len();
            match &self.map {
                Map::Columns(map) => map.apply(columns, rows, mapped),
                Map::Directions(map) => {
                    map.apply(columns, rows, mapped);
                    for (column, root) in mapped.chunks_mut(rows).zip(&roots) {
                        column.iter_mut().for_each(|value| *value *= root);
                    }
                }
            }
            for (column, feature) in mapped.chunks(block.rows.len()).zip(&features) {
                for (score, value) in block.scores.iter_mut().zip(column) {
                    *score += value * value;
                }
                if let Some(part) = block.parts.get_mut(*feature) {
                    part.iter_mut().zip(column).for_each(|(part, value)| *part += value * value);
                }
            }
            for departure in encoder.departures(&block.rows).iter() {
                block.scores[departure.row] += departure.square();
                block.add_part(departure.feature, departure.row, departure.square());
            }
            block.scores.iter_mut().for_each(|score| *score = score.sqrt());
        };
        by_block(matrix.rows, matrix.columns.len(), shares, cancel, Default::default, work)
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}
