//! The status, written where it differs from what is there.

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

/// Whether there was something to write. An Event tells of it.
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
        // Of another object of that name nothing is to be told.
        "metadata": {"name": job.name_any(), "uid": job.metadata.uid},
        "status": status,
    });
    api.patch_status(&job.name_any(), &PatchParams::apply(MANAGER).force(), &Patch::Apply(patch))
        .await?;
    events.changed(job, status).await;
    Ok(true)
}
