//! Makes a report of rows that were judged.

use std::sync::Arc;

use anomal_core::{
    Result, Statistics, blocking,
    proto::{Diagnostic, Report},
    words::grouped,
};
use anomal_dataflow::Sink;
use anomal_spec::{AnomalyJob, Threshold};
use polars::prelude::DataFrame;

use super::{NextReport, ReportColumns};
use crate::{
    compile::collector,
    operators::results::{AssembleResults, Extras, Incidents},
    progress::Quiet,
    publish::{Draft, ReportParts, ReportTarget},
    report_incidents,
    role_values::RoleValues,
    roles::is_grouped,
    summary::{Clock, FilterSummary, Parts, Summary},
    tally::Tally,
};

/// # Errors
/// Those of the report engine; `Output` if the rows can't be stored.
pub(super) async fn publish(
    job: &AnomalyJob,
    target: &ReportTarget,
    next: NextReport,
    columns: Arc<ReportColumns>,
) -> Result<Report> {
    let draft = Draft::new(target)?;
    let sink = draft.sink()?;
    let (of_job, of_rows) = (job.clone(), Arc::clone(&columns));
    let (summary, parts) = blocking(move |_| built(&of_job, next, &of_rows, sink)).await?;
    draft.publish(job, columns.columns.clone(), &columns.plan, &summary, parts).await
}

/// Writes the rows, and finds what the report says of them.
fn built(
    job: &AnomalyJob,
    next: NextReport,
    columns: &ReportColumns,
    mut sink: Box<dyn Sink>,
) -> Result<(Summary, ReportParts)> {
    let (clock, duration) = (Clock::start(&Quiet), next.since.elapsed());
    let (spec, plan, judged) = (&job.spec, &columns.plan, next.rows.judged());
    let mut batch = next.rows.into_batch()?;
    let is_written = |name: &str| columns.written.column(name).is_ok();
    let incidents = if is_grouped(spec) {
        let values = Arc::new(RoleValues::new(&columns.roles, plan, is_written, None));
        let mut features = batch.features.columns().to_vec();
        features.extend(values.encode(&batch)?);
        batch.features = DataFrame::new(batch.height(), features)?;
        let collector = collector(spec, plan, &columns.roles, &values);
        Some(Incidents::new(collector.for_report(), values, true))
    } else {
        None
    };
    let scoring = Arc::clone(&next.scoring);
    let results = AssembleResults::new(plan, next.scoring, Extras::default(), incidents);
    results.group(&mut batch, judged)?;
    let mut tally = Tally::new(plan, spec, 0, true);
    tally.add(&batch)?;
    sink.write(&batch)?;
    let prepared = sink.prepare(1)?;
    sink.commit(prepared)?;

    let (kept, hits) = (tally.rows, tally.hits.take().unwrap_or_default());
    let statistics = Statistics { read: kept, ..Statistics::default() };
    let parts = Parts { statistics, tally, outputs: Vec::new(), dead_letter: None };
    let mut summary = Summary::new(job, plan, parts, scoring.get(), clock)?;
    let incidents = results.incidents()?;
    let unused = incidents.as_ref().map_or(&[][..], |incidents| &incidents.unused);
    let roles = report_incidents::columns(&columns.roles, unused);
    let grouped_rows = incidents.as_ref().and_then(report_incidents::report);
    if let Some(incidents) = incidents {
        summary.add_incidents(columns.roles.clone(), incidents)?;
    }
    let analysis = scoring.get().map(|scoring| scoring.analysis.clone());

    let filters = next.filtered.into_iter().map(|(name, rows)| FilterSummary { name, rows });
    summary.filters = filters.collect();
    if judged > kept {
        summary.filters.push(FilterSummary { name: "sample".to_owned(), rows: judged - kept });
        summary.diagnostics.push(sampled(judged, &summary));
    }
    summary.filtered = summary.filters.iter().map(|filter| filter.rows).sum();
    summary.rejected = next.rejected;
    summary.rows = summary.rejected + summary.filtered + kept;
    summary.duration_seconds = duration.as_secs_f64();
    let settings = spec.classification.as_ref();
    if let Some(threshold) = settings.and_then(|settings| settings.threshold.as_ref()) {
        summary.threshold = Some(described(threshold));
    }
    Ok((summary, ReportParts { analysis, hits, roles, grouped: grouped_rows }))
}

/// A threshold in words, such as `risk 0.001`.
fn described(threshold: &Threshold) -> String {
    let method = serde_json::to_value(threshold.method).unwrap_or_default();
    let value = threshold.value.map(|value| format!(" {value}")).unwrap_or_default();
    format!("{}{value}", method.as_str().unwrap_or_default())
}

/// That not all rows are in the report.
fn sampled(judged: u64, summary: &Summary) -> Diagnostic {
    let message = format!(
        "of {} rows that were judged, the report has {} that stand out and {} others, evenly spread: what it counts is of these; \
         all are in the outputs",
        grouped(judged),
        grouped(summary.evidence),
        grouped(summary.results - summary.evidence),
    );
    Diagnostic { path: "report".to_owned(), reason: "SAMPLE".to_owned(), message, count: 0 }
}
