//! A run: compile, execute, commit, summarise.

use std::{sync::Arc, time::Instant};

use anomal_connectors::TypeFindings;
use anomal_core::{
    Result,
    proto::{Analysis, Plan},
};
use anomal_dataflow::{WriteOutcome, execute};
use anomal_spec::AnomalyJob;
use tracing::Instrument;

use crate::{
    collected,
    compile::{CompiledJob, compile},
    incident_documents,
    monitor::RunMonitor,
    operators::classify::Scoring,
    options::{Engines, Options},
    progress::Stage,
    publish::ReportParts,
    report_incidents, restart,
    summary::{Clock, Parts, PublishedReport, Summary},
    tally::Tally,
};

/// What a run returns beside its outputs.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub summary: Summary,
    pub plan: Plan,
    pub analysis: Option<Analysis>,
}

/// Runs a job whose paths are resolved already. Dropping the future stops it and leaves no file.
///
/// # Errors
/// With the code that says whose fault it is; see [`anomal_core::Code`].
pub async fn run(job: &AnomalyJob, engines: &Engines, options: &Options) -> Result<Outcome> {
    let collected = collected::collect(job, options).await?;
    let job = collected.as_ref().map_or(job, |collected| &collected.job);
    restart::with_wider_types(async |findings| attempt(job, engines, options, findings).await).await
}

async fn attempt(
    job: &AnomalyJob,
    engines: &Engines,
    options: &Options,
    findings: TypeFindings,
) -> Result<Outcome> {
    let observer = options.observer.as_ref();
    let mut clock = Clock::start(observer);
    clock.enter(Stage::Plan);
    let compiled = clock.within(compile(job, engines, options, &findings)).await?;
    let CompiledJob { graph, executor, mut plan, columns, scoring, roles, results, draft, run } =
        compiled;

    let tally = Tally::new(&plan, &job.spec, options.suspects, draft.is_some());
    let mut monitor = RunMonitor { clock, tally };
    let mut execution = execute(graph, &executor, &mut monitor).await?;
    let RunMonitor { clock, mut tally } = monitor;
    restart::drop_flag(&mut plan, &mut tally, &findings);
    if execution.rows_before_results {
        let (indices, names) = tally.records();
        tally.set_records(&execution.read_back(indices, names).await?);
    }

    let statistics = std::mem::take(&mut execution.statistics);
    let (mut outputs, dead_letters) = execution.commit().await?;
    // After the rows that they are of. A run that fails here is completed by the next.
    let incidents = results.incidents()?;
    let described = incidents.as_ref().map_or(&[][..], |found| &found.set.incidents);
    let indexed =
        incident_documents::write(&job.spec, &options.secrets, &run, &roles, described).await?;
    if let Some(target) = saved_model(job).filter(|_| scoring.get().is_some()) {
        // Before that of a report.
        outputs.insert(0, WriteOutcome::new(target, tally.rows));
    }
    if draft.is_some() {
        // The last sink is the report's, and its file is not an output of the job.
        outputs.pop();
    }

    outputs.extend(indexed);
    let scoring = scoring.get().cloned();
    let dead_letter = (dead_letters.rows > 0).then_some(dead_letters);
    let hits = tally.hits.take();
    let parts = Parts { statistics, tally, outputs, dead_letter };
    let mut summary = Summary::new(job, &plan, parts, scoring.as_ref(), clock)?;
    let (notes, input) = restart::report(&job.spec, &findings);
    summary.add_input(notes, input);
    let unused = incidents.as_ref().map_or(&[][..], |incidents| &incidents.unused);
    let report_roles = report_incidents::columns(&roles, unused);
    let grouped = incidents.as_ref().and_then(report_incidents::report);
    if let Some(incidents) = incidents {
        summary.add_incidents(roles, incidents)?;
    }
    let analysis = scoring.map(|Scoring { analysis, .. }| analysis);
    if let Some(draft) = draft {
        observer.stage(Stage::Publish);
        let since = Instant::now();
        let (analysis, hits) = (analysis.clone(), hits.unwrap_or_default());
        let parts = ReportParts { analysis, hits, roles: report_roles, grouped };
        let publish = draft.publish(job, columns, &plan, &summary, parts);
        let report = publish.instrument(Stage::Publish.span()).await?;
        summary.published(PublishedReport { id: report.id, url: report.url }, since);
    }
    Ok(Outcome { summary, plan: Arc::unwrap_or_clone(plan), analysis })
}

fn saved_model(job: &AnomalyJob) -> Option<String> {
    job.spec.classification.as_ref()?.model.as_ref()?.save.clone()
}
