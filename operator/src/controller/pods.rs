//! What pods tell: why one waits, how one ended.

use anomal_spec::Quantity;
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ContainerStateTerminated, Event, Pod},
};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::observe::Observed;
use crate::{api::Summary, children::CONTAINER, labels::RERUN};

/// Events are looked at only for what waits longer than pods usually do.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);

/// A reason in one word, and one for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    pub reason: &'static str,
    pub message: String,
}

impl Why {
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// What a runner's last words hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LastWord {
    #[serde(flatten)]
    summary: Summary,
    #[serde(rename = "reportURL")]
    report_url: Option<String>,
    error: Option<String>,
}

/// What a run found, and where its report is.
pub struct Found {
    pub summary: Summary,
    pub report_url: Option<String>,
}

/// The uid of what has to be asked about: a pod that waits, or a Job that makes none.
pub fn waiting(seen: &Observed) -> Option<String> {
    let pending = |pod: &&std::sync::Arc<Pod>| {
        phase(pod) == "Pending"
            && pod.metadata.deletion_timestamp.is_none()
            && old(pod.metadata.creation_timestamp.as_ref(), seen.now)
    };
    if let Some(pod) = seen.pods.iter().find(pending) {
        return pod.metadata.uid.clone();
    }
    let barren = seen.jobs.iter().find(|job| {
        let status = job.status.as_ref();
        let idle = status
            .is_none_or(|status| status.active.unwrap_or(0) == 0 && status.conditions.is_none());
        let held = job.spec.as_ref().is_some_and(|spec| spec.suspend == Some(true));
        idle && !held
            && seen.pods.is_empty()
            && old(job.metadata.creation_timestamp.as_ref(), seen.now)
    });
    barren.and_then(|job| job.metadata.uid.clone())
}

fn old(
    since: Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>,
    now: Timestamp,
) -> bool {
    since.is_some_and(|since| now.duration_since(since.0) >= PATIENCE)
}

pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

/// The pods of a Job, the newest last.
pub fn of<'a>(seen: &'a Observed, job: &Job) -> Vec<&'a Pod> {
    let uid = job.metadata.uid.as_deref();
    let owned = |pod: &&Pod| {
        let mut owners = pod.metadata.owner_references.iter().flatten();
        owners.any(|owner| Some(owner.uid.as_str()) == uid)
    };
    let mut pods: Vec<&Pod> = seen.pods.iter().map(AsRef::as_ref).filter(owned).collect();
    pods.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
    pods
}

/// Why nothing of a Job runs yet, if there is more to tell than that it starts.
pub fn obstacle(pods: &[&Pod], events: &[Event]) -> Option<Why> {
    let Some(pod) = pods.iter().rev().find(|pod| phase(pod) == "Pending") else {
        let refused =
            events.iter().rev().find(|event| event.reason.as_deref() == Some("FailedCreate"))?;
        return Some(Why::new("PodRefused", message(refused)));
    };
    let status = pod.status.as_ref()?;
    let unplaced = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(message) = unplaced.and_then(|condition| condition.message.clone()) {
        let claim = message.contains("persistentvolumeclaim") && message.contains("not found");
        return Some(Why::new(if claim { "ClaimNotFound" } else { "Unschedulable" }, message));
    }
    let waiting = status
        .container_statuses
        .iter()
        .flatten()
        .find_map(|container| container.state.as_ref()?.waiting.as_ref());
    let told = waiting.and_then(|waiting| waiting.message.clone()).unwrap_or_default();
    match waiting.and_then(|waiting| waiting.reason.as_deref()) {
        Some(
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull"
            | "ImageInspectError",
        ) => Some(Why::new("ImagePullFailed", told)),
        Some("CreateContainerConfigError" | "CreateContainerError" | "RunContainerError") => {
            Some(Why::new(missing(&told).unwrap_or("ContainerRefused"), told))
        }
        _ => {
            let unmounted = events.iter().rev().find(|event| {
                matches!(event.reason.as_deref(), Some("FailedMount" | "FailedAttachVolume"))
            })?;
            let told = message(unmounted);
            Some(Why::new(missing(&told).unwrap_or("VolumeNotMounted"), told))
        }
    }
}

fn message(event: &Event) -> String {
    event.message.clone().unwrap_or_default()
}

/// What it is that a message says is not there.
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
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let runner = statuses.iter().find(|container| container.name == CONTAINER)?;
    runner.state.as_ref()?.terminated.as_ref()
}

/// What the run found, by the pod that ended well.
pub fn found(pods: &[&Pod]) -> Option<Found> {
    let good = |pod: &&&Pod| end(pod).is_some_and(|end| end.exit_code == 0);
    let message = end(pods.iter().rev().find(good)?)?.message.clone()?;
    let word: LastWord = serde_json::from_str(&message).ok()?;
    let mut summary = word.summary;
    summary.flag_hits = summary.flags.values().sum();
    Some(Found { summary, report_url: word.report_url.filter(|url| !url.is_empty()) })
}

/// How the last pod that failed did.
pub fn failure(pods: &[&Pod]) -> Option<Why> {
    pods.iter().rev().find_map(|pod| failed(pod))
}

fn failed(pod: &Pod) -> Option<Why> {
    let status = pod.status.as_ref()?;
    if status.reason.as_deref() == Some("Evicted") {
        return Some(Why::new("Evicted", status.message.clone().unwrap_or_default()));
    }
    let end = end(pod).filter(|end| end.exit_code != 0)?;
    let told = end.message.as_deref().unwrap_or_default().trim();
    let told = serde_json::from_str::<LastWord>(told)
        .ok()
        .and_then(|word| word.error)
        .unwrap_or_else(|| told.to_owned());
    let told = short(&told);
    let code = end.exit_code;
    Some(match (end.reason.as_deref(), code) {
        (Some("OOMKilled"), _) => {
            let limit =
                memory_limit(pod).map(|limit| format!(" of {}", limit.0)).unwrap_or_default();
            Why::new(
                "OutOfMemory",
                format!(
                    "the pod needed more memory than its limit{limit}: raise spec.runner.resources.limits.memory, and run \
                     it again by a new value of the annotation {RERUN}"
                ),
            )
        }
        (_, 2) => Why::new("SettingsRefused", told),
        (_, 3) => Why::new("InputRefused", told),
        (_, 4) => Why::new("ServiceUnavailable", told),
        _ if told.is_empty() => {
            Why::new("RunFailed", format!("the runner ended with exit code {code}"))
        }
        _ => Why::new("RunFailed", format!("exit code {code}: {told}")),
    })
}

fn memory_limit(pod: &Pod) -> Option<Quantity> {
    let container =
        pod.spec.as_ref()?.containers.iter().find(|container| container.name == CONTAINER)?;
    let limit = container.resources.as_ref()?.limits.as_ref()?.get("memory")?;
    Some(Quantity(limit.0.clone()))
}

/// A condition's message is read by people.
fn short(text: &str) -> String {
    const LONGEST: usize = 2048;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
