//! The `StatefulSet` of a stream: one pod, of which never two run at once.

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::json;

use super::{Installation, Owner, pod, short_hash};
use crate::labels;

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
        "replicas": i32::from(!owner.spec.suspend),
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
