//! ECOD (Li, Zhao, Hu, Botta, Ionescu and Chen 2022, "ECOD: Unsupervised Outlier Detection Using Empirical
//! Cumulative Distribution Functions", IEEE TKDE, algorithm 1).
//!
//! A feature's term is -log of its smaller tail, as in PyOD. The paper takes the greatest of three sums (all left, all
//! right, and those in the direction of the skewness), which hides a row that is far left in one feature and far right in
//! another. On skewed features both use the same tail.

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

pub(crate) struct Ecod;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EcodParameters {}

impl Detector for Ecod {
    fn describe(&self) -> proto::Detector {
        row_wise::<EcodParameters>(
            "ECOD",
            "How far out in the tails of their distributions a row's values are, feature by feature. \
             Nothing to tune, any number of rows; sees no combinations of features.",
            "O(n log n) time, O(n) memory for one feature at a time",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        parameters::<EcodParameters>(given).map(|_| ())
    }

    fn fit(
        &self,
        matrix: &Matrix,
        _: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        // As PyOD: the greatest of both tails and of the one in the direction of the skewness, which is one of them.
        tails::fit(matrix, |left, right, _| left.max(right), context)
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        tails::load(state, features)
    }
}
