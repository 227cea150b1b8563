//! `anomal job status --watch`.

use std::{io::IsTerminal, pin::pin, time::Duration};

use anomal_operator::api::{AnomalyJob, Phase};
use futures::StreamExt;
use indicatif::ProgressBar;
use kube::runtime::{WatchStreamExt, watcher::watch_object};

use super::{
    client::Cluster,
    hints::hint,
    pod::{self, ProgressLine},
    state,
    status::print_status,
    watch,
};
use crate::{
    commands::CommandResult,
    exit,
    present::error::{Failure, note},
};

/// How often the log of the pod is read for progress.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Shows each change until the run has ended.
pub async fn follow(cluster: &Cluster, mut job: AnomalyJob) -> CommandResult {
    let name = job.metadata.name.clone().unwrap_or_default();
    let mut objects = pin!(watch_object(cluster.jobs(), &name).default_backoff());
    let mut poll = tokio::time::interval(POLL_INTERVAL);
    let mut output = FollowOutput::new();
    loop {
        if let Some(phase) = state::final_phase(&job) {
            drop(output);
            print_status(cluster, &job).await?;
            return Ok(if phase == Phase::Complete { exit::DONE } else { exit::FAILED });
        }
        output.state(&job, cluster);
        tokio::select! {
            object = objects.next() => match object {
                Some(Ok(Some(changed))) => {
                    output.error.clear();
                    job = changed;
                }
                Some(Ok(None)) | None => {
                    return Err(Failure::new(format!("the AnomalyJob {name} was deleted"), exit::FAILED));
                }
                Some(Err(error)) => {
                    if let Some(message) = watch::describe_error(cluster, &error)? {
                        output.error(message);
                    }
                }
            },
            _ = poll.tick() => {
                let runs = job.status.as_ref().is_some_and(|status| status.phase == Phase::Running);
                if runs
                    && let Ok(pods) = cluster.pods_of(&job).await
                    && let Some(line) = pod::progress(cluster, &pods).await
                {
                    output.progress(line);
                }
            }
        }
    }
}

/// Prints each state once, and progress; on a terminal progress is replaced in place.
struct FollowOutput {
    bar: Option<ProgressBar>,
    state: String,
    progress: Option<ProgressLine>,
    /// The last error of the watch; empty when it works again.
    error: String,
}

impl FollowOutput {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, state: String::new(), progress: None, error: String::new() }
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => note(line),
        }
    }

    fn error(&mut self, message: String) {
        if message != self.error {
            self.line(&message);
            self.error = message;
        }
    }

    fn state(&mut self, job: &AnomalyJob, cluster: &Cluster) {
        let state = describe(job);
        if state == self.state {
            return;
        }
        self.line(&state);
        // The operator may see a new spec at any moment, so a hint about it would be premature.
        if let Some(hint) = hint(job, &cluster.invocation).filter(|_| state::is_current(job)) {
            self.line(&format!("  {hint}"));
        }
        if let Some(bar) = &self.bar {
            bar.set_message("");
        }
        self.state = state;
    }

    fn progress(&mut self, line: ProgressLine) {
        if self.progress.as_ref() == Some(&line) {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(line.text.clone()),
            None => note(&format!("  {}", line.text)),
        }
        self.progress = Some(line);
    }
}

impl Drop for FollowOutput {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// One line, such as `Pending (SecretNotFound): secret "token" not found`.
fn describe(job: &AnomalyJob) -> String {
    let Some(status) = &job.status else { return "waits for the operator".into() };
    let message = state::message(status).join(" ");
    let colon = if message.is_empty() { "" } else { ": " };
    format!("{}{colon}{message}", state::describe(status))
}
