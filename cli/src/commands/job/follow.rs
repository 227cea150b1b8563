//! `anomal job status --watch`.

use std::{io::IsTerminal, pin::pin, time::Duration};

use anomal_connectors::terminal::harmless;
use anomal_operator::api::{AnomalyJob, Phase};
use futures::StreamExt;
use indicatif::ProgressBar;
use kube::runtime::{
    WatchStreamExt,
    watcher::{self, watch_object},
};

use super::{
    client::Cluster,
    pod::{self, Told},
    status::tell,
    words,
};
use crate::{
    commands::Ended,
    exit,
    present::error::{Failure, note},
};

/// Between two looks at the pod's log.
const LOOK: Duration = Duration::from_secs(2);

/// Until the run has ended.
pub async fn follow(cluster: &Cluster, mut job: AnomalyJob) -> Ended {
    let name = job.metadata.name.clone().unwrap_or_default();
    let mut objects = pin!(watch_object(cluster.jobs(), &name).default_backoff());
    let mut looks = tokio::time::interval(LOOK);
    let mut shown = Shown::new();
    loop {
        if let Some(phase) = words::ended(&job) {
            drop(shown);
            tell(cluster, &job).await?;
            return Ok(if phase == Phase::Complete { exit::DONE } else { exit::FAILED });
        }
        shown.state(&job, cluster);
        tokio::select! {
            object = objects.next() => match object {
                Some(Ok(Some(found))) => {
                    shown.broken.clear();
                    job = found;
                }
                Some(Ok(None)) | None => {
                    return Err(Failure::new(format!("the AnomalyJob {name} was deleted"), exit::FAILED));
                }
                Some(Err(error)) => {
                    if let Some(why) = broken(cluster, &error)? {
                        shown.broken(why);
                    }
                }
            },
            _ = looks.tick() => {
                let status = job.status.as_ref().filter(|status| status.phase == Phase::Running);
                if let Some(status) = status
                    && let Ok(pods) = cluster.pods_of(status).await
                    && let Some(told) = pod::progress(cluster, &pods).await
                {
                    shown.progress(told);
                }
            }
        }
    }
}

/// What to say of a watch that was broken and is taken up again, if anything.
///
/// # Errors
/// That there is no right, or nothing to watch.
pub fn broken(cluster: &Cluster, error: &watcher::Error) -> Result<Option<String>, Failure> {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    let why = match error {
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => {
            let failure = cluster.failure(error);
            if matches!(error, kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404)) {
                return Err(failure);
            }
            failure.message
        }
        // It begins anew from what is there, which is not worth a word.
        WatchError(status) if status.code == 410 => return Ok(None),
        error => harmless(&error.to_string(), 1_000),
    };
    Ok(Some(format!("{why} (trying again)")))
}

/// What a watch shows: each state once, and progress, on a terminal in place.
struct Shown {
    bar: Option<ProgressBar>,
    state: String,
    progress: Option<Told>,
    /// Why the watch is broken, as it was told.
    broken: String,
}

impl Shown {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, state: String::new(), progress: None, broken: String::new() }
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => note(line),
        }
    }

    fn broken(&mut self, why: String) {
        if why != self.broken {
            self.line(&why);
            self.broken = why;
        }
    }

    fn state(&mut self, job: &AnomalyJob, cluster: &Cluster) {
        let state = one_line(job);
        if state == self.state {
            return;
        }
        self.line(&state);
        // What is new may be looked at any moment: that it was not is no cause for worry.
        if let Some(hint) = words::hint(job, &cluster.called).filter(|_| words::current(job)) {
            self.line(&format!("  {hint}"));
        }
        if let Some(bar) = &self.bar {
            bar.set_message("");
        }
        self.state = state;
    }

    fn progress(&mut self, told: Told) {
        if self.progress.as_ref() == Some(&told) {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(told.text.clone()),
            None => note(&format!("  {}", told.text)),
        }
        self.progress = Some(told);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Such as `Pending (SecretNotFound): secret "token" not found`.
fn one_line(job: &AnomalyJob) -> String {
    let Some(status) = &job.status else { return "waits for the operator".into() };
    let message = words::message(status).join(" ");
    let colon = if message.is_empty() { "" } else { ": " };
    format!("{}{colon}{message}", words::state(status))
}
