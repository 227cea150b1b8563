//! A classification engine in another language: the Python example, through the gRPC interface.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use anomal_classification::RemoteClassificationEngine;
use anomal_core::{
    ClassificationEngine, ClassifyRequest, Code, Model, Table,
    proto::{FeatureColumn, FeatureKind},
};
use anomal_spec::{Classification, EXTERNAL, RemoteEngine};
use anomal_tests::{Workspace, assert_same_tables, repository};
use polars::prelude::df;

/// The example's server; killed when dropped.
struct ExternalServer {
    child: Child,
    address: String,
}

impl ExternalServer {
    fn start() -> Self {
        let python = std::env::var("ANOMAL_TEST_PYTHON")
            .expect("ANOMAL_TEST_PYTHON: a Python with the example's requirements; `cargo xtask test` makes one");
        let mut child = Command::new(python)
            .args(["-m", "external_engine", "--listen", "127.0.0.1:0"])
            .current_dir(repository().join("examples/external-engine"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the engine starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its output")).lines();
        let listening = |line: std::io::Result<String>| {
            line.ok()?.split_once("listening on ").map(|(_, address)| address.trim().to_owned())
        };
        let address = lines.by_ref().find_map(listening).expect("its address");
        // Keeps reading, so that the server never blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: format!("http://{address}") }
    }

    async fn connect(&self) -> RemoteClassificationEngine {
        let endpoints = vec![self.address.clone()];
        let settings = RemoteEngine { endpoints, ..RemoteEngine::default() };
        RemoteClassificationEngine::connect(&settings).await.unwrap()
    }
}

impl Drop for ExternalServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request(detector: &str, rows: usize) -> ClassifyRequest {
    let numbers: Vec<Option<f64>> =
        (0..rows).map(|row| (row % 17 != 0).then(|| (row * row % 101) as f64)).collect();
    let names: Vec<Option<String>> =
        (0..rows).map(|row| (row % 23 != 0).then(|| format!("c\u{e4}{}", row % 5))).collect();
    let feature = |name: &str, kind: FeatureKind, weight: f64| FeatureColumn {
        name: name.into(),
        kind: kind.into(),
        weight,
        origin: format!("field {name}"),
        ..FeatureColumn::default()
    };
    let mut settings = Classification { engine: EXTERNAL.into(), ..Classification::default() };
    settings.parameters.insert("detector".into(), detector.into());
    let numbers = (0..rows as u64).map(|row| row * 2).zip(numbers);
    let (places, numbers): (Vec<u64>, Vec<Option<f64>>) = numbers.unzip();
    ClassifyRequest {
        settings,
        features: vec![
            feature("n", FeatureKind::Numeric, 1.0),
            feature("c", FeatureKind::Categorical, 2.0),
        ],
        table: Table::new(places, df!("n" => numbers, "c" => names).unwrap()).unwrap(),
        progress: anomal_core::FitProgress::NONE,
    }
}

/// The part of the contract that holds for any engine: rows come back by number with a score, a rank, a verdict and
/// shares; equal requests have equal responses; a model gives a row the same score alone and among others.
#[tokio::test(flavor = "multi_thread")]
async fn passes_the_contract() {
    let server = ExternalServer::start();
    let engine = server.connect().await;
    let detectors = engine.list_detectors().await.unwrap();
    assert!(
        detectors.iter().any(|detector| detector.row_wise)
            && detectors.iter().any(|detector| !detector.row_wise)
    );
    for detector in &detectors {
        for rows in [1, 2, 3, 700] {
            let done = engine.classify(request(&detector.name, rows)).await.unwrap();
            assert_eq!(done.rows.rows(), request(&detector.name, rows).table.rows());
            let columns = done.rows.columns().columns().iter();
            let names: Vec<&str> = columns.map(|column| column.name().as_str()).collect();
            let expected =
                ["score", "rank", "cluster", "suspicious", "contribution.n", "contribution.c"];
            assert_eq!(names, expected);
            assert_same_tables(
                &done.rows,
                &engine.classify(request(&detector.name, rows)).await.unwrap().rows,
            );
            let share =
                |name: &str| done.rows.columns().column(name).unwrap().f64().unwrap().clone();
            let shares = share("contribution.n") + share("contribution.c");
            assert!(shares.iter().flatten().all(|sum| sum == 0.0 || (sum - 1.0).abs() < 1e-9));
            if detector.row_wise {
                let fitted = engine.fit(request(&detector.name, rows)).await.unwrap();
                let table = request(&detector.name, rows).table;
                let scored = engine.score(&fitted.model, table.clone()).await.unwrap();
                assert_same_tables(&scored.rows, &done.rows);
                let alone = engine.score(&fitted.model, table.slice(rows - 1, 1)).await.unwrap();
                assert_same_tables(&alone.rows, &scored.rows.slice(rows - 1, 1));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_wrong_requests() {
    let server = ExternalServer::start();
    let engine = server.connect().await;
    let error = engine.classify(request("Nonesuch", 5)).await.unwrap_err();
    assert_eq!(error.code, Code::InvalidSettings, "{error:?}");
    let mut wrong = request("LocalOutlierFactor", 5);
    wrong.settings.parameters.insert("nNeighbours".into(), 3.into());
    let error = engine.classify(wrong).await.unwrap_err();
    assert_eq!(error.violations[0].path, "classification.parameters.nNeighbours");
    assert!(error.message.contains("nNeighbors"), "{error}");
    let junk = Model::new("no model at all");
    let error = engine.score(&junk, request("Mahalanobis", 5).table).await.unwrap_err();
    assert_eq!(error.code, Code::InvalidRequest, "{error:?}");
}

/// The example's own job, and a saved model.
#[test]
fn job_uses_the_external_engine() {
    let server = ExternalServer::start();
    let examples = repository().join("examples");
    let job = std::fs::read_to_string(examples.join("external-engine/job.yaml")).unwrap();
    let job = job.replace("http://127.0.0.1:7412", &server.address).replace("../dns/", "");
    let csv = std::fs::read(examples.join("dns/dns.csv")).unwrap();
    let workspace = Workspace::with_files(&[("dns.csv", &csv), ("job.yaml", job.as_bytes())]);
    workspace.anomal(&["run", "job.yaml"]).expect(0, &["suspicious by LocalOutlierFactor"]);
    let evaluate = ["evaluate", "results.csv", "--label", "label", "--json"];
    let output = workspace.anomal(&evaluate);
    let metrics: serde_json::Value = serde_json::from_str(&output.expect(0, &[]).stdout).unwrap();
    assert!(metrics["precisionAtN"]["value"].as_f64() > Some(0.3), "{metrics}");

    let mahalanobis = job.replace("detector: LocalOutlierFactor", "detector: Mahalanobis");
    let mahalanobis = mahalanobis.replace("    nNeighbors: 30\n", "");
    workspace.write("m.yaml", mahalanobis.as_bytes());
    workspace.anomal(&["fit", "m.yaml", "--model", "m.anomal", "--output", "a.csv"]).expect(0, &[]);
    workspace
        .anomal(&["score", "m.yaml", "--model", "m.anomal", "--output", "b.csv"])
        .expect(0, &[]);
    assert_eq!(workspace.read("a.csv"), workspace.read("b.csv"));

    let address = server.address.clone();
    drop(server);
    workspace.anomal(&["run", "job.yaml"]).expect(4, &[address.trim_start_matches("http://")]);
    let nowhere =
        job.lines().filter(|line| !line.contains("endpoint:")).collect::<Vec<_>>().join("\n");
    workspace.write("nowhere.yaml", nowhere.as_bytes());
    workspace.anomal(&["run", "nowhere.yaml"]).expect(2, &["`endpoint` is where the server"]);
}
