//! The `Job` of a run.

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::{Installation, Owner, pod};
use crate::labels;

/// The mutable fields of the spec of a Job. The pods of a run never change.
pub const MUTABLE: &[&str] = &["suspend", "activeDeadlineSeconds", "backoffLimit", "parallelism"];

/// Builds the `Job` of a run.
///
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

/// The spec of a `Job`, also in the template of a `CronJob`.
pub fn spec(owner: &Owner<'_>, template: &Value) -> Value {
    let mut spec = json!({
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": owner.spec.backoff_limit,
        // Retrying does not help with wrong settings (2) and wrong input (3). Disruptions do not count as failures.
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
