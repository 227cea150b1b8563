//! MCD: the Mahalanobis distance by the central part of the rows, so that outliers do not distort it.
//!
//! The default is the shrunk form: the covariance of the 60 % of rows that are nearest by the distance itself, shrunk as by
//! Ledoit and Wolf 2004, re-estimated a few times. It needs no seed and accepts fewer rows than features. `shrunk: false`
//! is the fast form (Rousseeuw and Van Driessen 1999), which depends on random starts and suits numbers: with categories it
//! may select the rows of a few levels and find all others far. See `numeric::robust` for both.

use anomal_core::{
    Result,
    proto::{self, FeatureColumn},
};
use anomal_spec::Parameters;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::quadratic::Quadratic;
use crate::{
    context::Context,
    dense::Weights,
    detector::{Detector, FittedDetector, Scorer, row_wise, step},
    matrix::Matrix,
    numeric::{
        fit_dense,
        robust::{fast_mcd, shrunk, shrunk_directions, whitening},
    },
    parameters::{ParameterError, parameter_error, parameters, within},
};

/// The most frequent levels of a category that have a separate column.
const MOST_LEVELS: usize = 8;
/// More rows would estimate a covariance no better.
const MOST_ROWS: usize = 100_000;
/// The share of rows of the shrunk form.
const SHARE: f64 = 0.6;

pub(crate) struct Mcd;

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct McdParameters {
    /// The share of rows that the measure is taken from; by default 0.6, and for the fast form the least that
    /// can be.
    #[serde(default)]
    #[schemars(range(min = 0.5, max = 1.0))]
    support_fraction: Option<f64>,
    /// Whether the covariance is shrunk; else it is that of FAST-MCD.
    #[serde(default = "yes")]
    shrunk: bool,
}

impl Detector for Mcd {
    fn describe(&self) -> proto::Detector {
        row_wise::<McdParameters>(
            "MCD",
            "Mahalanobis distance from the better part of the rows: finds rows that are far from one \
             elliptic cloud, or that break relations between features.",
            "O(n d^2 + d^3) time, O(n^2 d) with fewer rows than columns; fits at most 100,000 rows",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let share = parameters::<McdParameters>(given)?.support_fraction;
        share.map_or(Ok(()), |share| within("supportFraction", share, 0.5..=1.0))
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let given = parameters::<McdParameters>(given).map_err(parameter_error)?;
        let (encoding, rows) = fit_dense(matrix, MOST_ROWS, MOST_LEVELS, Weights::Aside, context)?;
        let share = given.support_fraction.unwrap_or(SHARE);
        let scorer = if given.shrunk && rows.rows < rows.width {
            let map = shrunk_directions(&rows, share, context.cancel)?;
            Quadratic::from_directions(encoding, map)
        } else {
            let moments = if rows.width == 0 {
                rows.moments(None)
            } else if given.shrunk {
                shrunk(&rows, share, context.cancel)?
            } else {
                fast_mcd(&rows, given.support_fraction, context.seed, context.cancel)?
            };
            let map = whitening(&moments)?;
            Quadratic::new(encoding, moments.mean, map)
        };
        Ok(FittedDetector::row_wise(scorer, vec![step("covariance", matrix.rows, started)]))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        Quadratic::load(state, features)
    }
}
