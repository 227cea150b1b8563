//! `anomal run`.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use anomal_core::{Error, MemoryBudget};
use anomal_pipeline::{Observer, Options, Outcome, Publishing, Quiet, Summary, run as run_job};
use anomal_report::{
    LocalReportEngine,
    access::{Access, Mode as AccessMode, Options as AccessOptions},
};
use anomal_spec::{AnomalyJobSpec, Severity};
use anomal_storage::{Secrets, break_off};
use tracing::{Instrument, info_span};

use super::{Ended, print, report::show};
use crate::{
    args::{FailOn, Run, RunReport, SummaryFormat},
    engines, exit,
    present::{
        error::{Failure, note},
        progress::Progress,
        summary::Text,
    },
    reports::{Pages, remote},
    settings::{self, Settings},
    signals, termination,
};

/// How long work that was broken off may take to notice it.
const GRACE: Duration = Duration::from_secs(10);
/// Suspects that the summary tells.
const SUSPECTS: usize = 5;

pub fn run(arguments: &Run) -> Ended {
    last_word(arguments, || with(arguments, &settings::of_run(arguments)?, true))
}

/// Does the work, and writes its last word if it fails.
pub fn last_word(arguments: &Run, work: impl FnOnce() -> Ended) -> Ended {
    termination::after(work(), arguments.termination_log.as_deref())
}

/// Runs settings that are ready; `results`: rows are written even where no output is named.
pub fn with(arguments: &Run, settings: &Settings, results: bool) -> Ended {
    let output = &arguments.output_args;
    let _telling = anomal_telemetry::init_cli("anomal", output.verbose, output.quiet);
    one_standard_output(settings, arguments, results)?;
    not_in_a_cluster(settings, arguments.output_args.quiet);
    let progress = (!arguments.output_args.quiet).then(|| Arc::new(Progress::new(operated())));
    let observer: Arc<dyn Observer> = match &progress {
        Some(progress) => Arc::<Progress>::clone(progress),
        None => Arc::new(Quiet),
    };
    let options = Options {
        observer,
        original: settings.original.clone(),
        suspects: SUSPECTS,
        results,
        report: None,
        secrets: Secrets::new(arguments.secrets.clone()),
        run: arguments.run.clone().filter(|run| !run.is_empty()),
        namespace: operated().then(|| namespace(settings)).flatten(),
        memory: arguments.memory.map(MemoryBudget::bytes),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let span = info_span!("run", job = settings.job.metadata.name);
    anomal_telemetry::continue_from_environment(&span);
    let ended = runtime.block_on(async {
        let work = async {
            let (reporting, pages) = reporting(settings, &arguments.report).await?;
            let options = Options { report: reporting, ..options };
            Ok((execute(settings, &options).await?, pages))
        };
        let work = work.instrument(span.clone());
        tokio::select! {
            done = work => done,
            () = signals::stop() => Err(Error::cancelled()),
        }
    });
    if let Err(error) = &ended {
        anomal_telemetry::failed(&span, error.to_string());
    }
    drop(span);
    if let Some(progress) = progress {
        progress.clear();
    }
    let (outcome, pages) = match ended {
        Ok(done) => done,
        Err(error) => {
            // Uploads are taken back also where the thread that writes waits for a store.
            break_off();
            runtime.shutdown_timeout(GRACE);
            return Err(settings.failure(&error));
        }
    };
    if let Some(file) = &arguments.termination_log {
        termination::write(file, termination::done(&outcome.summary));
    }
    tell(&outcome.summary, arguments)?;
    if let Some(pages) = pages {
        let report = outcome.summary.report.as_ref();
        show(report.map_or(&pages.address, |report| &report.url), arguments.report.open);
        let access = Access::new(AccessMode::Open, AccessOptions::default())?;
        runtime.block_on(pages.serve(access))?;
    }
    runtime.shutdown_timeout(GRACE);
    Ok(if found(&outcome.summary, arguments.fail_on) { exit::FOUND } else { exit::DONE })
}

/// Where the report goes, if there is to be one, and its pages, if they are to be served.
async fn reporting(
    settings: &Settings,
    arguments: &RunReport,
) -> Result<(Option<Publishing>, Option<Pages>), Error> {
    let spec = &settings.job.spec;
    let namespace = namespace(settings).unwrap_or_default();
    let publishing = |engine, address| Some(Publishing { engine, namespace, address });
    let told = std::env::var("ANOMAL_REPORT_ADDRESS").ok().filter(|address| !address.is_empty());
    let engines = spec.engines.as_ref();
    if arguments.report || arguments.report_port.is_some() {
        let pages = Pages::local(&arguments.store, arguments.report_port).await?;
        let address = Some(pages.address.clone());
        return Ok((publishing(Arc::new(pages.engine.clone()), address), Some(pages)));
    }
    if let Some(engine) = engines.and_then(|engines| engines.report.as_ref()) {
        return Ok((publishing(remote(engine).await?, told), None));
    }
    if spec.report.is_none() {
        return Ok((None, None));
    }
    let kept = LocalReportEngine::new(arguments.store.open()?, "");
    Ok((publishing(Arc::new(kept), told), None))
}

/// As the manifest has it.
fn namespace(settings: &Settings) -> Option<String> {
    let name = settings.job.metadata.rest.get("namespace")?.as_str()?;
    Some(name.to_owned())
}

/// Whether it is the operator that runs this.
fn operated() -> bool {
    std::env::var_os("ANOMAL_IN_CLUSTER").is_some_and(|set| set == "true")
}

async fn execute(settings: &Settings, options: &Options) -> Result<Outcome, Error> {
    let spec = &settings.job.spec;
    let engines = engines::connect(spec.engines.as_ref(), spec.classification.as_ref()).await?;
    run_job(&settings.job, &engines, options).await
}

/// Standard output carries data or the JSON summary, never both.
fn one_standard_output(settings: &Settings, arguments: &Run, results: bool) -> Result<(), Failure> {
    let outputs = &settings.job.spec.outputs;
    let data = (outputs.is_empty() && results)
        || outputs.iter().any(anomal_spec::Output::is_standard_output);
    if arguments.summary == SummaryFormat::Json && data {
        return Err(Failure::usage(
            "--summary json goes to standard output, where the job writes its results too; give the job a file \
             to write (outputs, or --output FILE)",
        ));
    }
    Ok(())
}

/// What only the operator can do is told to be left out, once, where it is not the operator that runs this.
fn not_in_a_cluster(settings: &Settings, quiet: bool) {
    let ignored = only_in_a_cluster(&settings.job.spec);
    if !ignored.is_empty() && !operated() && !quiet {
        note(&format!("note: a local run does nothing about {}", ignored.join(", ")));
    }
}

/// The settings of a cluster that are not as they are by default.
fn only_in_a_cluster(spec: &AnomalyJobSpec) -> Vec<&'static str> {
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

fn tell(summary: &Summary, arguments: &Run) -> Result<(), Failure> {
    match arguments.summary {
        SummaryFormat::Json => {
            let text = serde_json::to_string(summary)
                .map_err(|error| Failure::from(Error::internal(error.to_string())))?;
            print(&format!("{text}\n"))?;
        }
        SummaryFormat::Text if !arguments.output_args.quiet => {
            let color = color(arguments, std::io::stderr().is_terminal());
            eprint_text(&Text { summary, color }.to_string());
        }
        SummaryFormat::Text | SummaryFormat::None => {}
    }
    Ok(())
}

/// Nobody is left to tell if that fails.
fn eprint_text(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn found(summary: &Summary, fail_on: Option<FailOn>) -> bool {
    let severity = |least: Severity| summary.highest_severity().is_some_and(|most| most >= least);
    match fail_on {
        None => false,
        Some(FailOn::Low) => severity(Severity::Low),
        Some(FailOn::Medium) => severity(Severity::Medium),
        Some(FailOn::High) => severity(Severity::High),
        Some(FailOn::Suspicious) => summary.suspicious > 0,
    }
}
