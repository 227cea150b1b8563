//! The pod of a run: its state as text, and the progress in its log.

use anomal_connectors::terminal::harmless;
use k8s_openapi::{
    api::core::v1::{ContainerState, ContainerStatus, Pod},
    jiff::Timestamp,
};
use kube::api::LogParams;

use super::{client::Cluster, table::age};
use crate::present::progress;

/// The container that runs the job.
pub const RUNNER: &str = "runner";
/// Lines at the end of a log that are searched for progress.
const TAIL_LINES: i64 = 40;

/// The last line of progress in a log, and its time.
#[derive(Debug, PartialEq, Eq)]
pub struct ProgressLine {
    pub text: String,
    pub at: Timestamp,
}

pub fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

/// Whether its container runs or has run.
pub fn has_started(pod: &Pod) -> bool {
    restarts(pod) > 0
        || state(pod).is_some_and(|state| state.running.is_some() || state.terminated.is_some())
}

/// How often its container was started again.
pub fn restarts(pod: &Pod) -> i32 {
    container(pod).map_or(0, |container| container.restart_count)
}

pub fn has_ended(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

fn container(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|container| container.name == RUNNER)
}

fn state(pod: &Pod) -> Option<&ContainerState> {
    container(pod)?.state.as_ref()
}

/// Such as `dns-1f2e-x7k2p runs on node1 for 12s`.
pub fn describe(pod: &Pod, now: Timestamp) -> String {
    let deleted = if pod.metadata.deletion_timestamp.is_some() { ", is being deleted" } else { "" };
    let restarted = match restarts(pod) {
        0 => String::new(),
        1 => ", started again once".to_owned(),
        more => format!(", started again {more} times"),
    };
    format!("{} {}{restarted}{deleted}", harmless(name(pod), 253), describe_state(pod, now))
}

fn describe_state(pod: &Pod, now: Timestamp) -> String {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let node = node.map(|node| format!(" on {}", harmless(node, 253)));
    let on = node.clone().unwrap_or_default();
    let state = state(pod).cloned().unwrap_or_default();
    if let Some(running) = state.running {
        let since = running.started_at.map(|at| format!(" for {}", age(at.0, now)));
        return format!("runs{on}{}", since.unwrap_or_default());
    }
    if let Some(end) = state.terminated {
        let ago = end.finished_at.map(|at| format!(" {} ago", age(at.0, now))).unwrap_or_default();
        let reason = end.reason.filter(|reason| reason != "Error" && reason != "Completed");
        let reason = reason.map(|reason| format!(" ({})", harmless(&reason, 128)));
        return match end.exit_code {
            0 => format!("succeeded{ago}{on}"),
            code => format!("failed with exit code {code}{}{ago}{on}", reason.unwrap_or_default()),
        };
    }
    let pod_reason = pod.status.as_ref().and_then(|status| status.reason.clone());
    let reason = state.waiting.and_then(|waiting| waiting.reason).or(pod_reason);
    let reason = reason.map(|reason| format!(": {}", harmless(&reason, 128))).unwrap_or_default();
    match phase(pod) {
        "Running" => format!("waits to start again{on}{reason}"),
        "Pending" if node.is_none() => format!("waits for a node{reason}"),
        "Pending" => format!("waits to start{on}{reason}"),
        phase => format!("is {}{on}{reason}", harmless(phase, 64)),
    }
}

/// The last progress in the log of the newest pod, while it runs. None if the log can't be read: the state of the job is
/// shown anyway.
pub async fn progress(cluster: &Cluster, pods: &[Pod]) -> Option<ProgressLine> {
    let pod = pods.last().filter(|pod| state(pod).is_some_and(|state| state.running.is_some()))?;
    let params = LogParams {
        container: Some(RUNNER.into()),
        tail_lines: Some(TAIL_LINES),
        timestamps: true,
        ..LogParams::default()
    };
    last_progress_line(&cluster.ask(cluster.pods().logs(name(pod), &params)).await.ok()?)
}

/// The last line of progress in a log with timestamps.
fn last_progress_line(log: &str) -> Option<ProgressLine> {
    log.lines().rev().find_map(|line| {
        let (at, text) = line.split_once(' ')?;
        let text = progress::parse_line(text)?;
        Some(ProgressLine { text: harmless(text, 200), at: at.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:10:00Z".parse().unwrap()
    }

    fn pod(status: &Value, node: Option<&str>) -> Pod {
        let spec = json!({"nodeName": node, "containers": []});
        serde_json::from_value(
            json!({"metadata": {"name": "dns-1"}, "spec": spec, "status": status}),
        )
        .unwrap()
    }

    fn with(phase: &str, state: &Value) -> Pod {
        let container = json!({
            "name": "runner", "state": state, "image": "", "imageID": "", "ready": false, "restartCount": 0,
        });
        pod(&json!({"phase": phase, "containerStatuses": [container]}), Some("node1"))
    }

    #[test]
    fn a_pod_is_described() {
        let at = "2026-01-01T00:09:48Z";
        let ended = |code: i32, reason: &str| {
            with(
                "Failed",
                &json!({"terminated": {"exitCode": code, "reason": reason, "finishedAt": at}}),
            )
        };
        let described = vec![
            (
                with("Running", &json!({"running": {"startedAt": at}})),
                "dns-1 runs on node1 for 12s",
            ),
            (ended(0, "Completed"), "dns-1 succeeded 12s ago on node1"),
            (ended(3, "Error"), "dns-1 failed with exit code 3 12s ago on node1"),
            (
                ended(137, "OOMKilled"),
                "dns-1 failed with exit code 137 (OOMKilled) 12s ago on node1",
            ),
            (
                with("Pending", &json!({"waiting": {"reason": "CreateContainerConfigError"}})),
                "dns-1 waits to start on node1: CreateContainerConfigError",
            ),
            (pod(&json!({"phase": "Pending"}), None), "dns-1 waits for a node"),
            (
                pod(&json!({"phase": "Failed", "reason": "Evicted"}), Some("node1")),
                "dns-1 is Failed on node1: Evicted",
            ),
        ];
        for (pod, text) in described {
            assert_eq!(describe(&pod, now()), text);
        }
    }

    #[test]
    fn a_pod_of_a_stream_says_how_often_it_was_started_again() {
        let at = "2026-01-01T00:09:48Z";
        let mut crashed = with(
            "Running",
            &json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}),
        );
        assert!(!has_started(&crashed));
        let set = |pod: &mut Pod, count| {
            let statuses = pod.status.as_mut().unwrap().container_statuses.as_mut().unwrap();
            statuses[0].restart_count = count;
        };
        set(&mut crashed, 3);
        // Its log is that of the container before.
        assert!(has_started(&crashed));
        assert_eq!(
            describe(&crashed, now()),
            "dns-1 waits to start again on node1: CrashLoopBackOff, started again 3 times"
        );
        let mut running = with("Running", &json!({"running": {"startedAt": at}}));
        set(&mut running, 1);
        assert_eq!(describe(&running, now()), "dns-1 runs on node1 for 12s, started again once");
    }

    #[test]
    fn a_pod_that_runs_or_ran_has_started() {
        assert!(has_started(&with("Running", &json!({"running": {}}))));
        assert!(has_started(&with("Failed", &json!({"terminated": {"exitCode": 1}}))));
        assert!(!has_started(&with("Pending", &json!({"waiting": {}}))));
        assert!(!has_started(&pod(&json!({"phase": "Pending"}), None)));
    }

    #[test]
    fn the_last_line_of_progress_is_found() {
        let log = "2026-01-01T00:09:10Z read and extract: 10 rows, 1 %, 5 rows/s\n\
                   2026-01-01T00:09:20Z classify: started\n\
                   2026-01-01T00:09:30Z WARN something: else\n";
        let at = "2026-01-01T00:09:20Z".parse().unwrap();
        assert_eq!(
            last_progress_line(log),
            Some(ProgressLine { text: "classify: started".into(), at })
        );
        assert_eq!(last_progress_line("2026-01-01T00:09:30Z WARN something\n"), None);
        assert_eq!(last_progress_line(""), None);
    }
}
