//! Writing the status where it has changed.

use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::events::Events;
use crate::{
    api::{AnomalyJob, Status},
    labels::MANAGER,
};

/// Writes the status, with an Event, if it differs from that of `job`. Returns whether it did.
///
/// # Errors
/// If the API server refuses the status.
pub async fn write(
    client: &Client,
    events: &Events,
    job: &AnomalyJob,
    status: &Status,
) -> kube::Result<bool> {
    if job.status.as_ref() == Some(status) {
        return Ok(false);
    }
    let api: Api<AnomalyJob> =
        Api::namespaced(client.clone(), &job.namespace().unwrap_or_default());
    let patch = json!({
        "apiVersion": AnomalyJob::api_version(&()),
        "kind": AnomalyJob::kind(&()),
        // So that a new object of the same name is not changed.
        "metadata": {"name": job.name_any(), "uid": job.metadata.uid},
        "status": status,
    });
    api.patch_status(&job.name_any(), &PatchParams::apply(MANAGER).force(), &Patch::Apply(patch))
        .await?;
    events.changed(job, status).await;
    Ok(true)
}
