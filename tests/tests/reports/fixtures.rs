//! A report to publish, and engines to publish it to.

use std::{path::PathBuf, sync::Arc};

use anomal_core::{
    PublishRequest, ReportEngine, Table,
    proto::{
        Column, DataType, ExportFormat, ExportReportRequest, FeatureColumn, FeatureKind, Report,
        Severity, report::FlagCount,
    },
};
use anomal_report::{LocalReportEngine, RemoteReportEngine, Store};
use anomal_spec::RemoteEngine;
use anomal_tests::{Engine, Workspace};
use futures::TryStreamExt;
use polars::prelude::df;

pub const ROWS: u64 = 400;

/// The rows of a finished job in a temporary folder.
pub struct ReportFixture {
    workspace: Workspace,
}

impl ReportFixture {
    /// Runs a job on payments with a few outliers, some of which are flagged.
    pub fn new() -> Self {
        let workspace = Workspace::default();
        let mut csv = String::from("name,amount\n");
        for row in 0..ROWS {
            let amount = if row.is_multiple_of(100) { 9_000 + row } else { 10 + row % 37 };
            csv += &format!("n{},{amount}\n", row % 5);
        }
        workspace.write("in.csv", csv.as_bytes());
        let job = "input: {csv: {path: in.csv}}\n\
            features:\n  - {type: field, name: amount}\n  - {type: field, name: name, kind: categorical}\n\
            flags:\n  - {type: direct, name: much, expression: amount > 9100, severity: high}\n\
            classification: {engine: HBOS, threshold: {method: contamination, value: 0.01}}\n\
            outputs:\n  - parquet: {path: rows.parquet, include: [features, contributions]}\n";
        workspace.write("job.yaml", job.as_bytes());
        workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
        Self { workspace }
    }

    pub fn rows(&self) -> PathBuf {
        self.workspace.path("rows.parquet")
    }

    pub fn request(&self) -> PublishRequest {
        let column = |name: &str, data_type: DataType| Column {
            name: name.into(),
            data_type: data_type.into(),
        };
        let feature = |name: &str, kind: FeatureKind| FeatureColumn {
            name: name.into(),
            kind: kind.into(),
            weight: 1.0,
            origin: format!("field {name}"),
            ..FeatureColumn::default()
        };
        let much = FlagCount {
            name: "much".into(),
            severity: Severity::High.into(),
            description: "A large amount".into(),
            message: "{count} large amounts".into(),
            rows: 2,
        };
        let hits = df!("flag" => ["much", "much"], "value" => ["9200", "=9300"]).unwrap();
        PublishRequest {
            report: Report {
                job: "payments".into(),
                namespace: "shop".into(),
                input: "in.csv".into(),
                rows: ROWS,
                results: ROWS,
                suspicious: 4,
                flagged: 2,
                engine: "HBOS".into(),
                flags: vec![much],
                columns: vec![
                    column("name", DataType::String),
                    column("amount", DataType::Integer),
                ],
                features: vec![
                    feature("amount", FeatureKind::Numeric),
                    feature("name", FeatureKind::Categorical),
                ],
                ..Report::default()
            },
            analysis: None,
            rows: self.rows(),
            hits: Table::new(vec![200, 300], hits).unwrap(),
            incidents: None,
            time_to_live: None,
        }
    }
}

/// An engine in this process and one behind a server, each with its own folder.
pub struct EnginePair {
    _server: Engine,
    pub folders: [Workspace; 2],
    pub engines: [Arc<dyn ReportEngine>; 2],
}

impl EnginePair {
    pub async fn new() -> Self {
        let folders = [Workspace::default(), Workspace::default()];
        let local = LocalReportEngine::new(open(&folders[0]), "");
        let server = serve(&folders[1].folder.path().display().to_string());
        let remote = connect(&server).await;
        Self { _server: server, folders, engines: [Arc::new(local), remote] }
    }
}

pub fn open(folder: &Workspace) -> Store {
    Store::open(&folder.folder.path().display().to_string()).unwrap()
}

pub fn serve(store: &str) -> Engine {
    Engine::start_with("anomal-report-engine", &["--store", store, "--web-listen", "127.0.0.1:0"])
}

pub async fn connect(server: &Engine) -> Arc<dyn ReportEngine> {
    Arc::new(RemoteReportEngine::connect(&endpoint(server), None).await.unwrap())
}

pub fn endpoint(server: &Engine) -> RemoteEngine {
    RemoteEngine { endpoints: vec![server.address.clone()], ..RemoteEngine::default() }
}

pub fn export(id: &str, format: ExportFormat) -> ExportReportRequest {
    let id = id.to_owned();
    ExportReportRequest { id, format: format.into(), ..ExportReportRequest::default() }
}

pub async fn bytes(engine: &dyn ReportEngine, request: ExportReportRequest) -> Vec<u8> {
    let pieces = engine.export(request).await.unwrap();
    let pieces: Vec<_> = pieces.try_collect().await.unwrap();
    assert!(pieces.iter().all(|piece| piece.len() <= 1 << 20));
    pieces.concat()
}
