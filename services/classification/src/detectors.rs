//! Detectors: a file each, and a line in the registry.

mod additive;
mod bins;
mod cblof;
mod copod;
mod ecod;
mod ensemble;
mod extended;
mod forest;
mod frequency;
mod gower;
mod hbos;
mod knn;
mod loda;
mod lof;
mod mcd;
mod mixture;
mod neighbors;
mod ocsvm;
mod pairs;
mod pca;
mod quadratic;
mod tail;
mod tails;

#[cfg(test)]
mod tests;

use anomal_core::{
    Cancel, Error, Result,
    proto::{self, Analysis, FeatureColumn, StepStatistics},
};
use anomal_spec::{Parameters, Threshold, ThresholdMethod, nearest};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::matrix::Matrix;

/// All built-in detectors.
pub(crate) const DETECTORS: &[&dyn Detector] = &[
    &gower::Gower,
    &hbos::Hbos,
    &ecod::Ecod,
    &copod::Copod,
    &pca::Pca,
    &mcd::Mcd,
    &mixture::GaussianMixture,
    &frequency::CategoricalFrequency,
    &ocsvm::Ocsvm,
    &forest::IsolationForest,
    &knn::Knn,
    &lof::Lof,
    &loda::Loda,
    &cblof::Cblof,
    &ensemble::Ensemble,
];

/// A way to score rows.
pub(crate) trait Detector: Send + Sync {
    fn describe(&self) -> proto::Detector;

    /// The threshold of settings that name none.
    fn default_threshold(&self) -> Threshold {
        Threshold { method: ThresholdMethod::Contamination, value: None }
    }

    /// # Errors
    /// `InvalidSettings` for a wrong parameter, with its path below `classification.parameters`.
    fn check(&self, parameters: &Parameters) -> Result<()>;

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

/// What a fit depends on beside the parameters.
pub(crate) struct Context<'a> {
    pub seed: u64,
    /// Bytes that the largest structure may take.
    pub memory_budget: usize,
    pub cancel: &'a Cancel,
}

/// The result of [`Detector::fit`].
pub(crate) struct FittedDetector {
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
pub(crate) trait Scorer: Send + Sync {
    /// `shares`: whether shares are wanted; they are empty otherwise.
    ///
    /// # Errors
    /// `Cancelled`; `Internal` if a column has another kind than when fitted.
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores>;

    /// The whole fitted state as JSON, which a model file stores.
    fn state(&self) -> Result<Box<RawValue>>;
}

/// Draws the fitted rows for reports, once the suspicious ones are decided.
pub(crate) trait View: Send + Sync {
    fn analyse(
        &self,
        scores: &[f64],
        suspicious: &[bool],
        context: &Context<'_>,
        steps: &mut Vec<StepStatistics>,
    ) -> Result<Analysis>;
}

/// Scores of rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scores {
    pub scores: Vec<f64>,
    /// For each feature of the matrix its share in each row's score: non-negative, adding up to 1 over the
    /// features, or all 0.
    pub shares: Vec<Vec<f64>>,
    pub clusters: Option<Vec<u32>>,
    /// The rows of the smallest cluster, for the threshold `smallestCluster`.
    pub smallest_cluster: Option<Vec<bool>>,
}

/// # Errors
/// `InvalidSettings` with the nearest names.
pub(crate) fn find(name: &str) -> Result<&'static dyn Detector> {
    let known: Vec<proto::Detector> =
        DETECTORS.iter().map(|detector| detector.describe()).collect();
    let place = known.iter().position(|detector| detector.name == name);
    place.map(|place| DETECTORS[place]).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|detector| detector.name.as_str()).collect();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        let message = format!("there is no detector `{name}`; {hint}");
        Error::settings("classification.engine", "DETECTOR_UNKNOWN", message)
    })
}

/// A parameter type's JSON Schema, as text.
pub(crate) fn schema_of<P: JsonSchema>() -> String {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    SchemaGenerator::new(settings).into_root_schema_for::<P>().to_value().to_string()
}

/// Parameters by their type.
///
/// # Errors
/// `InvalidSettings` with the parameter's path.
pub(crate) fn parameters<P: DeserializeOwned + JsonSchema>(given: &Parameters) -> Result<P> {
    let schema = schemars::schema_for!(P).to_value();
    let known: Vec<&str> = schema["properties"]
        .as_object()
        .map(|known| known.keys().map(String::as_str).collect())
        .unwrap_or_default();
    for (name, value) in given {
        let path = format!("classification.parameters.{name}");
        if !known.contains(&name.as_str()) {
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", known.join(", ")),
            };
            return Err(Error::settings(
                path,
                "PARAMETER_UNKNOWN",
                format!("unknown parameter; {hint}"),
            ));
        }
        let alone = Parameters::from_iter([(name.clone(), value.clone())]);
        if let Err(error) = serde_json::from_value::<P>(alone.into()) {
            return Err(wrong(name, error.to_string()));
        }
    }
    serde_json::from_value(given.clone().into()).map_err(|error| {
        Error::settings("classification.parameters", "PARAMETER_INVALID", error.to_string())
    })
}

/// Serialises a scorer for [`Scorer::state`].
pub(crate) fn state_of(scorer: &impl Serialize) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(scorer)
        .map_err(|error| Error::internal(format!("a detector's state as JSON: {error}")))
}

/// Deserialises what [`state_of`] made.
///
/// # Errors
/// A message if it is not of this type.
pub(crate) fn from_state<T: DeserializeOwned>(state: &RawValue) -> Result<T, String> {
    serde_json::from_str(state.get()).map_err(|error| error.to_string())
}

/// The error for a wrong parameter.
pub(crate) fn wrong(parameter: &str, message: impl Into<String>) -> Error {
    Error::settings(format!("classification.parameters.{parameter}"), "PARAMETER_INVALID", message)
}

/// # Errors
/// `InvalidSettings` if a parameter is out of its range.
pub(crate) fn within<T: PartialOrd + std::fmt::Display>(
    name: &str,
    value: &T,
    least: &T,
    most: &T,
) -> Result<()> {
    if value >= least && value <= most {
        return Ok(());
    }
    Err(wrong(name, format!("{value} is not between {least} and {most}")))
}

/// The figures of a step over all rows.
pub(crate) fn step(name: &str, rows: usize, started: std::time::Instant) -> StepStatistics {
    StepStatistics {
        step: name.into(),
        rows_in: rows as u64,
        rows_out: rows as u64,
        nulls: 0,
        seconds: started.elapsed().as_secs_f64(),
    }
}
