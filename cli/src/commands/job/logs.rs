//! `anomal job logs`.

use std::{pin::pin, time::Duration};

use anomal_connectors::terminal::harmless;
use anomal_operator::api::AnomalyJob;
use futures::{AsyncBufRead, AsyncBufReadExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;

use super::{client::Cluster, pod, words};
use crate::{
    args::JobLogs,
    commands::{Ended, put},
    exit,
    present::error::{Failure, note},
};

/// Between two looks at whether a pod has begun.
const LOOK: Duration = Duration::from_secs(1);

pub async fn logs(cluster: &Cluster, arguments: &JobLogs) -> Ended {
    let pod = of(cluster, arguments).await?;
    let asked = LogParams {
        container: Some(pod::RUNNER.into()),
        follow: arguments.follow,
        ..LogParams::default()
    };
    let pods = cluster.pods();
    let lines = cluster.ask(pods.log_stream(pod::name(&pod), &asked)).await?;
    copy(cluster, lines).await
}

/// The pod whose log is asked for, once it has one.
async fn of(cluster: &Cluster, arguments: &JobLogs) -> Result<Pod, Failure> {
    let mut told = String::new();
    loop {
        let job = cluster.job(&arguments.name).await?;
        let mut pods = match &job.status {
            Some(status) => cluster.pods_of(status).await?,
            None => Vec::new(),
        };
        let newest = pods.pop();
        if arguments.previous {
            return pods.pop().ok_or_else(|| only_one(&job));
        }
        if let Some(pod) = newest.as_ref().filter(|pod| pod::has_begun(pod)) {
            return Ok(pod.clone());
        }
        let why = why_none(&job, newest.as_ref());
        let over = newest.as_ref().is_none_or(pod::has_ended) && words::ended(&job).is_some();
        if over || !arguments.follow {
            let wait = if over { String::new() } else { "; --follow waits for it".to_owned() };
            return Err(Failure::new(format!("{why}{wait}"), exit::FAILED));
        }
        if why != told {
            note(&why);
            told = why;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn only_one(job: &AnomalyJob) -> Failure {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    let message = format!("the present run of {name} has no attempt before its newest one");
    Failure::new(message, exit::FAILED)
}

/// Why there is no log to be had.
fn why_none(job: &AnomalyJob, newest: Option<&Pod>) -> String {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    let Some(status) = &job.status else {
        return format!("{name} has no pod yet: the operator has not looked at it");
    };
    let state = words::state(status);
    let message = words::message(status).join(" ");
    match newest {
        Some(pod) => {
            format!("the pod {} has not begun: {state}: {message}", harmless(pod::name(pod), 253))
        }
        None if words::ended(job).is_some() && status.run.is_some() => {
            format!("{name} is {state}: {message}; its pod is gone, and its log with it")
        }
        None => format!("{name} has no pod: {state}: {message}"),
    }
}

/// Line by line, as they come, with nothing in them that a terminal would obey.
async fn copy(cluster: &Cluster, lines: impl AsyncBufRead) -> Ended {
    let mut lines = pin!(lines);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line).await;
        let read = read.map_err(|error| cluster.failure(&kube::Error::ReadEvents(error)))?;
        if read == 0 || !put(&plain(&line))? {
            return Ok(exit::DONE);
        }
    }
}

/// Its colours are left out, its tabs stay.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let mut plain = String::new();
    for (index, piece) in text.split("\u{1b}[").enumerate() {
        let piece = match colour(piece).filter(|_| index > 0) {
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

/// What follows the rest of a sequence that sets colours: `31;1m`.
fn colour(piece: &str) -> Option<&str> {
    let (numbers, rest) = piece.split_once('m')?;
    let only = |character: char| character.is_ascii_digit() || character == ';';
    numbers.chars().all(only).then_some(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn lines_lose_what_a_terminal_obeys() {
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
    fn why_there_is_no_log_is_told() {
        let job = |status: Value| -> AnomalyJob {
            let job =
                json!({"metadata": {"name": "dns", "generation": 1}, "spec": {}, "status": status});
            serde_json::from_value(job).unwrap()
        };
        let status = |phase: &str, reason: &str| {
            let ready = json!({
                "type": "Ready", "status": "True", "reason": reason, "message": "so it is", "lastTransitionTime": "",
            });
            json!({
                "observedGeneration": 1, "phase": phase, "reason": reason, "run": "1", "conditions": [ready],
            })
        };
        assert!(why_none(&job(Value::Null), None).contains("has not looked at it"));
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "dns-1"}})).unwrap();
        let waits = job(status("Pending", "SecretNotFound"));
        assert_eq!(
            why_none(&waits, Some(&pod)),
            "the pod dns-1 has not begun: Pending (SecretNotFound): so it is"
        );
        assert!(why_none(&waits, None).starts_with("dns has no pod: Pending"));
        assert!(why_none(&job(status("Complete", "Completed")), None).contains("its pod is gone"));
    }
}
