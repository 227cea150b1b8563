//! `anomal run` of a job with `stream`: it ends when it is asked to.

mod metrics;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anomal_core::Error;
use anomal_core::words::{self, grouped};
use anomal_runner::{Options, StreamControl, StreamStatus, StreamSummary, run_stream};
use anomal_storage::cancel_transfers;
use anomal_telemetry::{Metrics, probes};
use tokio::{net::TcpListener, sync::watch};
use tracing::{Instrument, info_span};

use self::metrics::StreamMetrics;
use super::{CommandResult, print, run::report_target};
use crate::{
    args::{Run, SummaryFormat},
    engines, exit,
    present::error::{Failure, note},
    settings::Settings,
    signals,
};

/// Runs until SIGTERM or Ctrl-C, or to the end of the input; a second signal ends it at once.
pub fn run(arguments: &Run, settings: &Settings, options: &Options) -> CommandResult {
    refuse_options(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (stop, stopped) = watch::channel(false);
    let (status, watched) = watch::channel(None);
    let until_caught_up = arguments.until_caught_up;
    let replica = arguments.replica.unwrap_or_default();
    let member = arguments.member.clone().or_else(host_name);
    let control = StreamControl { stop: stopped, until_caught_up, replica, member, status };
    let span = info_span!("stream", job = settings.job.metadata.name);
    let result = runtime.block_on(async {
        let probes = probes::bind(arguments.metrics_listen).await.map_err(|(address, error)| {
            Error::settings(
                "",
                "LISTEN",
                format!("--metrics-listen: cannot listen on {address}: {error}"),
            )
        })?;
        // It ends with the runtime.
        if let Some(listener) = probes {
            tokio::spawn(serve(listener, watched));
        }
        let work = async {
            let spec = &settings.job.spec;
            let engines =
                engines::connect(spec.engines.as_ref(), spec.classification.as_ref()).await?;
            let report = match &spec.report {
                Some(_) => report_target(settings, &arguments.report, false).await?.0,
                None => None,
            };
            let options = Options { report, ..options.clone() };
            Box::pin(run_stream(&settings.job, &engines, &options, control)).await
        };
        let work = work.instrument(span);
        tokio::pin!(work);
        tokio::select! {
            result = &mut work => return result,
            () = signals::stop() => {}
        }
        // It is gone if the work has just ended.
        let _ = stop.send(true);
        tokio::select! {
            result = work => result,
            () = signals::stop() => Err(Error::cancelled()),
        }
    });
    let summary = match result {
        Ok(summary) => summary,
        Err(error) => {
            cancel_transfers();
            runtime.shutdown_background();
            return Err(settings.failure(&error));
        }
    };
    match arguments.summary {
        SummaryFormat::Json => {
            let text = serde_json::to_string(&summary)
                .map_err(|error| Failure::from(Error::internal(error.to_string())))?;
            print(&format!("{text}\n"))?;
        }
        SummaryFormat::Text | SummaryFormat::Suspects if !arguments.output_args.quiet => {
            note(&text(&summary));
        }
        SummaryFormat::Text | SummaryFormat::Suspects | SummaryFormat::None => {}
    }
    Ok(exit::DONE)
}

/// The name of this machine; in a cluster, of the pod.
fn host_name() -> Option<String> {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let variable = || ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let name = kernel.or_else(variable)?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Serves metrics and probes. The stream is ready once it has begun to read.
async fn serve(listener: TcpListener, mut watched: watch::Receiver<Option<StreamStatus>>) {
    let latest = watched.clone();
    let metrics = Metrics::new(|registry| {
        registry.register_collector(Box::new(StreamMetrics(watched.clone())));
    });
    let ready = Arc::new(AtomicBool::new(false));
    let status: probes::Status =
        Arc::new(move || serde_json::to_string(&*latest.borrow()).unwrap_or_default());
    let begun = async {
        // It fails where the stream has ended.
        if watched.wait_for(Option::is_some).await.is_ok() {
            ready.store(true, Ordering::Relaxed);
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = begun => {}
        served = probes::serve(listener, metrics, Arc::clone(&ready), Some(status)) => {
            if let Err(error) = served {
                tracing::warn!("metrics are no longer served: {error}");
            }
        }
    }
}

/// Options of runs that end.
fn refuse_options(arguments: &Run) -> Result<(), Failure> {
    let report = &arguments.report;
    let given = [
        ("--output", arguments.output.is_some()),
        ("--fail-on", arguments.fail_on.is_some()),
        ("--run", arguments.run.is_some()),
        ("--report", report.report || report.report_port.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::usage(format!(
            "{option} is for jobs that end, and this one has `stream`; remove one of them"
        ))),
        None => Ok(()),
    }
}

fn text(summary: &StreamSummary) -> String {
    let counts = [
        (summary.filtered, "filtered"),
        (summary.rejected, "rejected"),
        (summary.refused, "refused by an output"),
        (summary.suspicious, "suspicious"),
        (summary.flagged, "flagged"),
        (summary.late, "late"),
        (summary.skewed, "with times of the future"),
        (summary.preloaded, "learned from before the stream"),
    ];
    let rows = words::rows(summary.rows);
    let mut lines = vec![format!("{}: {rows} since the stream began", summary.job)];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    lines.extend(counts.map(|(count, what)| format!("  {:>9}  {what}", grouped(count))));
    lines.push(format!("checkpoint {} in {}", summary.checkpoint, summary.state.display()));
    lines.join("\n")
}
