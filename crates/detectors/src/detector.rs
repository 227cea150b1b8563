//! The interface of a detector, and what its fit returns.

use anomal_core::{
    Cancel, Error, FitProgress, Result,
    proto::{self, Analysis, FeatureColumn, StepStatistics},
};
use anomal_registry::ParameterError;
use anomal_spec::{Parameters, Threshold, ThresholdMethod};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{context::Context, matrix::Matrix, parameters::schema_of, scores::Scores};

/// A way to score rows.
pub trait Detector: Send + Sync {
    /// The detector's name and traits; the same at every call.
    fn describe(&self) -> proto::Detector;

    /// The threshold of settings that name none.
    fn default_threshold(&self) -> Threshold {
        Threshold { method: ThresholdMethod::Contamination, value: None }
    }

    /// Checks parameters before a fit.
    ///
    /// # Errors
    /// The first wrong parameter.
    fn check(&self, parameters: &Parameters) -> Result<(), ParameterError>;

    /// Fits the rows of a matrix, which has at least 2 rows and a feature of weight above 0.
    fn fit(
        &self,
        matrix: &Matrix,
        parameters: &Parameters,
        context: &Context<'_>,
    ) -> Result<FittedDetector>;

    /// Restores a scorer of rows with these features from its [`Scorer::state`]. The state may come from
    /// anywhere: a scorer built from it never panics and takes memory in proportion to its length.
    ///
    /// # Errors
    /// A message if the state is damaged or belongs to other features.
    fn load(&self, state: &RawValue, features: &[FeatureColumn])
    -> Result<Box<dyn Scorer>, String>;
}

/// The result of [`Detector::fit`].
pub struct FittedDetector {
    pub scorer: Box<dyn Scorer>,
    /// The scores of the fitted rows, if they differ from the scorer's.
    pub rows: Option<Scores>,
    /// The rows of the smaller cluster of two.
    pub smallest_cluster: Option<Vec<bool>>,
    pub view: Option<Box<dyn View>>,
    pub steps: Vec<StepStatistics>,
}

impl FittedDetector {
    /// For a detector that scores fitted rows as any others.
    pub fn row_wise(scorer: impl Scorer + 'static, steps: Vec<StepStatistics>) -> Self {
        Self { scorer: Box::new(scorer), rows: None, smallest_cluster: None, view: None, steps }
    }
}

/// Scores rows independently of one another.
pub trait Scorer: Send + Sync {
    /// `shares`: whether shares are wanted; they are empty otherwise.
    ///
    /// # Errors
    /// `Cancelled`; `Internal` if a column has another kind than when fitted.
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores>;

    /// As [`Scorer::score`] for the rows of the fit, whose last steps this is.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    fn score_fitted(
        &self,
        matrix: &Matrix,
        shares: bool,
        cancel: &Cancel,
        progress: &FitProgress,
    ) -> Result<Scores> {
        progress.begin("scores", 0, 0);
        self.score(matrix, shares, cancel)
    }

    /// The whole fitted state as JSON, which a model file stores.
    fn state(&self) -> Result<Box<RawValue>>;
}

/// Draws the fitted rows for reports, once the suspicious ones are decided.
pub trait View: Send + Sync {
    fn analyse(
        &self,
        scores: &[f64],
        suspicious: &[bool],
        context: &Context<'_>,
        steps: &mut Vec<StepStatistics>,
    ) -> Result<Analysis>;
}

/// Describes a detector that fits numbers and categories, some of them missing, and scores rows one by one with reasons.
pub(crate) fn row_wise<P: JsonSchema>(
    name: &str,
    description: &str,
    cost: &str,
) -> proto::Detector {
    proto::Detector {
        name: name.into(),
        description: description.into(),
        parameters_schema: schema_of::<P>(),
        categorical: true,
        missing_values: true,
        contributions: true,
        clusters: false,
        row_wise: true,
        cost: cost.into(),
    }
}

/// Serialises a scorer for [`Scorer::state`].
pub fn state_of(scorer: &impl Serialize) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(scorer)
        .map_err(|error| Error::internal(format!("a detector's state as JSON: {error}")))
}

/// Deserialises what [`state_of`] made.
///
/// # Errors
/// A message if it is not of this type.
pub fn from_state<T: DeserializeOwned>(state: &RawValue) -> Result<T, String> {
    serde_json::from_str(state.get()).map_err(|error| error.to_string())
}

/// The figures of a step over all rows.
pub fn step(name: &str, rows: usize, started: std::time::Instant) -> StepStatistics {
    StepStatistics {
        step: name.into(),
        rows_in: rows as u64,
        rows_out: rows as u64,
        nulls: 0,
        seconds: started.elapsed().as_secs_f64(),
    }
}
