//! A run: compile, execute, commit, summarise.

use std::{sync::Arc, time::Instant};

use anomal_connectors::{ConnectorRegistry, TypeFindings};
use anomal_core::{
    ClassificationEngine, FeatureEngine, Result,
    proto::{Analysis, Plan},
};
use anomal_dataflow::{WriteOutcome, execute};
use anomal_spec::AnomalyJob;
use anomal_storage::Secrets;
use tracing::Instrument;

use crate::{
    compile::{CompiledJob, compile},
    monitor::RunMonitor,
    operators::classify::Scoring,
    original::OriginalFiles,
    progress::{Observer, Stage},
    publish::ReportTarget,
    restart,
    summary::{Clock, Parts, PublishedReport, Summary},
    tally::Tally,
};

/// Where the work is done.
#[derive(Clone)]
pub struct Engines {
    pub feature: Arc<dyn FeatureEngine>,
    pub classification: Arc<dyn ClassificationEngine>,
}

/// How a job is run, beside its settings.
#[derive(Clone)]
pub struct Options {
    pub observer: Arc<dyn Observer>,
    /// The drivers of inputs and outputs.
    pub connectors: ConnectorRegistry,
    /// The original's extra files.
    pub original: Option<OriginalFiles>,
    /// Suspects in the summary.
    pub suspects: usize,
    /// Whether rows are written where the settings name no output.
    pub results: bool,
    /// Where the report goes, if one is made.
    pub report: Option<ReportTarget>,
    /// The secrets that inputs and outputs name.
    pub secrets: Secrets,
    /// Which of the job's runs it is; derived from the settings and the records where it is not given.
    pub run: Option<String>,
    /// The Kubernetes namespace of the job, in a cluster.
    pub namespace: Option<String>,
    /// Bytes that rows which wait for a whole-table step may use; three quarters of the machine or cgroup by default.
    pub memory: Option<u64>,
}

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
    let CompiledJob { graph, executor, mut plan, columns, scoring, draft } = compiled;

    let tally = Tally::new(&plan, options.suspects, draft.is_some());
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
    if let Some(target) = saved_model(job).filter(|_| scoring.get().is_some()) {
        // Before that of a report.
        outputs.insert(0, WriteOutcome::new(target, tally.rows));
    }
    if draft.is_some() {
        // The last sink is the report's, and its file is not an output of the job.
        outputs.pop();
    }

    let scoring = scoring.get().cloned();
    let dead_letter = (dead_letters.rows > 0).then_some(dead_letters);
    let hits = tally.hits.take();
    let parts = Parts { statistics, tally, outputs, dead_letter };
    let mut summary = Summary::new(job, &plan, parts, scoring.as_ref(), clock)?;
    let (notes, input) = restart::report(&job.spec, &findings);
    summary.add_input(notes, input);
    let analysis = scoring.map(|Scoring { analysis, .. }| analysis);
    if let Some(draft) = draft {
        observer.stage(Stage::Publish);
        let since = Instant::now();
        let publish = draft.publish(
            job,
            columns,
            &plan,
            &summary,
            analysis.clone(),
            hits.unwrap_or_default(),
        );
        let report = publish.instrument(Stage::Publish.span()).await?;
        summary.published(PublishedReport { id: report.id, url: report.url }, since);
    }
    Ok(Outcome { summary, plan: Arc::unwrap_or_clone(plan), analysis })
}

fn saved_model(job: &AnomalyJob) -> Option<String> {
    job.spec.classification.as_ref()?.model.as_ref()?.save.clone()
}
