//! From settings to a graph: what is read, what happens to the rows, where they go.

use std::{path::Path, sync::Arc};

use anomal_connectors::{
    ConnectorRegistry, DeadLetterSink, OpenOptions, RunInfo, Sample, TypeFindings,
};
use anomal_core::{
    Error, FeatureEngine, FeatureSettings, MemoryBudget, PlanRequest, Result, blocking, memory,
    proto::{Column, DataType, Plan, SavedModel},
    time_view,
};
use anomal_dataflow::{ExecutorOptions, Graph, Operator, Sink, Source};
use anomal_spec::{
    AnomalyJob, AnomalyJobSpec, Feature, FeatureType, Include, Mentions, Output, TerminalOutput,
};
use anomal_storage::Secrets;
use polars::prelude::DataFrame;

use crate::{
    collector::Collector,
    files, identity, model_file,
    operators::{
        classify::{Classify, ScoringReport},
        extract::{Extract, FeatureCall},
        global::GlobalSteps,
        keyed::KeyedSteps,
        results::{AssembleResults, Extras, Incidents},
    },
    options::{Engines, Options},
    packs,
    publish::Draft,
    restart,
    role_values::RoleValues,
    roles::{ColumnRoles, is_grouped},
    stream::{self, ReportColumns},
};

/// A job that is ready to be executed.
pub(crate) struct CompiledJob<'a> {
    pub graph: Graph,
    pub executor: ExecutorOptions,
    pub plan: Arc<Plan>,
    /// All columns of the input.
    pub columns: Vec<Column>,
    /// Filled when rows have been classified.
    pub scoring: ScoringReport,
    pub roles: ColumnRoles,
    pub results: Arc<AssembleResults>,
    pub draft: Option<Draft<'a>>,
    pub run: RunInfo,
}

/// Opens the input, plans the features, checks the paths and creates the outputs.
///
/// # Errors
/// With the code that says whose fault it is; nothing has been read beyond the input's first records.
pub(crate) async fn compile<'a>(
    job: &AnomalyJob,
    engines: &Engines,
    options: &'a Options,
    findings: &TypeFindings,
) -> Result<CompiledJob<'a>> {
    packs::send(&options.packs, engines.feature.as_ref()).await?;
    let spec = &job.spec;
    let (input, connectors) = (spec.input.clone(), options.connectors.clone());
    let model = loaded_model(spec).await?;
    let opening = OpenOptions {
        secrets: options.secrets.clone(),
        findings: findings.clone(),
        mentions: Mentions::from(spec),
        fitted: Arc::new(model.as_deref().map(model_file::column_types).unwrap_or_default()),
        ..OpenOptions::default()
    };
    let mut source = blocking(move |_| connectors.open(&input, &opening)).await?;
    let mut plan = plan(spec, engines.feature.as_ref(), source.as_ref()).await?;
    restart::plan_flag(&mut plan, spec, findings);
    let plan = Arc::new(plan);
    let roles = ColumnRoles::resolve(spec, source.schema(), &plan);
    let own_time = own_time(&roles, source.as_ref(), &plan);
    source.select(&plan.columns.iter().chain(&own_time).cloned().collect::<Vec<_>>())?;
    let targets = files::targets(spec);
    files::differ(&targets, source.files())?;
    let (written, columns) = written_columns(source.as_ref());
    let draft = options.report.as_ref().map(Draft::new).transpose()?;
    let run = identity::run_info(job, options, source.as_ref(), draft.as_ref());
    let mut sinks = sinks(spec, &plan, options, run.clone()).await?;
    sinks.extend(draft.as_ref().map(Draft::sink).transpose()?);
    if sinks.is_empty() {
        source.keep_only(&spec.row_keys().cloned().collect::<Vec<_>>());
    }
    let (path, auth) = files::dead_letter(spec, &job.metadata.name);
    let dead_letters = DeadLetterSink::new(path, auth, options.secrets.clone());
    let scoring = ScoringReport::default();
    let own_time = own_time.map(|column| column.name);
    let values = is_grouped(spec).then(|| {
        let is_raw = |name: &str| written.column(name).is_ok();
        Arc::new(RoleValues::new(&roles, &plan, is_raw, own_time))
    });
    let incidents = values.as_ref().map(|values| {
        let collector = collector(spec, &plan, &roles, values);
        let collector = collector.with_suppressions(options.suppressions.clone());
        let collector = if draft.is_some() { collector.for_report() } else { collector };
        Incidents::new(collector, Arc::clone(values), draft.is_some())
    });
    let extras = extras(spec, findings);
    let results = Arc::new(AssembleResults::new(&plan, Arc::clone(&scoring), extras, incidents));
    let graph = Graph {
        source,
        operators: operators(spec, engines, &plan, model, &scoring, values, options)?,
        results: Arc::clone(&results) as Arc<dyn anomal_dataflow::ResultsOperator>,
        sinks,
        dead_letters: Box::new(dead_letters),
    };
    let executor = ExecutorOptions {
        memory: options.memory.unwrap_or_else(MemoryBudget::default_bytes),
        process_memory: memory::available_bytes(),
        spill_folder: files::spill_folder(&targets),
    };
    Ok(CompiledJob { graph, executor, plan, columns, scoring, roles, results, draft, run })
}

/// A time that no step reads, to be read for the roles.
pub(crate) fn own_time(roles: &ColumnRoles, source: &dyn Source, plan: &Plan) -> Option<Column> {
    let time = roles.time.as_ref().filter(|time| time.unit.is_none())?;
    let names = [time_view(&time.column), time.column.clone()];
    let is_read = plan.columns.iter().any(|column| names.contains(&column.name));
    let column = source.schema().iter().find(|column| column.name == time.column)?;
    (!is_read && column.data_type() == DataType::Datetime).then(|| column.clone())
}

/// The columns of the input as results have them, whole and without their members: without rows, and their types. Of a source
/// whose columns are selected.
pub(crate) fn written_columns(source: &dyn Source) -> (DataFrame, Vec<Column>) {
    let written = source.empty();
    let columns = source.schema().iter();
    let columns = columns.filter(|column| written.column(&column.name).is_ok()).cloned().collect();
    (written, columns)
}

/// What collects the evidence of a job's rows.
pub(crate) fn collector(
    spec: &AnomalyJobSpec,
    plan: &Plan,
    roles: &ColumnRoles,
    values: &Arc<RoleValues>,
) -> Collector {
    let features: Vec<String> = plan.features.iter().map(|it| it.name.clone()).collect();
    Collector::new(roles, values, &plan.flags, &features, gap(spec))
}

/// Microseconds of the pause that ends a finding.
pub(crate) fn gap(spec: &AnomalyJobSpec) -> i64 {
    let roles = spec.roles.clone().unwrap_or_default();
    // An hour where nothing is set; the schema checks what is.
    let seconds = anomal_spec::seconds(&roles.gap).unwrap_or(3_600);
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

/// The model that the job scores by.
async fn loaded_model(spec: &AnomalyJobSpec) -> Result<Option<Arc<SavedModel>>> {
    let model = spec.classification.as_ref().and_then(|settings| settings.model.as_ref());
    let Some(path) = model.and_then(|file| file.load.clone()) else { return Ok(None) };
    let read = blocking(move |_| model_file::read(Path::new(&path))).await?;
    Ok(Some(Arc::new(read)))
}

/// What the outputs of a job have beside what results always have.
fn extras(spec: &AnomalyJobSpec, findings: &TypeFindings) -> Extras {
    let outputs = || spec.outputs.iter();
    Extras {
        details: outputs().any(|output| output.includes(Include::Details)),
        incidents: outputs().any(|output| output.elasticsearch.is_some()),
        suppressed: spec.suppressions.is_some(),
        strays: findings.flag(),
    }
}

/// A job with `stream`, planned by its first records.
pub(crate) struct StreamPlan {
    /// With the columns selected that the plan reads.
    pub source: Box<dyn Source>,
    pub plan: Arc<Plan>,
    pub extract: Extract,
    /// The model that the job scores by.
    pub model: Option<Arc<SavedModel>>,
    pub extras: Extras,
    pub reported: Arc<ReportColumns>,
}

/// Opens the sample of a stream and plans the features.
///
/// # Errors
/// As [`compile`]; `InvalidSettings` for a step that needs more rows than one.
pub(crate) async fn plan_stream(
    spec: &AnomalyJobSpec,
    engines: &Engines,
    options: &Options,
    sample: &Sample,
) -> Result<StreamPlan> {
    packs::send(&options.packs, engines.feature.as_ref()).await?;
    let (input, connectors) = (spec.input.clone(), options.connectors.clone());
    let model = loaded_model(spec).await?;
    let findings = TypeFindings::default();
    let opening = OpenOptions {
        secrets: options.secrets.clone(),
        findings: findings.clone(),
        mentions: Mentions::from(spec),
        fitted: Arc::new(model.as_deref().map(model_file::column_types).unwrap_or_default()),
        sample: Some(sample.clone()),
        ..OpenOptions::default()
    };
    let mut source = blocking(move |_| connectors.open(&input, &opening)).await?;
    let mut plan = plan(spec, engines.feature.as_ref(), source.as_ref()).await?;
    if !stream::is_collected(spec) {
        stream::refuse_whole_table(spec, &plan, engines.feature.as_ref(), source.as_ref()).await?;
    }
    restart::plan_flag(&mut plan, spec, &findings);
    let plan = Arc::new(plan);
    source.select(&plan.columns)?;
    let extract = Extract::new(FeatureCall::new(&engines.feature, &plan), Arc::clone(&plan), None);
    let extras = extras(spec, &findings);
    let reported = Arc::new(ReportColumns::new(spec, source.as_ref(), &plan));
    Ok(StreamPlan { source, plan, extract, model, extras, reported })
}

fn operators(
    spec: &AnomalyJobSpec,
    engines: &Engines,
    plan: &Arc<Plan>,
    model: Option<Arc<SavedModel>>,
    scoring: &ScoringReport,
    roles: Option<Arc<RoleValues>>,
    options: &Options,
) -> Result<Vec<Operator>> {
    let call = FeatureCall::new(&engines.feature, plan);
    let extract = Extract::new(call, Arc::clone(plan), roles);
    let mut operators = vec![Operator::Row(Arc::new(extract))];
    operators.extend(table_operators(spec, engines, plan, model, scoring, options)?);
    Ok(operators)
}

/// What follows the steps over single rows: aggregates, steps over all rows, and the detector.
///
/// # Errors
/// Those of the engines.
pub(crate) fn table_operators(
    spec: &AnomalyJobSpec,
    engines: &Engines,
    plan: &Arc<Plan>,
    model: Option<Arc<SavedModel>>,
    scoring: &ScoringReport,
    options: &Options,
) -> Result<Vec<Operator>> {
    let mut operators = Vec::new();
    let call = FeatureCall::new(&engines.feature, plan);
    let engine = engines.feature.as_ref();
    if let Some(keyed) = KeyedSteps::new(engine, plan, spec.time_column())? {
        operators.push(Operator::Keyed(Box::new(keyed)));
    }
    if plan.global {
        let global = GlobalSteps::new(call, Arc::clone(plan), !spec.filters.is_empty());
        operators.push(Operator::Global(Box::new(global)));
    }
    if let Some(settings) = spec.classification.as_ref().filter(|_| !plan.features.is_empty()) {
        let (engine, observer) = (&engines.classification, &options.observer);
        let classify = Classify::new(engine, settings, plan, model, Arc::clone(scoring), observer);
        operators.push(Operator::Global(Box::new(classify)));
    }
    Ok(operators)
}

/// Checks the settings against the columns of the input, of which it reads the first records. The engine has the packs that
/// they name by digest.
///
/// # Errors
/// As those of a run before its first record.
pub async fn check_columns(
    job: &AnomalyJob,
    engine: &dyn FeatureEngine,
    secrets: &Secrets,
) -> Result<(Plan, ColumnRoles)> {
    let input = job.spec.input.clone();
    let mentions = Mentions::from(&job.spec);
    let opening = OpenOptions { secrets: secrets.clone(), mentions, ..OpenOptions::default() };
    let connectors = ConnectorRegistry::default();
    let mut source = blocking(move |_| connectors.open(&input, &opening)).await?;
    let plan = plan(&job.spec, engine, source.as_ref()).await?;
    if job.spec.stream.is_some() && !stream::is_collected(&job.spec) {
        stream::refuse_whole_table(&job.spec, &plan, engine, source.as_ref()).await?;
        stream::time_column(&job.spec, &plan)?;
        stream::learned_features(&job.spec, &plan)?;
    }
    source.select(&plan.columns)?;
    let roles = ColumnRoles::resolve(&job.spec, source.schema(), &plan);
    Ok((plan, roles))
}

pub(crate) async fn plan(
    spec: &AnomalyJobSpec,
    engine: &dyn FeatureEngine,
    source: &dyn Source,
) -> Result<Plan> {
    let schema = source.schema().to_vec();
    if let Some(column) = schema.iter().find(|column| column.name.starts_with("anomal.")) {
        return Err(Error::input(
            "RESERVED_COLUMN",
            format!(
                "the input has a column `{}`; names that begin with `anomal.` are reserved for results: rename it, or \
                 read the file that the results were made from",
                column.name
            ),
        ));
    }
    plan_columns(spec, engine, source, schema).await
}

/// The plan over some of the columns of a source.
pub(crate) async fn plan_columns(
    spec: &AnomalyJobSpec,
    engine: &dyn FeatureEngine,
    source: &dyn Source,
    schema: Vec<Column>,
) -> Result<Plan> {
    let notes = identity::check_named_columns(spec, source)?;
    let request = PlanRequest { settings: feature_settings(spec), schema, times: source.times() };
    let mut plan = engine.plan(request).await?;
    plan.diagnostics.extend(notes);
    Ok(plan)
}

/// What settings say to a feature engine.
pub fn feature_settings(spec: &AnomalyJobSpec) -> FeatureSettings {
    FeatureSettings {
        time_column: spec.time_column().map(str::to_owned),
        label_column: spec.label_column.clone(),
        packs: spec.packs.clone(),
        profiles: spec.profiles.clone(),
        lists: spec.lists.clone(),
        started: packs::started(spec),
        filters: spec.filters.clone(),
        features: spec.features.iter().map(|feature| with_key(feature, spec)).collect(),
        flags: spec.flags.clone(),
        keyed: true,
    }
}

/// A feature whose key is the first entity where it is an aggregate without one.
fn with_key(feature: &Feature, spec: &AnomalyJobSpec) -> Feature {
    let mut feature = feature.clone();
    if feature.feature_type == FeatureType::Aggregate && feature.by.is_none() {
        feature.by = spec.entity_columns().next().map(|entity| vec![entity.clone()]);
    }
    feature
}

/// Off the executor's threads, since an object store may be asked.
async fn sinks(
    spec: &AnomalyJobSpec,
    plan: &Plan,
    options: &Options,
    run: RunInfo,
) -> Result<Vec<Box<dyn Sink>>> {
    let terminal = [Output { terminal: Some(TerminalOutput::default()), ..Output::default() }];
    let outputs = if spec.outputs.is_empty() && options.results {
        terminal.to_vec()
    } else {
        spec.outputs.clone()
    };
    let (original, plan) = (options.original.clone(), plan.clone());
    let (secrets, connectors) = (options.secrets.clone(), options.connectors.clone());
    let refused: Vec<_> =
        (0..outputs.len()).map(|output| files::refused(spec, &run.job, output)).collect();
    blocking(move |cancel| {
        let mut sinks = Vec::new();
        for (index, (output, (refused, refused_auth))) in outputs.iter().zip(refused).enumerate() {
            cancel.check()?;
            let run = RunInfo { refused, refused_auth, ..run.clone() };
            sinks.push(connectors.create(output, &format!("outputs[{index}]"), &secrets, &run)?);
        }
        if let Some(original) = original {
            sinks.extend(original.sinks(&plan)?);
        }
        Ok(sinks)
    })
    .await
}
