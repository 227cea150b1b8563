//! Reports of a stream: at intervals, one of what was judged since the one before.
//!
//! A report is a view of results, which are in the outputs: its rows wait in memory, and those of a process that is killed are
//! in no report.

mod kept;
mod publish;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anomal_core::{
    Batch,
    proto::{Column, Plan},
    words,
};
use anomal_dataflow::Source;
use anomal_spec::{AnomalyJob, AnomalyJobSpec, seconds};
use polars::prelude::DataFrame;

use self::kept::KeptRows;
use crate::{
    compile::written_columns, operators::classify::ScoringReport, options::Options,
    publish::ReportTarget, roles::ColumnRoles,
};

/// What a report says of columns.
pub(crate) struct ReportColumns {
    plan: Arc<Plan>,
    /// Those of the input.
    columns: Vec<Column>,
    roles: ColumnRoles,
    /// The columns of the input as they are written, without rows.
    written: DataFrame,
}

impl ReportColumns {
    /// Of a source whose columns are selected.
    pub fn new(spec: &AnomalyJobSpec, source: &dyn Source, plan: &Arc<Plan>) -> Self {
        let (written, columns) = written_columns(source);
        Self {
            columns,
            roles: ColumnRoles::resolve(spec, source.schema(), plan),
            plan: Arc::clone(plan),
            written,
        }
    }
}

/// The reports of a process.
pub(super) struct Reports {
    job: AnomalyJob,
    target: ReportTarget,
    every: Duration,
    next: Mutex<NextReport>,
}

/// What the next report is of.
struct NextReport {
    /// None: nothing was judged.
    columns: Option<Arc<ReportColumns>>,
    rows: KeptRows,
    rejected: u64,
    /// By filter.
    filtered: BTreeMap<String, u64>,
    /// The last model by which rows were scored.
    scoring: ScoringReport,
    since: Instant,
    /// Rows could not be kept.
    failed: bool,
}

impl Default for NextReport {
    fn default() -> Self {
        Self {
            columns: None,
            rows: KeptRows::default(),
            rejected: 0,
            filtered: BTreeMap::new(),
            scoring: ScoringReport::default(),
            since: Instant::now(),
            failed: false,
        }
    }
}

impl Reports {
    /// None: the job makes none.
    pub fn for_job(job: &AnomalyJob, options: &Options) -> Option<Arc<Self>> {
        let target = options.report.clone()?;
        let every = job.spec.report.as_ref()?.every.as_deref().and_then(seconds)?;
        let (job, every) = (job.clone(), Duration::from_secs(every));
        Some(Arc::new(Self { job, target, every, next: Mutex::default() }))
    }

    /// Makes them until it is dropped.
    pub async fn run(&self) -> Infallible {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first one is due at once.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.publish().await;
        }
    }

    /// Makes one of what was judged since the one before, if there is anything. A failure is a warning.
    pub async fn publish(&self) {
        let next = std::mem::take(&mut *self.next());
        let (Some(columns), false) = (next.columns.clone(), next.failed) else { return };
        let judged = words::rows(next.rows.judged());
        match publish::publish(&self.job, &self.target, next, columns).await {
            Ok(report) => {
                let place = if report.url.is_empty() { &report.id } else { &report.url };
                tracing::info!("a report of {judged} is stored: {place}");
            }
            Err(error) => {
                tracing::warn!("{judged} are in no report, but in the outputs: {error}");
            }
        }
    }

    fn next(&self) -> MutexGuard<'_, NextReport> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way of a judge's rows to the reports.
pub(super) struct Reporting {
    reports: Arc<Reports>,
    columns: Arc<ReportColumns>,
}

impl Reporting {
    pub fn new(reports: &Arc<Reports>, columns: &Arc<ReportColumns>) -> Self {
        Self { reports: Arc::clone(reports), columns: Arc::clone(columns) }
    }

    /// Rows with features, scores and results.
    pub fn add(&self, batch: &Batch, scoring: Option<&ScoringReport>) {
        let mut next = self.reports.next();
        next.columns.get_or_insert_with(|| Arc::clone(&self.columns));
        if let Some(scoring) = scoring {
            next.scoring = Arc::clone(scoring);
        }
        if next.failed {
            return;
        }
        if let Err(error) = next.rows.add(batch) {
            tracing::warn!("rows can't be kept for the next report, which is left out: {error}");
            next.failed = true;
        }
    }

    /// Rows without results.
    pub fn count(&self, rejected: u64, filtered: &BTreeMap<String, u64>) {
        let mut next = self.reports.next();
        next.rejected += rejected;
        for (name, rows) in filtered {
            *next.filtered.entry(name.clone()).or_default() += rows;
        }
    }
}
