//! A run's report: the rows and figures that the report engine gets.

use std::{sync::Arc, time::Duration};

use anomal_connectors::{ReportInfo, create_report_table};
use anomal_core::{
    Error, Hit, PublishRequest, ReportEngine, Result, Table,
    proto::{Analysis, Column, ColumnRoles, Plan, Report, report},
};
use anomal_dataflow::Sink;
use anomal_spec::{
    AnomalyJob, AnomalyJobSpec, Include, Input, InputDriver, ParquetOutput, without_query,
};
use polars::prelude::{Column as Values, DataFrame};
use tempfile::TempDir;

use crate::{report_incidents::ReportIncidents, summary::Summary};

/// Hits of a flag that a report stores with their values; all are counted, and in its table.
const HITS: u64 = 100_000;

/// Where a run's report goes.
#[derive(Clone)]
pub struct ReportTarget {
    pub engine: Arc<dyn ReportEngine>,
    /// The Kubernetes namespace of the job; empty outside of a cluster.
    pub namespace: String,
    /// Where its pages are, such as `https://anomal.example`, if that is known.
    pub address: Option<String>,
}

/// What a report has beside its rows and figures.
pub(crate) struct ReportParts {
    pub analysis: Option<Analysis>,
    pub hits: ReportHits,
    pub roles: ColumnRoles,
    /// None where rows are not grouped.
    pub grouped: Option<ReportIncidents>,
}

/// The rows of a report that is being made.
pub(crate) struct Draft<'a> {
    publishing: &'a ReportTarget,
    /// Chosen before it is made, so that outputs can refer to it.
    id: String,
    /// Removed when it is dropped.
    folder: TempDir,
}

impl<'a> Draft<'a> {
    /// # Errors
    /// `Output` if there is no room for temporary files.
    pub fn new(publishing: &'a ReportTarget) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("anomal-report-").tempdir();
        let folder = folder.map_err(|error| {
            let message = format!("cannot store the rows of the report in the temporary folder: {error}; free some space there, or set TMPDIR to a \
                 folder with more space");
            Error::new(anomal_core::Code::Output, "TEMPORARY", message)
        })?;
        Ok(Self { publishing, id: uuid::Uuid::now_v7().to_string(), folder })
    }

    /// What outputs may say about it.
    pub fn info(&self) -> ReportInfo {
        ReportInfo { id: self.id.clone(), address: self.publishing.address.clone() }
    }

    fn rows(&self) -> std::path::PathBuf {
        self.folder.path().join("rows.parquet")
    }

    /// An output for all rows with features, contributions and what they are about.
    pub fn sink(&self) -> Result<Box<dyn Sink>> {
        let path = self.rows().to_string_lossy().into_owned();
        let include = vec![Include::Features, Include::Contributions];
        create_report_table(&ParquetOutput { include, ..ParquetOutput::new(path) })
    }

    /// # Errors
    /// Those of the report engine.
    pub async fn publish(
        self,
        job: &AnomalyJob,
        columns: Vec<Column>,
        plan: &Plan,
        summary: &Summary,
        parts: ReportParts,
    ) -> Result<Report> {
        let ReportParts { analysis, hits, roles, grouped } = parts;
        let settings = job.spec.report.clone().unwrap_or_default();
        let keep = settings.keep.as_deref().map(seconds).transpose()?;
        let (counts, incidents) =
            grouped.map(|grouped| (grouped.counts, grouped.incidents)).unzip();
        let report = Report {
            id: self.id.clone(),
            incidents: counts,
            roles: Some(roles),
            namespace: self.publishing.namespace.clone(),
            columns: keys_first(columns, &job.spec),
            title: settings.title.unwrap_or_default(),
            ..figures(job, plan, summary)
        };
        let request = PublishRequest {
            report,
            analysis,
            rows: self.rows(),
            hits: hits.into_table(plan)?,
            incidents,
            time_to_live: keep.map(Duration::from_secs),
        };
        self.publishing.engine.publish(request).await
    }
}

/// The columns that say which record it is before the others.
fn keys_first(mut columns: Vec<Column>, spec: &AnomalyJobSpec) -> Vec<Column> {
    let last = spec.row_keys().count();
    let place = |column: &Column| spec.row_keys().position(|key| *key == column.name);
    // Stable: the others stay in order.
    columns.sort_by_key(|column| place(column).unwrap_or(last));
    columns
}

fn seconds(keep: &str) -> Result<u64> {
    anomal_spec::seconds(keep).ok_or_else(|| {
        Error::settings("report.keep", "DURATION", "a number with s, m, h, d or w, such as 30d")
    })
}

fn figures(job: &AnomalyJob, plan: &Plan, summary: &Summary) -> Report {
    let filters = summary
        .filters
        .iter()
        .map(|filter| report::FilterCount { name: filter.name.clone(), rows: filter.rows });
    let flags = summary.flags.iter().zip(&plan.flags).map(|(flag, planned)| report::FlagCount {
        name: flag.name.clone(),
        severity: planned.severity,
        description: flag.description.clone(),
        message: flag.message.clone(),
        rows: flag.rows,
    });
    Report {
        job: summary.job.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        input: input(&job.spec.input),
        rows: summary.rows,
        rejected: summary.rejected,
        filtered: summary.filtered,
        results: summary.results,
        suspicious: summary.suspicious,
        flagged: summary.flagged,
        filters: filters.collect(),
        flags: flags.collect(),
        engine: summary.engine.clone().unwrap_or_default(),
        threshold: summary.threshold.clone().unwrap_or_default(),
        features: plan.features.clone(),
        diagnostics: summary.diagnostics.clone(),
        duration_seconds: summary.duration_seconds,
        ..Report::default()
    }
}

fn input(input: &Input) -> String {
    let Some(driver) = input.driver() else { return String::new() };
    if let InputDriver::Elasticsearch(server) = driver {
        return server.index.clone();
    }
    match driver.path() {
        Some("-") => "standard input".to_owned(),
        // Folders mean nothing beyond the machine that ran it.
        Some(path) => {
            let path = without_query(path);
            path.rsplit('/').next().unwrap_or(path).to_owned()
        }
        None => String::new(),
    }
}

/// The hits of the rows that were written, up to a number for each flag.
#[derive(Debug, Default)]
pub(crate) struct ReportHits {
    counts: Vec<u64>,
    hits: Vec<Hit>,
}

impl ReportHits {
    pub fn add(&mut self, hits: &[Hit]) {
        for hit in hits {
            if self.counts.len() <= hit.flag {
                self.counts.resize(hit.flag + 1, 0);
            }
            self.counts[hit.flag] += 1;
            if self.counts[hit.flag] <= HITS {
                self.hits.push(hit.clone());
            }
        }
    }

    fn into_table(mut self, plan: &Plan) -> Result<Table> {
        self.hits.sort_by_key(|hit| (hit.flag, hit.row));
        let name = |hit: &Hit| plan.flags.get(hit.flag).map(|flag| flag.name.as_str());
        let names: Vec<Option<&str>> = self.hits.iter().map(name).collect();
        let values: Vec<&str> = self.hits.iter().map(|hit| hit.value.as_ref()).collect();
        let columns = vec![Values::new("flag".into(), names), Values::new("value".into(), values)];
        let rows = self.hits.iter().map(|hit| hit.row).collect();
        Table::new(rows, DataFrame::new(self.hits.len(), columns)?)
    }
}
