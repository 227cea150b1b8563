//! `anomal run`.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use anomal_connectors::ConnectorRegistry;
use anomal_core::{Error, MemoryBudget, ReportEngine};
use anomal_report::{
    LocalReportEngine,
    access::{Access, Mode as AccessMode, Options as AccessOptions},
};
use anomal_runner::{
    Observer, Options, Outcome, Quiet, ReportTarget, Summary, SuppressionList, run as run_job,
};
use anomal_spec::{AnomalyJobSpec, Severity};
use anomal_storage::{Secrets, cancel_transfers};
use tracing::{Instrument, info_span};

use super::{CommandResult, print, report::show, stream};
use crate::{
    args::{FailOn, ProgressFormat, Run, RunReport, SummaryFormat},
    engines, exit,
    present::{
        error::{Failure, note},
        events::{self, ProgressEvents},
        progress::Progress,
        summary::SummaryText,
    },
    reports::{ReportServer, connect},
    settings::{self, Settings},
    signals, suppressions, termination,
};

/// How long cancelled work may take to stop.
const GRACE: Duration = Duration::from_secs(10);
/// Suspects in the summary.
const SUMMARY_SUSPECTS: usize = 5;

pub fn run(arguments: &Run) -> CommandResult {
    with_termination_message(arguments, || {
        let settings = settings::for_run(arguments)?;
        let is_stream = settings.job.spec.stream.is_some();
        if arguments.until_caught_up && !is_stream {
            let message =
                "--until-caught-up is for jobs with `stream`; others end with their input";
            return Err(Failure::usage(message));
        }
        if arguments.replica.is_some() && !settings.job.spec.has_shared_partitions() {
            let message = "--replica is for jobs that share the partitions of topics: add `stream: {replicas: 3}` to a job with \
                           `input.kafka`, or remove it";
            return Err(Failure::usage(message));
        }
        refuse_other_assignment(arguments, &settings.job.spec)?;
        if is_stream {
            run_stream(arguments, &settings)
        } else {
            run_settings(arguments, &settings, true)
        }
    })
}

/// A process has a number, or a name in a group.
fn refuse_other_assignment(arguments: &Run, spec: &AnomalyJobSpec) -> Result<(), Failure> {
    let is_assigned = spec.is_assigned_by_group();
    if is_assigned && arguments.replica.is_some() && !arguments.until_caught_up {
        let message = "--replica is for `assignment: static`; with `assignment: group` a process has a name, which --member gives";
        return Err(Failure::usage(message));
    }
    if !is_assigned && arguments.member.is_some() {
        let message = "--member is for jobs whose partitions a group assigns: set `input.kafka.assignment: group` and \
                       `stream.replicas`, or remove it";
        return Err(Failure::usage(message));
    }
    Ok(())
}

/// Does the work, and writes the termination message if it fails.
pub fn with_termination_message(
    arguments: &Run,
    work: impl FnOnce() -> CommandResult,
) -> CommandResult {
    termination::write_failure(work(), arguments.termination_log.as_deref())
}

/// Runs loaded settings. With `results`, rows are written even if the settings have no output.
pub fn run_settings(arguments: &Run, settings: &Settings, results: bool) -> CommandResult {
    let output = &arguments.output_args;
    let _telemetry = anomal_telemetry::init_cli("anomal", output.verbose, output.quiet);
    check_standard_output(settings, arguments, results)?;
    note_ignored_settings(settings, arguments.output_args.quiet);
    let as_events = arguments.progress.progress == ProgressFormat::Json;
    let for_people = !arguments.output_args.quiet && !as_events;
    let progress = for_people.then(|| Arc::new(Progress::new(in_cluster())));
    let observer: Arc<dyn Observer> = match &progress {
        Some(progress) => Arc::<Progress>::clone(progress),
        None if as_events => Arc::new(ProgressEvents::default()),
        None => Arc::new(Quiet),
    };
    let options = Options { observer, results, ..options(arguments, settings) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let span = info_span!("run", job = settings.job.metadata.name);
    anomal_telemetry::continue_from_environment(&span);
    let result = runtime.block_on(async {
        let work = async {
            let keep = arguments.progress.keep_report;
            let (report, pages) = report_target(settings, &arguments.report, keep).await?;
            let suppressions = suppressions(settings, report.as_ref(), &arguments.report).await?;
            let options = Options { report, suppressions, ..options };
            Ok((execute(settings, &options).await?, pages))
        };
        let work = work.instrument(span.clone());
        tokio::select! {
            result = work => result,
            () = signals::stop() => Err(Error::cancelled()),
            () = signals::input_closed(), if arguments.progress.attached => Err(Error::cancelled()),
        }
    });
    if let Err(error) = &result {
        anomal_telemetry::failed(&span, error.to_string());
    }
    drop(span);
    if let Some(progress) = progress {
        progress.clear();
    }
    let (outcome, pages) = match result {
        Ok(outcome) => outcome,
        Err(error) => {
            // This also aborts uploads whose thread waits for a store.
            cancel_transfers();
            runtime.shutdown_timeout(GRACE);
            return Err(settings.failure(&error));
        }
    };
    if let Some(file) = &arguments.termination_log {
        termination::write(file, termination::summary_message(&outcome.summary));
    }
    if as_events {
        events::print_summary(&outcome.summary);
    }
    print_summary(&outcome.summary, arguments)?;
    if let Some(pages) = pages {
        let report = outcome.summary.report.as_ref();
        show(report.map_or(&pages.address, |report| &report.url), arguments.report.open);
        let access = Access::new(AccessMode::Open, AccessOptions::default())?;
        runtime.block_on(pages.serve(access))?;
    }
    runtime.shutdown_timeout(GRACE);
    Ok(if matches_fail_on(&outcome.summary, arguments.fail_on) { exit::FOUND } else { exit::DONE })
}

/// Runs a job that has `stream`.
fn run_stream(arguments: &Run, settings: &Settings) -> CommandResult {
    let output = &arguments.output_args;
    let _telemetry = anomal_telemetry::init_cli("anomal", output.verbose, output.quiet);
    check_standard_output(settings, arguments, false)?;
    note_ignored_settings(settings, output.quiet);
    stream::run(arguments, settings, &options(arguments, settings))
}

/// What is the same for runs of all kinds.
fn options(arguments: &Run, settings: &Settings) -> Options {
    Options {
        observer: Arc::new(Quiet),
        connectors: connectors(),
        original: settings.original.clone(),
        suspects: SUMMARY_SUSPECTS,
        results: false,
        report: None,
        secrets: Secrets::new(arguments.packs.secrets.clone()),
        packs: settings.contents.clone(),
        run: arguments.run.clone().filter(|run| !run.is_empty()),
        suppressions: None,
        namespace: in_cluster().then(|| namespace(settings)).flatten(),
        memory: arguments.memory.map(MemoryBudget::bytes),
    }
}

/// The built-in connectors, with the client of Kafka where the program has it.
fn connectors() -> ConnectorRegistry {
    #[cfg_attr(not(feature = "kafka"), expect(unused_mut, reason = "without a client"))]
    let mut connectors = ConnectorRegistry::default();
    #[cfg(feature = "kafka")]
    connectors.set_message_client(anomal_kafka::KafkaClient);
    connectors
}

/// The destination of the report, if the run has one, and the server of its pages, if they are served.
pub async fn report_target(
    settings: &Settings,
    arguments: &RunReport,
    keep: bool,
) -> Result<(Option<ReportTarget>, Option<ReportServer>), Error> {
    let spec = &settings.job.spec;
    let namespace = namespace(settings).unwrap_or_default();
    let publishing = |engine, address| Some(ReportTarget { engine, namespace, address });
    let report_address =
        std::env::var("ANOMAL_REPORT_ADDRESS").ok().filter(|address| !address.is_empty());
    let engines = spec.engines.as_ref();
    if arguments.report || arguments.report_port.is_some() {
        let pages = ReportServer::on_loopback(&arguments.store, arguments.report_port).await?;
        let address = Some(pages.address.clone());
        return Ok((publishing(Arc::new(pages.engine.clone()), address), Some(pages)));
    }
    if let Some(engine) = engines.and_then(|engines| engines.report.as_ref()) {
        return Ok((publishing(connect(engine).await?, report_address), None));
    }
    if spec.report.is_none() && !keep {
        return Ok((None, None));
    }
    let engine = LocalReportEngine::new(arguments.store.open()?, "");
    Ok((publishing(Arc::new(engine), report_address), None))
}

/// What the settings name. Verdicts are those of the engine that gets the report, or of the store on this machine.
async fn suppressions(
    settings: &Settings,
    report: Option<&ReportTarget>,
    arguments: &RunReport,
) -> Result<Option<Arc<SuppressionList>>, Error> {
    let Some(wanted) = &settings.job.spec.suppressions else { return Ok(None) };
    let engine: Arc<dyn ReportEngine> = match report {
        Some(report) => Arc::clone(&report.engine),
        None => Arc::new(LocalReportEngine::new(arguments.store.open()?, "")),
    };
    let namespace = namespace(settings).unwrap_or_default();
    let job = &settings.job.metadata.name;
    Ok(Some(suppressions::load(wanted, engine.as_ref(), &namespace, job).await?))
}

/// The namespace of the manifest.
fn namespace(settings: &Settings) -> Option<String> {
    let name = settings.job.metadata.rest.get("namespace")?.as_str()?;
    Some(name.to_owned())
}

/// Whether the operator started this process.
fn in_cluster() -> bool {
    std::env::var_os("ANOMAL_IN_CLUSTER").is_some_and(|set| set == "true")
}

async fn execute(settings: &Settings, options: &Options) -> Result<Outcome, Error> {
    let spec = &settings.job.spec;
    let engines = engines::connect(spec.engines.as_ref(), spec.classification.as_ref()).await?;
    run_job(&settings.job, &engines, options).await
}

/// Standard output carries data or the JSON summary, never both.
fn check_standard_output(
    settings: &Settings,
    arguments: &Run,
    results: bool,
) -> Result<(), Failure> {
    let outputs = &settings.job.spec.outputs;
    let data = (outputs.is_empty() && results)
        || outputs.iter().any(anomal_spec::Output::is_standard_output);
    if arguments.summary == SummaryFormat::Json && data {
        return Err(Failure::usage(
            "--summary json: the job writes its results to standard output too; write them to a file (outputs, or \
             --output FILE)",
        ));
    }
    Ok(())
}

/// Prints a note about settings that only the operator uses, unless the operator started this process.
fn note_ignored_settings(settings: &Settings, quiet: bool) {
    let ignored = cluster_settings(&settings.job.spec);
    if !ignored.is_empty() && !in_cluster() && !quiet {
        note(&format!("note: a local run ignores {}", ignored.join(", ")));
    }
}

/// The settings for clusters that differ from their defaults.
fn cluster_settings(spec: &AnomalyJobSpec) -> Vec<&'static str> {
    let default = AnomalyJobSpec::default();
    [
        ("suspend", spec.suspend != default.suspend),
        ("schedule", spec.schedule.is_some()),
        ("activeDeadlineSeconds", spec.active_deadline_seconds.is_some()),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished.is_some()),
        ("backoffLimit", spec.backoff_limit != default.backoff_limit),
        ("runner", spec.runner.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, set)| set.then_some(name))
    .collect()
}

fn color(arguments: &Run, terminal: bool) -> bool {
    terminal && !arguments.output_args.no_color && std::env::var_os("NO_COLOR").is_none()
}

fn print_summary(summary: &Summary, arguments: &Run) -> Result<(), Failure> {
    match arguments.summary {
        SummaryFormat::Json => {
            let text = serde_json::to_string(summary)
                .map_err(|error| Failure::from(Error::internal(error.to_string())))?;
            print(&format!("{text}\n"))?;
        }
        SummaryFormat::Text | SummaryFormat::Suspects if !arguments.output_args.quiet => {
            let color = color(arguments, std::io::stderr().is_terminal());
            let rows = arguments.summary == SummaryFormat::Suspects;
            eprint_text(&SummaryText { summary, color, rows }.to_string());
        }
        SummaryFormat::Text | SummaryFormat::Suspects | SummaryFormat::None => {}
    }
    Ok(())
}

/// Prints to standard error. If that fails, it can't be reported anywhere.
fn eprint_text(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn matches_fail_on(summary: &Summary, fail_on: Option<FailOn>) -> bool {
    let severity = |least: Severity| summary.highest_severity().is_some_and(|most| most >= least);
    let incidents = summary.incident_count.unwrap_or_default();
    match fail_on {
        None => false,
        Some(FailOn::Low) => severity(Severity::Low),
        Some(FailOn::Medium) => severity(Severity::Medium),
        Some(FailOn::High) => severity(Severity::High),
        Some(FailOn::Suspicious) => summary.suspicious > 0,
        Some(FailOn::HighIncident) => incidents.high > 0,
        Some(FailOn::MediumIncident) => incidents.high + incidents.medium > 0,
        Some(FailOn::LowIncident) => incidents.loud() > 0,
    }
}
