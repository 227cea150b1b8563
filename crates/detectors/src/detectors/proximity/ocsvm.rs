//! OCSVM: the one-class support vector machine with a Gaussian kernel (Schölkopf, Platt, Shawe-Taylor, Smola and Williamson
//! 2001, "Estimating the Support of a High-Dimensional Distribution", Neural Computation 13, section 3) in linear time: it
//! is fitted to a random sample of at most a thousand rows, to convergence, and scores every row.
//!
//! The score is -log of the sum of kernels: it has the order of the decision function, and distinguishes rows so far from
//! all support vectors that the sum itself is 0. A row's reasons are each feature's part of its squared distance from the
//! nearest row on the border (a support vector below the greatest weight; those with the greatest weight are outside).

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
    numeric::{fit_dense, linear::Dense, support::support},
    parameters::{ParameterError, parameter_error, parameters, within},
    scores::Scores,
};

/// The most frequent levels of a category that have a separate column.
const MOST_LEVELS: usize = 16;
const MOST_ROWS: usize = 1_000;

pub(crate) struct Ocsvm;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OcsvmParameters {
    /// The share of rows that may be outside.
    #[serde(default = "half")]
    #[schemars(range(min = 0.01, max = 1.0))]
    nu: f64,
    /// How fast the kernel falls with the squared distance of standardised features; by default 1 by
    /// their number.
    #[serde(default)]
    #[schemars(range(min = 1e-6, max = 1e6))]
    gamma: Option<f64>,
}

fn half() -> f64 {
    0.5
}

impl Detector for Ocsvm {
    fn describe(&self) -> proto::Detector {
        row_wise::<OcsvmParameters>(
            "OCSVM",
            "One-class support vector machine with a Gaussian kernel, of a sample of the rows: finds rows \
             outside of where most are, whatever the shape.",
            "O(n d) time, with up to 1,000 support vectors; fits at most 1,000 rows",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let given = parameters::<OcsvmParameters>(given)?;
        within("nu", given.nu, 0.01..=1.0)?;
        given.gamma.map_or(Ok(()), |gamma| within("gamma", gamma, 1e-6..=1e6))
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let given = parameters::<OcsvmParameters>(given).map_err(parameter_error)?;
        let (encoding, rows) =
            fit_dense(matrix, MOST_ROWS, MOST_LEVELS, Weights::Applied, context)?;
        let gamma = given.gamma.unwrap_or(1.0 / matrix.columns.len() as f64);
        let machine = Machine::fit(encoding, &rows, given.nu, gamma, context.cancel)?;
        Ok(FittedDetector::row_wise(machine, vec![step("machine", matrix.rows, started)]))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        let read: Machine = from_state(state)?;
        read.encoding.check(features)?;
        let values = read.logs.len().checked_mul(read.encoding.width());
        let numbers = read.vectors.iter().chain(&read.logs).all(|value| value.abs() <= 1e60);
        if Some(read.vectors.len()) == values && numbers && (0.0..=1e6).contains(&read.gamma) {
            Ok(Box::new(read))
        } else {
            Err("its vectors are not of its columns".into())
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Machine {
    encoding: Encoding,
    gamma: f64,
    /// The support vectors, concatenated: first those on the border.
    vectors: Vec<f64>,
    /// The number of those on the border.
    border: usize,
    /// The log of each vector's weight.
    logs: Vec<f64>,
}

impl Machine {
    fn fit(encoding: Encoding, rows: &Dense, nu: f64, gamma: f64, cancel: &Cancel) -> Result<Self> {
        let all: Vec<Vec<f64>> = (0..rows.rows).map(|row| rows.row(row)).collect();
        let squared = |one: usize, other: usize| -> f64 {
            all[one].iter().zip(&all[other]).map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let weights = support(rows.rows, nu, gamma, squared, cancel)?;
        let least = 1e-6 / rows.rows as f64;
        let greatest = weights.iter().copied().fold(0.0, f64::max);
        let mut kept: Vec<(f64, &Vec<f64>)> =
            weights.into_iter().zip(&all).filter(|(weight, _)| *weight > least).collect();
        // With equal weights all are on the border.
        kept.sort_by_key(|(weight, _)| *weight >= greatest);
        let border = kept.iter().filter(|(weight, _)| *weight < greatest).count();
        Ok(Self {
            encoding,
            gamma,
            vectors: kept.iter().flat_map(|(_, row)| row.iter().copied()).collect(),
            border: if border > 0 { border } else { kept.len() },
            logs: kept.iter().map(|(weight, _)| weight.ln()).collect(),
        })
    }

    fn vector(&self, place: usize) -> &[f64] {
        let width = self.encoding.width();
        &self.vectors[place * width..(place + 1) * width]
    }

    /// The scores of rows given column by column, and for each the nearest vector on the border.
    fn score_block(&self, columns: &[f64], scores: &mut [f64]) -> Vec<usize> {
        let rows = scores.len();
        let mut most = vec![f64::NEG_INFINITY; rows];
        let mut sums = vec![0.0; rows];
        let mut nearest = vec![(f64::INFINITY, 0); rows];
        let mut squares = vec![0.0; rows];
        for (place, log) in self.logs.iter().enumerate() {
            squares.fill(0.0);
            for (column, value) in columns.chunks(rows).zip(self.vector(place)) {
                for (square, own) in squares.iter_mut().zip(column) {
                    *square += (own - value) * (own - value);
                }
            }
            for (row, square) in squares.iter().enumerate() {
                let term = log - self.gamma * square;
                if place < self.border && *square < nearest[row].0 {
                    nearest[row] = (*square, place);
                }
                if term > most[row] {
                    // Initially there is no term: exp(-inf) is 0.
                    sums[row] = sums[row] * (most[row] - term).exp() + 1.0;
                    most[row] = term;
                } else if term - most[row] > -40.0 {
                    sums[row] += (term - most[row]).exp();
                }
            }
        }
        for (score, (most, sum)) in scores.iter_mut().zip(most.iter().zip(&sums)) {
            *score = if self.logs.is_empty() { 0.0 } else { -most - sum.ln() };
        }
        nearest.into_iter().map(|(_, place)| place).collect()
    }
}

impl Scorer for Machine {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        let encoder = self.encoding.bind(matrix)?;
        let features = self.encoding.features();
        let work = |columns: &mut Vec<f64>, mut block: Block<'_, '_>| {
            encoder.columns(&block.rows, columns);
            let nearest = self.score_block(columns, block.scores);
            // As far from each vector, so a factor of every kernel.
            for departure in encoder.departures(&block.rows).iter() {
                block.scores[departure.row] += self.gamma * departure.square();
                block.add_part(departure.feature, departure.row, departure.square());
            }
            if block.parts.is_empty() || self.logs.is_empty() {
                return;
            }
            for (place, (column, feature)) in
                columns.chunks(block.rows.len()).zip(&features).enumerate()
            {
                let part = &mut block.parts[*feature];
                for ((part, value), nearest) in part.iter_mut().zip(column).zip(&nearest) {
                    let beside = value - self.vector(*nearest)[place];
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
