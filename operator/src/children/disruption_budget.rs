//! The `PodDisruptionBudget` of a stream: those who drain nodes take one of its pods at a time.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;

use super::{Owner, short_hash};
use crate::labels;

/// Builds the `PodDisruptionBudget`, with a hash of its spec to detect changes.
///
/// # Errors
/// If a part of it has no counterpart in Kubernetes, which the types rule out.
pub fn disruption_budget(owner: &Owner<'_>) -> anyhow::Result<PodDisruptionBudget> {
    let spec = json!({
        "maxUnavailable": 1,
        "selector": {"matchLabels": labels::for_job(owner.name)},
        // A pod that is not ready reads nothing; one that never becomes ready must not keep a node from being drained.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    });
    let mut metadata = owner.metadata(owner.name);
    metadata["annotations"] = json!({labels::APPLIED: short_hash(spec.to_string().as_bytes())});
    Ok(serde_json::from_value(json!({"metadata": metadata, "spec": spec}))?)
}
