//! The `StatefulSet` of a stream: one pod, or those that share the partitions of topics. Of a number, never two run at once.

use anomal_spec::AnomalyJobSpec;
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::json;

use super::{Installation, Owner, pod, short_hash};
use crate::labels;

/// The pods of a stream that is not suspended.
pub fn pods(spec: &AnomalyJobSpec) -> u32 {
    let replicas = spec.stream.as_ref().and_then(|stream| stream.replicas);
    replicas.filter(|_| spec.has_shared_partitions()).unwrap_or(1)
}

/// Builds the `StatefulSet`, with a hash of its spec to detect changes.
///
/// # Errors
/// If a part of the settings has no counterpart in Kubernetes, which the types rule out.
pub fn stateful_set(
    owner: &Owner<'_>,
    settings: &str,
    installation: &Installation,
) -> anyhow::Result<StatefulSet> {
    let spec = json!({
        "replicas": if owner.spec.suspend { 0 } else { pods(owner.spec) },
        "serviceName": owner.name,
        // A pod that does not become ready is replaced by one of other settings.
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": labels::for_job(owner.name)},
        "template": pod::of_stream(owner, settings, installation),
    });
    let mut metadata = owner.metadata(owner.name);
    metadata["annotations"] = json!({
        labels::SETTINGS: settings,
        labels::APPLIED: short_hash(spec.to_string().as_bytes()),
    });
    Ok(serde_json::from_value(json!({"metadata": metadata, "spec": spec}))?)
}
