//! The `Job` of a run.

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::{Installation, Owner, pod};
use crate::labels;

/// What may change on a Job that is there, by its path below `spec`; a run's pods never change.
pub const MUTABLE: &[&str] = &["suspend", "activeDeadlineSeconds", "backoffLimit", "parallelism"];

/// # Errors
/// If a part of the settings has no counterpart in Kubernetes, which the types rule out.
pub fn job(
    owner: &Owner<'_>,
    run: &str,
    settings: &str,
    installation: &Installation,
) -> anyhow::Result<Job> {
    let mut metadata = owner.metadata(&format!("{}-{run}", owner.name));
    metadata["labels"][labels::RUN] = run.into();
    metadata["annotations"] = json!({labels::SETTINGS: settings});
    let mut spec = spec(owner, &pod::template(owner, Some(run), settings, installation));
    spec["suspend"] = owner.spec.suspend.into();
    Ok(serde_json::from_value(json!({"metadata": metadata, "spec": spec}))?)
}

/// The part that a `Job` and a `CronJob`'s template have in common.
pub fn spec(owner: &Owner<'_>, template: &Value) -> Value {
    let mut spec = json!({
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": owner.spec.backoff_limit,
        // Wrong settings and wrong records stay wrong; a pod that the cluster moved did not fail.
        "podFailurePolicy": {"rules": [
            {"action": "FailJob", "onExitCodes": {"containerName": pod::CONTAINER, "operator": "In", "values": [2, 3]}},
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        ]},
        "template": template,
    });
    if let Some(seconds) = owner.spec.active_deadline_seconds {
        spec["activeDeadlineSeconds"] = seconds.into();
    }
    spec
}
