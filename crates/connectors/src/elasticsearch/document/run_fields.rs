//! The parts of documents that depend on the run alone, encoded once.

use anomal_spec::Include;
use polars::prelude::TimeUnit;
use serde_json::json;

use super::ecs;
use crate::{json_value::push_text, run_info::RunInfo, text};

/// The encoded fields that are the same in all documents of a run.
pub(in crate::elasticsearch) struct RunFields {
    /// The run's id.
    pub run: String,
    /// What documents have beside the three reasons.
    pub include: Vec<Include>,
    pub time_column: Option<String>,
    /// The start of the run, as JSON.
    pub started: Vec<u8>,
    /// The fields that describe Anomal and the job.
    pub observer: Vec<u8>,
    /// The first fields below `anomal`.
    pub ours: Vec<u8>,
    /// The prefix of the URL of a row's page.
    pub page: Option<String>,
}

impl RunFields {
    pub fn new(run: &RunInfo, include: &[Include]) -> Self {
        let mut started = Vec::new();
        push_text(&mut started, &text::instant(run.started, TimeUnit::Microseconds));
        let mut observer = json!({
            "ecs": {"version": ecs::VERSION},
            "observer": {"vendor": "Anomal", "product": "anomal", "version": env!("CARGO_PKG_VERSION")},
            "labels": {"job": run.job},
        });
        if let Some(namespace) = &run.namespace {
            observer["orchestrator"] = json!({
                "type": "kubernetes",
                "namespace": namespace,
                "resource": {"type": "AnomalyJob", "name": run.job},
            });
        }
        let mut ours = json!({"job": run.job, "run": run.run});
        if let Some(engine) = &run.engine {
            ours["engine"] = engine.as_str().into();
        }
        if let Some(report) = &run.report {
            ours["report"] = report.id.as_str().into();
        }
        let page = run.report.as_ref().and_then(|report| {
            let address = report.address.as_ref()?.trim_end_matches('/');
            Some(format!("{address}/reports/{}/rows/", report.id))
        });
        Self {
            run: run.run.clone(),
            include: include.to_vec(),
            time_column: run.time_column.clone(),
            started,
            observer: inner(&observer),
            ours: inner(&ours),
            page,
        }
    }

    pub fn includes(&self, columns: Include) -> bool {
        self.include.contains(&columns)
    }
}

/// The fields of a JSON object without the braces.
fn inner(object: &serde_json::Value) -> Vec<u8> {
    let text = object.to_string();
    text.trim_start_matches('{').strip_suffix('}').unwrap_or_default().as_bytes().to_vec()
}
