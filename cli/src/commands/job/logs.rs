//! `anomal job logs`.

use std::{pin::pin, time::Duration};

use anomal_connectors::terminal::harmless;
use anomal_operator::api::AnomalyJob;
use futures::{AsyncBufRead, AsyncBufReadExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;

use super::{client::Cluster, pod, state};
use crate::{
    args::JobLogs,
    commands::{CommandResult, write},
    exit,
    present::error::{Failure, note},
};

/// How often a pod is checked until it has started.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

pub async fn logs(cluster: &Cluster, arguments: &JobLogs) -> CommandResult {
    let attempt = find_attempt(cluster, arguments).await?;
    let params = LogParams {
        container: Some(pod::RUNNER.into()),
        follow: arguments.follow,
        previous: attempt.is_previous,
        ..LogParams::default()
    };
    let pods = cluster.pods();
    let lines = cluster.ask(pods.log_stream(pod::name(&attempt.pod), &params)).await?;
    copy(cluster, lines).await
}

/// A container that runs or has run.
struct Attempt {
    pod: Pod,
    /// Whether it is the one before the last of its pod.
    is_previous: bool,
}

/// The attempt whose log is requested, once it has started. Each attempt of a run has a pod; a stream's pod starts its
/// container again.
async fn find_attempt(cluster: &Cluster, arguments: &JobLogs) -> Result<Attempt, Failure> {
    let mut last_reason = String::new();
    loop {
        let job = cluster.job(&arguments.name).await?;
        let mut pods = cluster.pods_of(&job).await?;
        let newest = pods.pop();
        if arguments.previous {
            let restarted = newest.filter(|pod| pod::restarts(pod) > 0);
            let is_previous = restarted.is_some();
            let found = restarted.or_else(|| pods.pop()).map(|pod| Attempt { pod, is_previous });
            return found.ok_or_else(|| no_earlier_attempt(&job));
        }
        if let Some(pod) = newest.as_ref().filter(|pod| pod::has_started(pod)) {
            return Ok(Attempt { pod: pod.clone(), is_previous: false });
        }
        let reason = missing_log_reason(&job, newest.as_ref());
        let ended =
            newest.as_ref().is_none_or(pod::has_ended) && state::final_phase(&job).is_some();
        if ended || !arguments.follow {
            let hint = if ended { "" } else { "; --follow waits for it" };
            return Err(Failure::new(format!("{reason}{hint}"), exit::FAILED));
        }
        if reason != last_reason {
            note(&reason);
            last_reason = reason;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn no_earlier_attempt(job: &AnomalyJob) -> Failure {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    let what = if state::is_stream(job) { "the stream" } else { "the current run of" };
    let message = format!("{what} {name} has no attempt before the newest");
    Failure::new(message, exit::FAILED)
}

/// Why there is no log.
fn missing_log_reason(job: &AnomalyJob, newest: Option<&Pod>) -> String {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    let Some(status) = &job.status else {
        return format!("{name} has no pod yet: the operator has not seen it");
    };
    let state = state::describe(status);
    let message = state::message(status).join(" ");
    match newest {
        Some(pod) => {
            format!("the pod {} has not started: {state}: {message}", harmless(pod::name(pod), 253))
        }
        None if state::final_phase(job).is_some() && status.run.is_some() => {
            format!("{name} is {state}: {message}; its pod and the log were deleted")
        }
        None => format!("{name} has no pod: {state}: {message}"),
    }
}

/// Copies a log to standard output line by line, without control characters.
async fn copy(cluster: &Cluster, lines: impl AsyncBufRead) -> CommandResult {
    let mut lines = pin!(lines);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line).await;
        let read = read.map_err(|error| cluster.failure(&kube::Error::ReadEvents(error)))?;
        if read == 0 || !write(&plain(&line))? {
            return Ok(exit::DONE);
        }
    }
}

/// A line without colours and with other control characters, except tabs, escaped.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let mut plain = String::new();
    for (index, piece) in text.split("\u{1b}[").enumerate() {
        let piece = match strip_colour(piece).filter(|_| index > 0) {
            Some(rest) => rest,
            None if index == 0 => piece,
            None => {
                plain.push_str(&harmless("\u{1b}[", 2));
                piece
            }
        };
        let cells: Vec<String> = piece.split('\t').map(|cell| harmless(cell, usize::MAX)).collect();
        plain.push_str(&cells.join("\t"));
    }
    plain.push('\n');
    plain
}

/// The text after a sequence that sets colours, such as `31;1m`.
fn strip_colour(piece: &str) -> Option<&str> {
    let (numbers, rest) = piece.split_once('m')?;
    let only = |character: char| character.is_ascii_digit() || character == ';';
    numbers.chars().all(only).then_some(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn lines_lose_colours_and_control_characters() {
        let plain = |text: &str| plain(text.as_bytes());
        assert_eq!(plain("a\tb\n"), "a\tb\n");
        assert_eq!(plain("no end"), "no end\n");
        assert_eq!(plain("\u{1b}[33m WARN\u{1b}[0m \u{1b}[2mx\n"), " WARN x\n");
        assert_eq!(
            plain("\u{1b}[2J\u{1b}]0;title\u{7}\r\n"),
            "\\u{1b}[2J\\u{1b}]0;title\\u{7}\\u{d}\n"
        );
        assert_eq!(super::plain(b"\xff\n"), "\u{fffd}\n");
    }

    #[test]
    fn a_missing_log_has_a_reason() {
        let job = |status: Value| -> AnomalyJob {
            let job =
                json!({"metadata": {"name": "dns", "generation": 1}, "spec": {}, "status": status});
            serde_json::from_value(job).unwrap()
        };
        let status = |phase: &str, reason: &str| {
            let ready = json!({
                "type": "Ready", "status": "True", "reason": reason, "message": "not found", "lastTransitionTime": "",
            });
            json!({
                "observedGeneration": 1, "phase": phase, "reason": reason, "run": "1", "conditions": [ready],
            })
        };
        assert!(missing_log_reason(&job(Value::Null), None).contains("has not seen it"));
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "dns-1"}})).unwrap();
        let pending = job(status("Pending", "SecretNotFound"));
        assert_eq!(
            missing_log_reason(&pending, Some(&pod)),
            "the pod dns-1 has not started: Pending (SecretNotFound): not found"
        );
        assert!(missing_log_reason(&pending, None).starts_with("dns has no pod: Pending"));
        let complete = job(status("Complete", "Completed"));
        assert!(missing_log_reason(&complete, None).contains("the log were deleted"));
    }
}
