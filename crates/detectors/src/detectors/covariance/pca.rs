//! PCA: the distance along the principal components, each in standard deviations (Shyu, Chen, Sarinnapakorn and Chang
//! 2003, "A Novel Anomaly Detection Scheme Based on Principal Component Classifier", ICDM workshop on foundations and new
//! directions of data mining, section 3.2).
//!
//! Columns are standardised (see `dense`). Components without variance, as linearly dependent features have them, are left
//! out. A row's score is the square root of the sum over the components of the squared coordinate by the variance.

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
    numeric::{directions::Directions, fit_dense, linear::NULL, spectrum::Spectrum},
    parameters::{ParameterError, parameter_error, parameters, within},
};

/// The most frequent levels of a category that have a separate column.
const MOST_LEVELS: usize = 8;
const MOST_ROWS: usize = 1_000_000;

pub(crate) struct Pca;

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PcaParameters {
    /// Components that are kept, from the one with the most variance on; by default all that have any.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    n_components: Option<usize>,
    /// How many of those kept make the score, from the one with the least variance on; by default all.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    n_selected_components: Option<usize>,
    /// Whether a coordinate counts in units of its component's spread; else as it is.
    #[serde(default = "yes")]
    weighted: bool,
}

impl Detector for Pca {
    fn describe(&self) -> proto::Detector {
        row_wise::<PcaParameters>(
            "PCA",
            "How far out a row is along the principal components, each by its spread: finds rows that break \
             linear relations between features.",
            "O(n d^2 + d^3) time, O(n^2 d) with fewer rows than columns; O(n d) memory to fit",
        )
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        let given = parameters::<PcaParameters>(given)?;
        let counts = [
            ("nComponents", given.n_components),
            ("nSelectedComponents", given.n_selected_components),
        ];
        counts.into_iter().try_for_each(|(name, count)| {
            count.map_or(Ok(()), |count| within(name, count, 1..=100_000))
        })
    }

    fn fit(
        &self,
        matrix: &Matrix,
        given: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let given = parameters::<PcaParameters>(given).map_err(parameter_error)?;
        let (encoding, rows) = fit_dense(matrix, MOST_ROWS, MOST_LEVELS, Weights::Aside, context)?;
        let (mean, spectrum) = Spectrum::from_rows(&rows, None)?;
        context.cancel.check()?;
        let variances = &spectrum.values;
        let first = variances.first().copied().unwrap_or(0.0);
        let kept = variances.iter().filter(|variance| **variance > first * NULL).count();
        let kept = given.n_components.unwrap_or(kept).min(kept);
        let skipped = kept - given.n_selected_components.unwrap_or(kept).min(kept);
        let factor = |place: usize, variance: f64| match (
            (skipped..kept).contains(&place),
            given.weighted,
        ) {
            (false, _) => 0.0,
            (true, false) => 1.0,
            (true, true) => variance.sqrt().recip(),
        };
        let scorer = if rows.rows < rows.width {
            Quadratic::from_directions(encoding, Directions::new(mean, &spectrum, 0.0, factor))
        } else {
            Quadratic::new(encoding, mean, spectrum.mapped(factor))
        };
        Ok(FittedDetector::row_wise(scorer, vec![step("components", matrix.rows, started)]))
    }

    fn load(
        &self,
        state: &RawValue,
        features: &[FeatureColumn],
    ) -> Result<Box<dyn Scorer>, String> {
        Quadratic::load(state, features)
    }
}
