//! Runners in two namespaces over gRPC: each publishes in its own namespace and sees nothing of the other.

use std::{
    collections::HashMap,
    io::Write,
    sync::{Arc, Mutex},
};

use anomal_core::{
    Code, Download, Error, PublishRequest, ReportEngine, Result, Table,
    proto::{ExportReportRequest, ListReportsRequest, ListReportsResponse, Report},
};
use anomal_report::{
    RemoteReportEngine,
    access::{Access, Mode, Options},
    grpc,
};
use anomal_rpc::{Admission, ServerArgs, metrics::Metrics, serve_until};
use anomal_spec::RemoteEngine;
use clap::Parser;
use futures::{StreamExt, TryStreamExt, stream};
use tempfile::{NamedTempFile, TempDir};

use crate::fake_api::{FakeApi, now, service_account};

/// An engine that stores manifests only.
#[derive(Default)]
struct ManifestStore(Mutex<HashMap<String, Report>>);

#[tonic::async_trait]
impl ReportEngine for ManifestStore {
    async fn publish(&self, request: PublishRequest) -> Result<Report> {
        let report = request.report;
        self.0.lock().unwrap().insert(report.id.clone(), report.clone());
        Ok(report)
    }

    async fn list(&self, _: ListReportsRequest) -> Result<ListReportsResponse> {
        let mut reports: Vec<_> = self.0.lock().unwrap().values().cloned().collect();
        reports.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(ListReportsResponse { reports, ..ListReportsResponse::default() })
    }

    async fn get(&self, id: &str) -> Result<Report> {
        let found = self.0.lock().unwrap().get(id).cloned();
        found.ok_or_else(|| Error::not_found(format!("there is no report {id}")))
    }

    async fn export(&self, request: ExportReportRequest) -> Result<Download> {
        Ok(stream::iter([Ok(request.id.into_bytes().into())]).boxed())
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.0.lock().unwrap().remove(id);
        Ok(())
    }
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs,
}

/// Starts the service; returns the settings of its endpoint.
async fn server(api: &FakeApi) -> RemoteEngine {
    let folder = TempDir::new().unwrap();
    let port_file = folder.path().join("ports.json");
    let line = ["server", "--listen", "127.0.0.1:0", "--metrics-listen", "off", "--port-file"];
    let line = line.into_iter().chain([port_file.to_str().unwrap()]);
    let args = Arguments::parse_from(line).server;
    let mode = Mode::Kubernetes { client: api.client(), audience: "anomal".to_owned() };
    let access = Access::new(mode, Options::default()).unwrap();
    let metrics = Metrics::new();
    let admission = Admission::new(4, 1 << 20, Arc::clone(&metrics));
    let routes = grpc::routes(Arc::new(ManifestStore::default()), access, admission);
    tokio::spawn(async move {
        serve_until(&args, 0, grpc::SERVICE, routes, metrics, std::future::pending()).await
    });
    let ports = loop {
        match std::fs::read(&port_file) {
            Ok(ports) => break ports,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    };
    let ports: serde_json::Value = serde_json::from_slice(&ports).unwrap();
    let endpoints = vec![format!("http://127.0.0.1:{}", ports["grpc"])];
    RemoteEngine { endpoints, ..RemoteEngine::default() }
}

async fn publish(engine: &RemoteReportEngine, namespace: &str, id: &str) -> Result<Report> {
    let mut rows = NamedTempFile::new().unwrap();
    rows.write_all(b"rows").unwrap();
    let report = Report {
        id: id.to_owned(),
        namespace: namespace.to_owned(),
        job: "payments".to_owned(),
        ..Report::default()
    };
    let hits = Table::new(Vec::new(), polars::prelude::DataFrame::default()).unwrap();
    let rows = rows.path().to_owned();
    let request =
        PublishRequest { report, analysis: None, rows, hits, incidents: None, time_to_live: None };
    engine.publish(request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runner_has_access_to_its_own_namespace_only() {
    let accounts = ["bank", "web"]
        .map(|namespace| service_account(namespace, "runner", "anomal", now() + 3600));
    let tokens = accounts.each_ref().map(|account| account.0.clone());
    let api = FakeApi::start(accounts.to_vec(), Vec::new()).await;
    let settings = server(&api).await;
    // Runners have their token in a file.
    let file = |token: &str| {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), token).unwrap();
        file
    };
    let files = tokens.each_ref().map(|token| file(token));
    let settings_with = |file: &NamedTempFile| RemoteEngine {
        token_file: Some(file.path().display().to_string()),
        ..settings.clone()
    };
    // A token file takes precedence over the environment.
    let bank = RemoteReportEngine::connect(&settings_with(&files[0]), Some("other")).await.unwrap();
    let web = RemoteReportEngine::connect(&settings_with(&files[1]), None).await.unwrap();

    publish(&bank, "bank", "b1").await.unwrap();
    publish(&web, "web", "w1").await.unwrap();
    for foreign in ["web", "", "kube-system"] {
        let error = publish(&bank, foreign, "b2").await.unwrap_err();
        assert_eq!(error.code, Code::PermissionDenied, "{foreign}: {error}");
    }
    let all = ListReportsRequest::default;
    let ids = |listed: ListReportsResponse| {
        listed.reports.into_iter().map(|report| report.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(bank.list(all()).await.unwrap()), ["b1"]);
    assert_eq!(ids(web.list(all()).await.unwrap()), ["w1"]);

    assert_eq!(web.get("b1").await.unwrap_err().code, Code::PermissionDenied);
    assert_eq!(web.delete("b1").await.unwrap_err().code, Code::PermissionDenied);
    let export = |id: &str| ExportReportRequest { id: id.to_owned(), ..Default::default() };
    let error = web.export(export("b1")).await.err().unwrap();
    assert_eq!(error.code, Code::PermissionDenied);

    assert_eq!(bank.get("b1").await.unwrap().job, "payments");
    let pieces: Vec<_> = bank.export(export("b1")).await.unwrap().try_collect().await.unwrap();
    assert_eq!(pieces.concat(), b"b1");
    bank.delete("b1").await.unwrap();
    assert_eq!(bank.get("b1").await.unwrap_err().code, Code::NotFound);

    let error = RemoteReportEngine::connect(&settings, None).await.unwrap_err();
    assert_eq!(error.code, Code::Unauthenticated, "{error}");
}
