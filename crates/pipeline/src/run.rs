//! A run from input to outputs. This page names its steps; each is a module.

use std::{sync::Arc, time::Instant};

use anomal_connectors::{
    DeadLetter, OpenOptions, RunInfo, Sink, Source, WriteOutcome, create, open,
};
use anomal_core::{
    ClassificationEngine, Error, FeatureEngine, FeatureSettings, PlanRequest, Result, Table,
    blocking,
    proto::{Analysis, Plan, StepStatistics},
};
use anomal_spec::{AnomalyJob, AnomalyJobSpec, Classification, Output, TerminalOutput};
use anomal_storage::Secrets;
use tracing::Instrument;

use crate::{
    classify::{Judged, classify},
    drift::Drift,
    extract::{Call, Counts, RowWise},
    files,
    held::Held,
    hits::Hits,
    identity,
    original::OriginalFiles,
    progress::{Observer, Stage},
    publish::{Draft, Found, Publishing},
    reader::Reader,
    results::Results,
    spool::Spool,
    summary::{Clock, Parts, Published, Summary},
    waiting::{AtOutputs, Waiting},
    writer::Finished,
    writing::{Writing, Wrote, unlike},
};

/// Where the work is done.
#[derive(Clone)]
pub struct Engines {
    pub feature: Arc<dyn FeatureEngine>,
    pub classification: Arc<dyn ClassificationEngine>,
}

/// How a run is made, beside its settings.
#[derive(Clone)]
pub struct Options {
    pub observer: Arc<dyn Observer>,
    /// The original's extra files.
    pub original: Option<OriginalFiles>,
    /// Suspects that the summary tells.
    pub suspects: usize,
    /// Whether rows are written where the settings name no output.
    pub results: bool,
    /// Where the report goes, if there is to be one.
    pub report: Option<Publishing>,
    /// Those that inputs and outputs name.
    pub secrets: Secrets,
    /// Which of the job's runs it is; told from the settings and the records where it is not given.
    pub run: Option<String>,
    /// The Kubernetes namespace of the job, in a cluster.
    pub namespace: Option<String>,
    /// Bytes of memory for the rows and tables that the run holds. None: [`anomal_core::MemoryBudget::default_bytes`].
    pub memory: Option<u64>,
}

/// What a run leaves beside its outputs.
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
    let spec = &job.spec;
    let observer = options.observer.as_ref();
    let mut clock = Clock::start(observer);

    clock.enter(Stage::Plan);
    let input = spec.input.clone();
    let opening = OpenOptions { secrets: options.secrets.clone(), ..OpenOptions::default() };
    let mut source = blocking(move |_| open(&input, &opening)).await?;
    let plan = clock.within(plan(spec, engines, source.as_ref())).await?;
    source.select(&plan.columns)?;
    let targets = files::targets(spec);
    files::differ(&targets, source.files())?;
    let columns = source.schema().to_vec();
    let draft = options.report.as_ref().map(Draft::new).transpose()?;
    let about = identity::run_info(job, options, source.as_ref(), draft.as_ref())?;
    let mut sinks = sinks(spec, &plan, options, about).await?;
    sinks.extend(draft.as_ref().map(Draft::sink).transpose()?);
    let (suspects, report) = (options.suspects, draft.is_some());
    let writing = Writing::new(&plan, source.empty(), sinks, suspects, report, observer);

    clock.enter(Stage::Extract);
    let call = Call::new(&engines.feature, &plan);
    let (rejected, auth) = files::dead_letter(spec, &job.metadata.name);
    let rejected = DeadLetter::new(rejected, auth, options.secrets.clone());
    let reader = Reader::start(source, rejected);
    let rows = RowWise::new(reader, call.clone());
    let classification = spec.classification.as_ref().filter(|_| !plan.features.is_empty());

    let ended = if plan.whole_table || classification.is_some() {
        // Whole-table filters take rows that the outputs would have by then.
        let early = writing.is_early() && (spec.filters.is_empty() || !plan.whole_table);
        let waiting = if early {
            Waiting::Outputs(AtOutputs::default())
        } else {
            Waiting::Spool(Spool::new(&files::spool_folder(&targets)))
        };
        let held = Held::new(&plan, classification.is_some(), waiting);
        let all = AllRows { plan: &plan, call, classification, engines };
        all.run(rows, held, writing, &mut clock).await?
    } else {
        clock.within(stream(&plan, rows, writing, observer)).await?
    };
    let Ended { counts, analysis, steps, drift, mut parts, found } = ended;
    if draft.is_some() {
        // The last sink is the report's, and its file nothing that was asked for.
        parts.outputs.pop();
    }
    let mut summary = Summary::new(job, &plan, counts, analysis.as_ref(), steps, parts, clock)?;
    summary.drift = drift;
    if let Some(draft) = draft {
        observer.stage(Stage::Publish);
        let since = Instant::now();
        let publish = draft.publish(job, columns, &plan, &summary, analysis.clone(), found);
        let report = publish.instrument(Stage::Publish.span()).await?;
        summary.published(Published { id: report.id, url: report.url }, since);
    }
    Ok(Outcome { summary, plan, analysis })
}

/// What is known when all is written.
struct Ended {
    counts: Counts,
    analysis: Option<Analysis>,
    steps: Vec<StepStatistics>,
    drift: Vec<Drift>,
    parts: Parts,
    found: Found,
}

/// Each batch is written as soon as it has been through the engine: memory stays flat.
async fn stream(
    plan: &Plan,
    mut rows: RowWise,
    mut writing: Writing<'_>,
    observer: &dyn Observer,
) -> Result<Ended> {
    let mut results = Results::new(plan, None, None);
    while let Some(batch) = rows.next().await? {
        let mut hits = Hits::default();
        hits.extend(&plan.flags, &batch.hits)?;
        hits.sort();
        let typed = unlike(batch.source.columns(), &batch.typed)?;
        let features = batch.features.columns();
        writing.write(&mut results, &hits, batch.source, typed, features).await?;
        observer.progress(rows.counts.read, batch.done, batch.total);
    }
    let (counts, rejected) = rows.finish().await?;
    let Wrote { tally, finished, found } = writing.finish(&mut results, rejected).await?;
    let Finished { outputs, dead_letter } = finished;
    let parts = Parts { tally, outputs, dead_letter };
    Ok(Ended { counts, analysis: None, steps: Vec::new(), drift: Vec::new(), parts, found })
}

/// A run in which something needs all rows.
struct AllRows<'a> {
    plan: &'a Plan,
    call: Call,
    classification: Option<&'a Classification>,
    engines: &'a Engines,
}

impl AllRows<'_> {
    async fn run(
        self,
        mut rows: RowWise,
        mut held: Held,
        mut writing: Writing<'_>,
        clock: &mut Clock<'_>,
    ) -> Result<Ended> {
        let observer = clock.observer;
        let extract = async {
            while let Some(batch) = rows.next().await? {
                observer.progress(rows.counts.read, batch.done, batch.total);
                held.push(batch, &mut writing).await?;
            }
            Ok::<(), Error>(())
        };
        clock.within(extract).await?;
        let (mut counts, rejected) = rows.finish().await?;
        if self.plan.whole_table {
            clock.enter(Stage::WholeTable);
            clock.within(held.whole_table(&self.call, &mut counts)).await?;
        }
        let features = held.features()?;
        let mut judged = match (self.classification, &features) {
            (Some(settings), Some(table)) => {
                clock.enter(Stage::Classify);
                let engine = &self.engines.classification;
                let columns = &self.plan.features;
                let judge = classify(engine, settings, columns, table, observer);
                Some(clock.within(judge).await?)
            }
            _ => None,
        };
        let analysis = judged.as_ref().map(|judged| judged.analysis.clone());
        let (steps, drift) = judged.as_mut().map(Judged::take_figures).unwrap_or_default();
        clock.enter(Stage::Write);
        let features = features.map(Table::into_columns);
        let mut results = Results::new(self.plan, features, judged);
        held.write(&mut results, &mut writing).await?;
        let Wrote { tally, finished, found } = writing.finish(&mut results, rejected).await?;
        let Finished { mut outputs, dead_letter } = finished;
        let model = self.classification.and_then(|settings| settings.model.as_ref());
        if let Some(target) = model.and_then(|model| model.save.clone()) {
            // Before that of a report.
            outputs.insert(0, WriteOutcome::new(target, tally.rows));
        }
        let parts = Parts { tally, outputs, dead_letter };
        Ok(Ended { counts, analysis, steps, drift, parts, found })
    }
}

async fn plan(spec: &AnomalyJobSpec, engines: &Engines, source: &dyn Source) -> Result<Plan> {
    let schema = source.schema().to_vec();
    if let Some(column) = schema.iter().find(|column| column.name.starts_with("anomal.")) {
        return Err(Error::input(
            "RESERVED_COLUMN",
            format!(
                "the input has a column `{}`; names that begin with `anomal.` are those of results: \
                 rename it, or read the file that the results were made from",
                column.name
            ),
        ));
    }
    let settings = FeatureSettings {
        time_column: spec.time_column.clone(),
        packs: spec.packs.clone(),
        filters: spec.filters.clone(),
        features: spec.features.clone(),
        flags: spec.flags.clone(),
    };
    let request = PlanRequest { settings, schema };
    engines.feature.plan(request).await
}

/// Off the executor's threads: an object store is asked.
async fn sinks(
    spec: &AnomalyJobSpec,
    plan: &Plan,
    options: &Options,
    about: RunInfo,
) -> Result<Vec<Box<dyn Sink>>> {
    let terminal = [Output { terminal: Some(TerminalOutput::default()), ..Output::default() }];
    let outputs = if spec.outputs.is_empty() && options.results {
        terminal.to_vec()
    } else {
        spec.outputs.clone()
    };
    let (original, plan) = (options.original.clone(), plan.clone());
    let secrets = options.secrets.clone();
    let refused: Vec<_> =
        (0..outputs.len()).map(|output| files::refused(spec, &about.job, output)).collect();
    blocking(move |cancel| {
        let mut sinks = Vec::new();
        for (index, (output, (refused, refused_auth))) in outputs.iter().zip(refused).enumerate() {
            cancel.check()?;
            let about = RunInfo { refused, refused_auth, ..about.clone() };
            sinks.push(create(output, &format!("outputs[{index}]"), &secrets, &about)?);
        }
        if let Some(original) = original {
            sinks.extend(original.sinks(&plan)?);
        }
        Ok(sinks)
    })
    .await
}
