//! One contract for an engine wherever it runs: each check is made on the local engine and on one behind a
//! real server, and both say the same, failures too.

use std::sync::Arc;

use anomal_classification::{LocalClassificationEngine, RemoteClassificationEngine};
use anomal_core::{
    ClassificationEngine, ClassifyRequest, Code, Error, ExtractRequest, FeatureEngine,
    FeatureSettings, Model, PlanRequest, Table,
    proto::{Column, DataType, FeatureColumn, FeatureKind, Phase},
};
use anomal_feature::{LocalFeatureEngine, RemoteFeatureEngine};
use anomal_spec::{Classification, RemoteEngine};
use anomal_tests::{Engine, assert_same_tables};
use polars::prelude::df;

fn endpoint(engine: &Engine) -> RemoteEngine {
    RemoteEngine { endpoints: vec![engine.address.clone()], ..RemoteEngine::default() }
}

/// The local and the remote engine; the server lives as long as the guard.
async fn feature_engines() -> (Engine, [Arc<dyn FeatureEngine>; 2]) {
    let server = Engine::start("anomal-feature-engine");
    let remote = RemoteFeatureEngine::connect(&endpoint(&server)).await.unwrap();
    (server, [Arc::new(LocalFeatureEngine::default()), Arc::new(remote)])
}

async fn classification_engines() -> (Engine, [Arc<dyn ClassificationEngine>; 2]) {
    let server = Engine::start("anomal-classification-engine");
    let remote = RemoteClassificationEngine::connect(&endpoint(&server)).await.unwrap();
    (server, [Arc::new(LocalClassificationEngine::default()), Arc::new(remote)])
}

fn settings(json: serde_json::Value) -> FeatureSettings {
    serde_json::from_value(json).unwrap()
}

fn plan_request(features: &serde_json::Value) -> PlanRequest {
    let settings = settings(serde_json::json!({
        "packs": ["dns"],
        "filters": [{"name": "short", "remove": "length(name) < 6"}],
        "features": features,
        "flags": [
            {"type": "direct", "name": "much", "expression": "bytes > 900", "severity": "high"},
            {"type": "aggregation", "name": "query_type_rare", "dataNeeded": ["name"], "params": {"maxShare": 0.01}},
        ],
    }));
    let column = |name: &str, of: DataType| Column { name: name.into(), data_type: of.into() };
    let schema = vec![
        column("name", DataType::String),
        column("bytes", DataType::Integer),
        column("unused", DataType::Float),
    ];
    PlanRequest { settings, schema }
}

fn features() -> serde_json::Value {
    serde_json::json!([
        {"type": "field", "name": "bytes"},
        {"type": "metric", "name": "hostname_entropy", "dataNeeded": ["name"], "multiplier": 2.5},
        {"type": "expression", "name": "above", "expression": "bytes - AVG(bytes) OVER (PARTITION BY name)"},
    ])
}

/// Row numbers with gaps, missing values, text beyond ASCII.
fn records() -> Table {
    let rows: Vec<u64> = (0..500).map(|row| row * 7 + 3).collect();
    let names: Vec<Option<String>> = rows
        .iter()
        .map(|row| {
            (row % 41 != 0).then(|| {
                format!("h{}.ex{}mple.org", row * row % 97, "äé".repeat((row % 3) as usize))
            })
        })
        .collect();
    let bytes: Vec<Option<i64>> = rows
        .iter()
        .map(|row| (row % 13 != 0).then(|| i64::try_from(row * 37 % 1_000).unwrap()))
        .collect();
    Table::new(rows, df!("name" => names, "bytes" => bytes).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_engine_plans_and_extracts() {
    let (_server, [local, remote]) = feature_engines().await;
    assert_eq!(local.list_components().await.unwrap(), remote.list_components().await.unwrap());
    let plan = local.plan(plan_request(&features())).await.unwrap();
    assert_eq!(plan, remote.plan(plan_request(&features())).await.unwrap());
    assert!(plan.whole_table);
    let names: Vec<&str> = plan.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["name", "bytes"]);
    for phase in [Phase::RowWise, Phase::WholeTable] {
        let request = ExtractRequest {
            settings: plan.settings.as_str().into(),
            columns: plan.columns.clone(),
            phase,
            table: records(),
        };
        let here = local.extract(request.clone()).await.unwrap();
        let there = remote.extract(request).await.unwrap();
        assert_same_tables(&here.features, &there.features);
        assert_same_tables(&here.removed, &there.removed);
        assert_same_tables(&here.hits, &there.hits);
        assert_eq!(here.diagnostics, there.diagnostics);
        assert!(here.hits.height() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_engine_refuses_with_the_path() {
    let (_server, engines) = feature_engines().await;
    let cases = [
        (
            serde_json::json!([{"type": "field", "name": "byte"}]),
            "COLUMN_MISSING",
            "features[0].name",
        ),
        (
            serde_json::json!([{"type": "metric", "name": "hostname_entropi", "dataNeeded": ["name"]}]),
            "COMPONENT_UNKNOWN",
            "features[0].name",
        ),
        (
            serde_json::json!([{"type": "expression", "name": "x", "expression": "(SELECT 1)"}]),
            "EXPRESSION_INVALID",
            "features[0].expression",
        ),
        (
            serde_json::json!([{"type": "metric", "name": "levenshtein", "dataNeeded": ["name"], "params": {"topp": 1}}]),
            "PARAMETER_INVALID",
            "features[0].params.topp",
        ),
    ];
    for (features, reason, path) in cases {
        let mut told: Vec<Error> = Vec::new();
        for engine in &engines {
            told.push(engine.plan(plan_request(&features)).await.unwrap_err());
        }
        assert_eq!(told[0], told[1], "the error is the same from afar");
        assert_eq!((told[0].code, told[0].reason.as_str()), (Code::InvalidSettings, reason));
        assert_eq!(told[0].violations[0].path, path);
    }
}

fn classify_request(engine: &str, rows: usize) -> ClassifyRequest {
    let numbers: Vec<Option<f64>> =
        (0..rows).map(|row| (row % 17 != 0).then(|| (row * row % 101) as f64)).collect();
    let names: Vec<Option<String>> =
        (0..rows).map(|row| (row % 23 != 0).then(|| format!("c{}", row % 5))).collect();
    let feature = |name: &str, kind: FeatureKind, weight: f64| FeatureColumn {
        name: name.into(),
        kind: kind.into(),
        weight,
        origin: format!("field {name}"),
    };
    ClassifyRequest {
        settings: Classification { engine: engine.into(), seed: 3, ..Classification::default() },
        features: vec![
            feature("n", FeatureKind::Numeric, 0.1),
            feature("c", FeatureKind::Categorical, 3.0),
        ],
        table: Table::new(
            (0..rows as u64).map(|row| row * 2).collect(),
            df!("n" => numbers, "c" => names).unwrap(),
        )
        .unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classification_engine_classifies_fits_and_scores() {
    let (_server, [local, remote]) = classification_engines().await;
    let detectors = local.list_detectors().await.unwrap();
    assert_eq!(detectors, remote.list_detectors().await.unwrap());
    for detector in &detectors {
        for rows in [1, 2, 3, 700] {
            let request = || classify_request(&detector.name, rows);
            let here = local.classify(request()).await.unwrap();
            let there = remote.classify(request()).await.unwrap();
            assert_same_tables(&here.rows, &there.rows);
            assert!(here.analysis == there.analysis, "{} {rows}", detector.name);
            let shares: Vec<f64> = ["contribution.n", "contribution.c"]
                .iter()
                .flat_map(|name| {
                    here.rows
                        .columns()
                        .column(name)
                        .unwrap()
                        .f64()
                        .unwrap()
                        .iter()
                        .flatten()
                        .collect::<Vec<_>>()
                })
                .collect();
            for row in 0..rows {
                let total = shares[row] + shares[rows + row];
                assert!(
                    total == 0.0 || (total - 1.0).abs() < 1e-9,
                    "{} {row}: {total}",
                    detector.name
                );
            }
            let (fitted, afar) =
                (local.fit(request()).await.unwrap(), remote.fit(request()).await.unwrap());
            assert!(fitted.model == afar.model, "{} {rows}", detector.name);
            let table = request().table;
            let scored = local.score(&fitted.model, table.clone()).await.unwrap();
            assert_same_tables(
                &scored.rows,
                &remote.score(&fitted.model, table.clone()).await.unwrap().rows,
            );
            // A row alone is scored as among others.
            let alone = local.score(&fitted.model, table.slice(rows - 1, 1)).await.unwrap();
            assert_same_tables(&alone.rows, &scored.rows.slice(rows - 1, 1));
            if detector.row_wise {
                assert_same_tables(&scored.rows, &here.rows);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classification_engine_refuses_what_it_can_not_do() {
    let (_server, engines) = classification_engines().await;
    for engine in engines {
        let error = engine.classify(classify_request("Gowr", 5)).await.unwrap_err();
        assert_eq!(
            (error.code, error.violations[0].path.as_str()),
            (Code::InvalidSettings, "classification.engine")
        );
        let mut request = classify_request("Gower", 5);
        request.settings.parameters.insert("nNeighbours".into(), 3.into());
        let error = engine.classify(request).await.unwrap_err();
        assert!(error.message.contains("nNeighbors"), "{error}");
        let junk = Model(b"no model at all".to_vec().into());
        let error = engine.score(&junk, classify_request("HBOS", 5).table).await.unwrap_err();
        assert_eq!(error.code, Code::InvalidRequest);
    }
}
