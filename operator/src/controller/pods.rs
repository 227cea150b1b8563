//! The state of pods: why one waits, how one ended.

use std::{fmt, sync::Arc};

use anomal_spec::Quantity;
use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Event, Pod},
    },
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::{SignedDuration, Timestamp},
};
use kube::Resource;
use serde::Deserialize;

use crate::{api::Summary, children::CONTAINER, labels::RERUN};

/// Pods usually start within this time. Events are read only for those that take longer.
const USUAL_START: SignedDuration = SignedDuration::from_secs(2);

/// The reason of a state: one word for programs, and a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub reason: &'static str,
    pub message: String,
}

impl Reason {
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

/// The termination message that a runner writes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TerminationMessage {
    #[serde(flatten)]
    summary: Summary,
    #[serde(rename = "reportURL")]
    report_url: Option<String>,
    error: Option<String>,
    reason: Option<String>,
}

/// What a run found, and the address of its report.
pub struct RunResult {
    pub summary: Summary,
    pub report_url: Option<String>,
}

/// The uid of the object whose Events explain why nothing runs: a pod that is pending, or a Job without a pod.
pub fn waiting_object(jobs: &[Arc<Job>], pods: &[Arc<Pod>], now: Timestamp) -> Option<String> {
    let pending = |pod: &&Arc<Pod>| {
        phase(pod) == "Pending"
            && pod.metadata.deletion_timestamp.is_none()
            && is_late(pod.metadata.creation_timestamp.as_ref(), now)
    };
    if let Some(pod) = pods.iter().find(pending) {
        return pod.metadata.uid.clone();
    }
    let without_pod = jobs.iter().find(|job| {
        let status = job.status.as_ref();
        let idle = status
            .is_none_or(|status| status.active.unwrap_or(0) == 0 && status.conditions.is_none());
        let suspended = job.spec.as_ref().is_some_and(|spec| spec.suspend == Some(true));
        idle && !suspended
            && pods.is_empty()
            && is_late(job.metadata.creation_timestamp.as_ref(), now)
    });
    without_pod.and_then(|job| job.metadata.uid.clone())
}

fn is_late(created: Option<&Time>, now: Timestamp) -> bool {
    created.is_some_and(|created| now.duration_since(created.0) >= USUAL_START)
}

pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

/// The pods of a Job or `StatefulSet`, the newest last.
pub fn pods_of<'a>(pods: &'a [Arc<Pod>], owner: &impl Resource) -> Vec<&'a Pod> {
    let uid = owner.meta().uid.as_deref();
    let owned = |pod: &&Pod| {
        let mut owners = pod.metadata.owner_references.iter().flatten();
        owners.any(|owner| Some(owner.uid.as_str()) == uid)
    };
    let mut pods: Vec<&Pod> = pods.iter().map(AsRef::as_ref).filter(owned).collect();
    pods.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
    pods
}

/// Why nothing of a Job runs yet, unless it is just starting.
pub fn obstacle(pods: &[&Pod], events: &[Event]) -> Option<Reason> {
    let Some(pod) = pods.iter().rev().find(|pod| phase(pod) == "Pending") else {
        let refused =
            events.iter().rev().find(|event| event.reason.as_deref() == Some("FailedCreate"))?;
        return Some(Reason::new("PodRefused", message(refused)));
    };
    let status = pod.status.as_ref()?;
    let unplaced = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(message) = unplaced.and_then(|condition| condition.message.clone()) {
        let claim = message.contains("persistentvolumeclaim") && message.contains("not found");
        return Some(Reason::new(if claim { "ClaimNotFound" } else { "Unschedulable" }, message));
    }
    let waiting = status
        .container_statuses
        .iter()
        .flatten()
        .find_map(|container| container.state.as_ref()?.waiting.as_ref());
    let text = waiting.and_then(|waiting| waiting.message.clone()).unwrap_or_default();
    match waiting.and_then(|waiting| waiting.reason.as_deref()) {
        Some(
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull"
            | "ImageInspectError",
        ) => Some(Reason::new("ImagePullFailed", text)),
        Some("CreateContainerConfigError" | "CreateContainerError" | "RunContainerError") => {
            Some(Reason::new(missing(&text).unwrap_or("ContainerRefused"), text))
        }
        _ => {
            let unmounted = events.iter().rev().find(|event| {
                matches!(event.reason.as_deref(), Some("FailedMount" | "FailedAttachVolume"))
            })?;
            let text = message(unmounted);
            Some(Reason::new(missing(&text).unwrap_or("VolumeNotMounted"), text))
        }
    }
}

fn message(event: &Event) -> String {
    event.message.clone().unwrap_or_default()
}

/// The reason for a message that an object is missing.
fn missing(message: &str) -> Option<&'static str> {
    let lower = message.to_lowercase();
    let gone = lower.contains("not found")
        || lower.contains("couldn't find key")
        || lower.contains("non-existent");
    match () {
        () if !gone => None,
        () if lower.contains("secret") => Some("SecretNotFound"),
        () if lower.contains("configmap") => Some("ConfigMapNotFound"),
        () if lower.contains("persistentvolumeclaim") => Some("ClaimNotFound"),
        () => None,
    }
}

fn end(pod: &Pod) -> Option<&ContainerStateTerminated> {
    container(pod)?.state.as_ref()?.terminated.as_ref()
}

fn container(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|container| container.name == CONTAINER)
}

/// Whether the container runs and says that it is ready.
pub fn is_ready(pod: &Pod) -> bool {
    container(pod).is_some_and(|container| container.ready)
}

/// How many times the container was started.
pub fn starts(pod: &Pod) -> i32 {
    container(pod).map_or(0, |container| container.restart_count + 1)
}

/// Why the container of a pod that is started again has ended.
pub fn restarted(pod: &Pod) -> Option<Reason> {
    let container = container(pod)?;
    let ended = |state: Option<&ContainerState>| state?.terminated.clone();
    let end = ended(container.state.as_ref()).or_else(|| ended(container.last_state.as_ref()))?;
    if end.exit_code == 0 { None } else { Some(reason(pod, &end)) }
}

/// What the run found, from the pod that succeeded.
pub fn run_result(pods: &[&Pod]) -> Option<RunResult> {
    let succeeded = |pod: &&&Pod| end(pod).is_some_and(|end| end.exit_code == 0);
    let message = end(pods.iter().rev().find(succeeded)?)?.message.clone()?;
    let message: TerminationMessage = serde_json::from_str(&message).ok()?;
    let mut summary = message.summary;
    summary.flag_hits = summary.flags.values().sum();
    Some(RunResult { summary, report_url: message.report_url.filter(|url| !url.is_empty()) })
}

/// Why the last pod that failed did so.
pub fn failure(pods: &[&Pod]) -> Option<Reason> {
    pods.iter().rev().find_map(|pod| failed(pod))
}

fn failed(pod: &Pod) -> Option<Reason> {
    let status = pod.status.as_ref()?;
    if status.reason.as_deref() == Some("Evicted") {
        return Some(Reason::new("Evicted", status.message.clone().unwrap_or_default()));
    }
    end(pod).filter(|end| end.exit_code != 0).map(|end| reason(pod, end))
}

/// Why a container has failed.
fn reason(pod: &Pod, end: &ContainerStateTerminated) -> Reason {
    let text = end.message.as_deref().unwrap_or_default().trim();
    let message = serde_json::from_str::<TerminationMessage>(text).unwrap_or_default();
    let error = truncated(&message.error.unwrap_or_else(|| text.to_owned()));
    let code = end.exit_code;
    if end.reason.as_deref() == Some("OOMKilled")
        || message.reason.as_deref() == Some("MEMORY_BUDGET")
    {
        return out_of_memory(pod, &error);
    }
    match code {
        2 => Reason::new("SettingsRefused", error),
        3 => Reason::new("InputRefused", error),
        4 => Reason::new("ServiceUnavailable", error),
        _ if error.is_empty() => {
            Reason::new("RunFailed", format!("the runner ended with exit code {code}"))
        }
        _ => Reason::new("RunFailed", format!("exit code {code}: {error}")),
    }
}

/// The kernel ended the runner, or it saw before that it would need more than its limit, and said what for.
fn out_of_memory(pod: &Pod, error: &str) -> Reason {
    let limit = memory_limit(pod)
        .map_or_else(|| "it may use".to_owned(), |limit| format!("its limit of {}", limit.0));
    let error = if error.is_empty() { String::new() } else { format!(" ({error})") };
    Reason::new(
        "OutOfMemory",
        format!(
            "the pod needed more memory than {limit}{error}; raise spec.runner.resources.limits.memory, and run \
             it again with a new value of the annotation {RERUN}"
        ),
    )
}

fn memory_limit(pod: &Pod) -> Option<Quantity> {
    let container =
        pod.spec.as_ref()?.containers.iter().find(|container| container.name == CONTAINER)?;
    let limit = container.resources.as_ref()?.limits.as_ref()?.get("memory")?;
    Some(Quantity(limit.0.clone()))
}

/// At most 2,048 characters: the message of a condition is for people.
fn truncated(text: &str) -> String {
    const MAX_CHARS: usize = 2048;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
