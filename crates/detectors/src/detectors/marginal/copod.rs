//! COPOD (Li, Zhao, Botta, Ionescu and Hu 2020, "COPOD: Copula-Based Outlier Detection", ICDM, algorithm 1).
//!
//! A feature's term is -log of the tail in the direction of its skewness (of both tails without skewness), and at least the
//! mean of both, as in PyOD.

use anomal_core::{
    Result,
    proto::{self, FeatureColumn},
};
use anomal_spec::Parameters;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::tails;
use crate::{
    context::Context,
    detector::{Detector, FittedDetector, Scorer, row_wise},
    matrix::Matrix,
    parameters::{ParameterError, parameters},
};

pub(crate) struct Copod;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CopodParameters {}

impl Detector for Copod {
    fn describe(&self) -> proto::Detector {
        row_wise::<CopodParameters>(
            "COPOD",
            "How far out a row's values are in the tail that their feature's skewness points to. \
             Nothing to tune, any number of rows; sees no combinations of features.",
            "O(n log n) time, O(n) memory for one feature at a time",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        parameters::<CopodParameters>(given).map(|_| ())
    }

    fn fit(
        &self,
        matrix: &Matrix,
        _: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        tails::fit(matrix, term, context)
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        tails::load(state, features)
    }
}

fn term(left: f64, right: f64, skewness: f64) -> f64 {
    let pointed = match skewness {
        above if above > 0.0 => right,
        below if below < 0.0 => left,
        _ => left + right,
    };
    pointed.max(f64::midpoint(left, right))
}
