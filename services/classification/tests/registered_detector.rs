//! A detector from outside of the crates, registered beside the built-in ones.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anomal_classification::{LocalClassificationEngine, Options};
use anomal_core::{
    Cancel, ClassificationEngine, ClassifyRequest, Code, Error, Result, Table,
    proto::{self, FeatureColumn, FeatureKind},
};
use anomal_detectors::{
    Context, Detector, DetectorRegistry, FittedDetector, Scorer, Scores, from_state,
    matrix::{Matrix, Values},
    state_of, step,
};
use anomal_registry::{ParameterError, parameters, schema_of};
use anomal_spec::{Classification, Parameters};
use polars::prelude::df;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Scores a row by how far its first feature exceeds a limit.
struct AboveLimit;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AboveLimitParameters {
    limit: f64,
}

#[derive(Serialize, Deserialize)]
struct Limit(f64);

impl Scorer for Limit {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        cancel.check()?;
        let Values::Numeric(values) = &matrix.columns[0].values else {
            return Err(Error::internal("the first feature is not numeric"));
        };
        let shares =
            if shares { vec![vec![1.0; matrix.rows], vec![0.0; matrix.rows]] } else { Vec::new() };
        let scores = values.iter().map(|value| (value - self.0).max(0.0)).collect();
        Ok(Scores { scores, shares, ..Scores::default() })
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(self)
    }
}

impl Detector for AboveLimit {
    fn describe(&self) -> proto::Detector {
        proto::Detector {
            name: "AboveLimit".into(),
            description: "How far the first feature exceeds a limit.".into(),
            parameters_schema: schema_of::<AboveLimitParameters>().to_string(),
            contributions: true,
            row_wise: true,
            ..proto::Detector::default()
        }
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        parameters::<AboveLimitParameters>(given).map(|_| ())
    }

    fn fit(&self, matrix: &Matrix, given: &Parameters, _: &Context<'_>) -> Result<FittedDetector> {
        let started = std::time::Instant::now();
        let AboveLimitParameters { limit } =
            parameters(given).map_err(anomal_detectors::parameter_error)?;
        Ok(FittedDetector::row_wise(Limit(limit), vec![step("limit", matrix.rows, started)]))
    }

    fn load(&self, state: &RawValue, _: &[FeatureColumn]) -> Result<Box<dyn Scorer>, String> {
        Ok(Box::new(from_state::<Limit>(state)?))
    }
}

fn engine() -> LocalClassificationEngine {
    let mut detectors = DetectorRegistry::builtin();
    detectors.register(AboveLimit).unwrap();
    LocalClassificationEngine::with_detectors(Options::default(), detectors)
}

fn request(engine: &str, parameters: &serde_json::Value) -> ClassifyRequest {
    let feature = |name: &str| FeatureColumn {
        name: name.into(),
        kind: FeatureKind::Numeric.into(),
        weight: 1.0,
        ..FeatureColumn::default()
    };
    let columns = df!("a" => [1.0, 2.0, 3.0, 9.0], "b" => [0.0, 1.0, 0.0, 1.0]).unwrap();
    ClassifyRequest {
        settings: Classification {
            engine: engine.into(),
            parameters: serde_json::from_value(parameters.clone()).unwrap(),
            ..Classification::default()
        },
        features: vec![feature("a"), feature("b")],
        table: Table::new(vec![0, 1, 2, 3], columns).unwrap(),
        progress: anomal_core::FitProgress::NONE,
    }
}

fn scores(rows: &Table) -> Vec<f64> {
    rows.columns().column("score").unwrap().f64().unwrap().into_no_null_iter().collect()
}

#[tokio::test]
async fn a_registered_detector_is_listed_fitted_and_scored() {
    let engine = engine();
    let names: Vec<String> =
        engine.list_detectors().await.unwrap().into_iter().map(|known| known.name).collect();
    assert_eq!(names.first().map(String::as_str), Some("Gower"));
    assert_eq!(names.last().map(String::as_str), Some("AboveLimit"));

    let parameters = serde_json::json!({"limit": 2.0});
    let classified = engine.classify(request("AboveLimit", &parameters)).await.unwrap();
    assert_eq!(scores(&classified.rows), [0.0, 0.0, 1.0, 7.0]);
    let fitted = engine.fit(request("AboveLimit", &parameters)).await.unwrap();
    let table = request("AboveLimit", &parameters).table;
    let scored = engine.score(&fitted.model, table.slice(2, 2)).await.unwrap();
    assert_eq!(scores(&scored.rows), [1.0, 7.0]);

    // An engine without it can't use its model.
    let other = LocalClassificationEngine::default();
    let error = other.score(&fitted.model, table).await.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (Code::InvalidRequest, "MODEL_INVALID"));
    assert!(error.message.contains("there is no detector `AboveLimit`"), "{error}");
}

#[tokio::test]
async fn errors_of_a_registered_detector_have_paths() {
    let engine = engine();
    let error = engine.classify(request("AboveLimits", &serde_json::json!({}))).await.unwrap_err();
    assert_eq!(error.reason, "DETECTOR_UNKNOWN");
    assert!(error.message.contains("did you mean `AboveLimit`?"), "{error}");
    let parameters = serde_json::json!({"limt": 1.0});
    let error = engine.classify(request("AboveLimit", &parameters)).await.unwrap_err();
    assert_eq!(error.reason, "PARAMETER_UNKNOWN");
    assert_eq!(error.violations[0].path, "classification.parameters.limt");
}

#[test]
fn a_name_is_registered_once() {
    let mut detectors = DetectorRegistry::builtin();
    detectors.register(AboveLimit).unwrap();
    let error = detectors.register(AboveLimit).unwrap_err();
    assert_eq!(error.to_string(), "`AboveLimit` is registered twice");
}
