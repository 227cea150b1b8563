//! The contract of an engine: the engine in this process and the one behind a server give the same results,
//! and the same errors.

use std::sync::{Arc, Mutex};

use anomal_classification::{LocalClassificationEngine, RemoteClassificationEngine};
use anomal_core::{
    Cancel, ClassificationEngine, ClassifyRequest, Code, Error, ExtractRequest, FeatureEngine,
    FeatureSettings, FitProgress, FitStep, Model, PlanRequest, Scope, Table,
    proto::{Column, DataType, FeatureColumn, FeatureKind},
};
use anomal_feature::{LocalFeatureEngine, RemoteFeatureEngine};
use anomal_spec::{Classification, RemoteEngine};
use anomal_tests::{Engine, RunOutput, Workspace, assert_same_tables, repository};
use futures::{StreamExt, stream};
use polars::prelude::{BooleanChunked, Int64Chunked, IntoColumn, NewChunkedArray, TimeUnit, df};

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
    let column = |name: &str, kind: DataType| Column { name: name.into(), data_type: kind.into() };
    let schema = vec![
        column("name", DataType::String),
        column("bytes", DataType::Integer),
        column("unused", DataType::Float),
    ];
    PlanRequest { settings, schema, times: Vec::new() }
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
    assert!(plan.global);
    let names: Vec<&str> = plan.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["name", "bytes"]);
    for scope in [Scope::Row, Scope::Global] {
        let request = ExtractRequest {
            settings: plan.settings.as_str().into(),
            columns: plan.columns.clone(),
            scope,
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

/// Aggregates, an expression that reads one, a flag that reads both, and one over a window. `keyed`: whether the caller has their states.
fn aggregates_request(keyed: bool) -> PlanRequest {
    let settings = settings(serde_json::json!({
        "timeColumn": "t",
        "features": [
            {"type": "expression", "name": "initial", "expression": "substr(name, 1, 2)", "kind": "categorical"},
            {"type": "aggregate", "name": "seen", "function": "count", "by": ["initial"], "window": "1m"},
            {"type": "aggregate", "name": "most", "function": "max", "of": "seen", "where": "bytes > 100"},
            {"type": "expression", "name": "share", "expression": "seen * 1.0 / most"},
        ],
        "packs": ["dns"],
        "flags": [
            {"type": "direct", "name": "many", "expression": "seen > 3 AND share < 0.5", "severity": "low"},
            {"type": "aggregation", "name": "query_type_rare", "dataNeeded": ["name"], "params": {"maxShare": 0.05},
             "window": "1m"},
        ],
        "keyed": keyed,
    }));
    let mut request = plan_request(&serde_json::json!([]));
    request.settings = settings;
    request.schema.push(Column { name: "t".into(), data_type: DataType::Datetime.into() });
    request
}

/// Times go backwards by a second, and some are missing.
fn records_with_times() -> Table {
    let records = records();
    let times = (0..500).map(|row: i64| (row % 29 != 0).then_some((1_000 - row) * 1_000_000));
    let times = Int64Chunked::from_iter_options("t".into(), times);
    let times = times.into_datetime(TimeUnit::Microseconds, None).into_column();
    let columns = records.columns().hstack(&[times]).unwrap();
    records.with_columns(columns).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_over_keys_and_time_are_the_same_in_an_engine_and_in_the_run() {
    let (_server, [local, remote]) = feature_engines().await;
    let in_engine = local.plan(aggregates_request(false)).await.unwrap();
    assert!(in_engine.global && in_engine.keyed.is_none());
    let in_run = local.plan(aggregates_request(true)).await.unwrap();
    assert_eq!(in_run, remote.plan(aggregates_request(true)).await.unwrap());
    assert!(!in_run.global);
    assert_eq!(in_run.features, in_engine.features);
    let keyed = in_run.keyed.as_ref().unwrap();
    assert_eq!(
        (&keyed.features[..], &keyed.columns[..]),
        (&["initial".to_owned()][..], &["bytes", "name", "t"].map(str::to_owned)[..])
    );

    let extract = |engine: &Arc<dyn FeatureEngine>, scope: Scope, table: Table| {
        let request = ExtractRequest {
            settings: in_engine.settings.as_str().into(),
            columns: in_engine.columns.clone(),
            scope,
            table,
        };
        let engine = Arc::clone(engine);
        async move { engine.extract(request).await.unwrap() }
    };
    let records = records_with_times();
    let of_rows = extract(&local, Scope::Row, records.clone()).await;
    let inputs = of_rows.features.columns().hstack(records.columns().columns()).unwrap();
    let select = |names: Vec<&String>| {
        let names = names.into_iter().map(String::as_str);
        records.with_columns(inputs.select(names).unwrap()).unwrap()
    };
    let table = select(in_engine.global_features.iter().chain(&in_engine.global_columns).collect());
    let expected = extract(&local, Scope::Global, table.clone()).await;
    let there = extract(&remote, Scope::Global, table).await;
    assert_same_tables(&expected.features, &there.features);
    assert!(expected.hits.height() > 0);

    for engine in [local, remote] {
        let table = select(keyed.features.iter().chain(&keyed.columns).collect());
        let cancel = Cancel::default();
        let mut steps = engine.keyed_steps(&in_run).unwrap().unwrap();
        let whole = steps.process(table.clone(), None, &cancel).unwrap();
        assert_same_tables(&expected.features, &whole.features);
        assert_same_tables(&expected.hits, &whole.hits);

        // With a watermark in the middle, and the second half by other steps that continue from a snapshot.
        let watermark = 750_000_000;
        let times = records.columns().column("t").unwrap().to_physical_repr();
        let before =
            times.i64().unwrap().iter().map(|time| time.is_some_and(|time| time <= watermark));
        let before = BooleanChunked::from_iter_values("before".into(), before);
        let mut steps = engine.keyed_steps(&in_run).unwrap().unwrap();
        let first = steps.process(table.filter(&before).unwrap(), Some(watermark), &cancel);
        let mut others = engine.keyed_steps(&in_run).unwrap().unwrap();
        others.restore(&steps.freeze().encode().unwrap()).unwrap();
        let second = others.process(table.filter(&!&before).unwrap(), None, &cancel);
        for (found, rows) in [(first, &before), (second, &!&before)] {
            assert_same_tables(&expected.features.filter(rows).unwrap(), &found.unwrap().features);
        }
        assert!(others.restore(b"damaged").is_err());

        // As the rows arrive, in calls of any size.
        let mut steps = engine.keyed_steps(&in_run).unwrap().unwrap();
        let whole = steps.arrive(table.clone(), None, &cancel).unwrap();
        assert!(whole.hits.height() > 0);
        let (mut features, mut hits) = (None, 0);
        for start in (0..table.height()).step_by(37) {
            let mut others = engine.keyed_steps(&in_run).unwrap().unwrap();
            if start > 0 {
                others.restore(&steps.freeze().encode().unwrap()).unwrap();
            }
            let part = others
                .arrive(table.slice(start, 37.min(table.height() - start)), None, &cancel)
                .unwrap();
            part.features.append_to(&mut features).unwrap();
            hits += part.hits.height();
            steps = others;
        }
        let mut features = features.unwrap();
        features.rechunk();
        assert_same_tables(&whole.features, &features);
        assert_eq!(whole.hits.height(), hits);
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
        let mut errors: Vec<Error> = Vec::new();
        for engine in &engines {
            errors.push(engine.plan(plan_request(&features)).await.unwrap_err());
        }
        assert_eq!(errors[0], errors[1], "the local and the remote error");
        assert_eq!((errors[0].code, errors[0].reason.as_str()), (Code::InvalidSettings, reason));
        assert_eq!(errors[0].violations[0].path, path);
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
        ..FeatureColumn::default()
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
        progress: FitProgress::NONE,
    }
}

/// Row by row, the sum of the features' shares.
fn share_sums(rows: &Table) -> Vec<f64> {
    let share = |name: &str| rows.columns().column(name).unwrap().f64().unwrap().clone();
    (share("contribution.n") + share("contribution.c")).into_no_null_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classification_engine_classifies_fits_and_scores() {
    let (_server, [local, remote]) = classification_engines().await;
    let detectors = local.list_detectors().await.unwrap();
    assert_eq!(detectors, remote.list_detectors().await.unwrap());
    for detector in &detectors {
        for rows in [1, 2, 3, 700] {
            let name = &detector.name;
            let request = || classify_request(name, rows);
            let here = local.classify(request()).await.unwrap();
            let there = remote.classify(request()).await.unwrap();
            assert_same_tables(&here.rows, &there.rows);
            assert!(here.analysis == there.analysis, "{name} {rows}");
            for (row, sum) in share_sums(&here.rows).into_iter().enumerate() {
                let expected = if sum == 0.0 { 0.0 } else { 1.0 };
                assert!((sum - expected).abs() < 1e-9, "{name} {row}: {sum}");
            }
            let fitted = local.fit(request()).await.unwrap();
            assert!(fitted.model == remote.fit(request()).await.unwrap().model, "{name} {rows}");
            let table = request().table;
            let scored = local.score(&fitted.model, table.clone()).await.unwrap().rows;
            let remotely = remote.score(&fitted.model, table.clone()).await.unwrap().rows;
            assert_same_tables(&scored, &remotely);
            // A row alone has the score that it has among others.
            let alone = local.score(&fitted.model, table.slice(rows - 1, 1)).await.unwrap().rows;
            assert_same_tables(&alone, &scored.slice(rows - 1, 1));
            if detector.row_wise {
                assert_same_tables(&scored, &here.rows);
            }
        }
    }
}

/// Both engines tell the same steps, in their order, while they fit.
#[tokio::test(flavor = "multi_thread")]
async fn a_classification_engine_tells_what_it_is_doing() {
    let (_server, engines) = classification_engines().await;
    let mut all = Vec::new();
    for engine in engines {
        let told: Arc<Mutex<Vec<FitStep>>> = Arc::default();
        let progress = || {
            let told = Arc::clone(&told);
            FitProgress::new(move |step| told.lock().unwrap().push(step.clone()))
        };
        let request =
            |name| ClassifyRequest { progress: progress(), ..classify_request(name, 700) };
        engine.classify(request("Ensemble")).await.unwrap();
        engine.fit(request("HBOS")).await.unwrap();
        let steps = std::mem::take(&mut *told.lock().unwrap());
        let words: Vec<&str> = steps.iter().map(|step| step.words.as_str()).collect();
        assert_eq!(words[..2], ["Ensemble", "member 1 of 5 (IsolationForest)"], "{words:?}");
        assert_eq!(words[words.len() - 2..], ["HBOS", "scores"], "{words:?}");
        let counted: Vec<&FitStep> = steps.iter().filter(|step| step.steps > 0).collect();
        assert!(counted.iter().all(|step| step.done < step.steps), "{counted:?}");
        // Half of the way is fitted, and the rest scored.
        let share = |step: &&FitStep| step.done as f64 / step.steps as f64;
        let shares: Vec<f64> = counted.iter().map(share).collect();
        assert!(shares.is_sorted(), "{counted:?}");
        let scoring = counted.iter().position(|step| step.words.starts_with("scores by member 1"));
        assert_eq!(shares[scoring.unwrap()], 0.5, "{counted:?}");
        all.push(steps);
    }
    assert_eq!(all[0], all[1]);
}

/// Many small batches over three replicas give the rows of one batch in this process.
#[tokio::test(flavor = "multi_thread")]
async fn every_detector_gives_the_same_rows_on_three_replicas() {
    const ROWS: usize = 700;
    const BATCH: usize = 50;
    let servers: Vec<Engine> =
        (0..3).map(|_| Engine::start("anomal-classification-engine")).collect();
    let endpoints = servers.iter().map(|server| server.address.clone()).collect();
    let settings = RemoteEngine { endpoints, ..RemoteEngine::default() };
    let remote = RemoteClassificationEngine::connect(&settings).await.unwrap();
    let local = LocalClassificationEngine::default();
    for detector in local.list_detectors().await.unwrap() {
        let name = detector.name.as_str();
        let fitted = local.fit(classify_request(name, ROWS)).await.unwrap().model;
        // Three calls, so that each replica fits once.
        for _ in &servers {
            let model = remote.fit(classify_request(name, ROWS)).await.unwrap().model;
            assert!(model == fitted, "{name}");
        }
        let table = classify_request(name, ROWS).table;
        let expected = local.score(&fitted, table.clone()).await.unwrap().rows;
        let batches = (0..ROWS).step_by(BATCH).map(|start| {
            let (remote, fitted, batch) = (&remote, &fitted, table.slice(start, BATCH));
            async move { remote.score(fitted, batch).await.unwrap().rows }
        });
        let batches: Vec<Table> = stream::iter(batches).buffered(6).collect().await;
        let starts = (0..ROWS).step_by(BATCH);
        for (start, batch) in starts.zip(&batches) {
            assert_same_tables(batch, &expected.slice(start, BATCH));
        }
    }
}

/// A run writes the same bytes with every detector, in one process or on replicas, on one thread or two.
#[tokio::test(flavor = "multi_thread")]
async fn every_detector_writes_the_same_bytes_on_replicas() {
    let feature: Vec<Engine> = (0..3).map(|_| Engine::start("anomal-feature-engine")).collect();
    let classification: Vec<Engine> =
        (0..3).map(|_| Engine::start("anomal-classification-engine")).collect();
    let options = |count: usize| -> Vec<String> {
        let option = |name: &'static str, engines: &[Engine]| {
            let addresses = engines[..count].iter().map(|engine| engine.address.clone());
            addresses.flat_map(|address| [name.to_owned(), address]).collect::<Vec<_>>()
        };
        [option("--feature-engine", &feature), option("--classification-engine", &classification)]
            .concat()
    };
    let csv = std::fs::read_to_string(repository().join("examples/dns/dns.csv")).unwrap();
    let csv: Vec<&str> = csv.lines().take(1_201).collect();
    let job = "
input: {csv: {path: dns.csv}}
features: [{type: field, match: '*', except: [id, '@timestamp', label, dns.id, dns.answers.data]}]
classification: {engine: HBOS}
outputs:
  - csv: {path: out.csv, include: [features, contributions]}
  - parquet: {path: out.parquet, include: [features, contributions]}
";
    let files = [("dns.csv", csv.join("\n")), ("job.yaml", job.to_owned())];
    let files = files.each_ref().map(|(name, content)| (*name, content.as_bytes()));
    for detector in LocalClassificationEngine::default().list_detectors().await.unwrap() {
        let workspace = Workspace::with_files(&files);
        let run = |threads: &str, engines: usize| {
            let mut command = workspace.command(&["run", "job.yaml", "--engine", &detector.name]);
            command.args(options(engines));
            command.env("RAYON_NUM_THREADS", threads).env("POLARS_MAX_THREADS", threads);
            RunOutput::from(command.output().unwrap()).expect(0, &["suspicious by"]);
            ["out.csv", "out.parquet"].map(|name| workspace.bytes(name))
        };
        let expected = run("2", 0);
        for (threads, engines) in [("1", 0), ("2", 1), ("1", 3)] {
            let same = run(threads, engines) == expected;
            assert!(same, "{} on {threads} threads and {engines} replicas", detector.name);
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
        let junk = Model::new("no model at all");
        let error = engine.score(&junk, classify_request("HBOS", 5).table).await.unwrap_err();
        assert_eq!(error.code, Code::InvalidRequest);
    }
}
