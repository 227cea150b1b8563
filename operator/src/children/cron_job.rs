//! The `CronJob` of a job with a schedule.

use k8s_openapi::api::batch::v1::CronJob;
use serde_json::json;

use super::{Installation, Owner, job, pod, short_hash};
use crate::labels;

/// Builds the `CronJob`, with a hash of its spec to detect changes.
///
/// # Errors
/// If a part of the settings has no counterpart in Kubernetes, which the types rule out.
pub fn cron_job(
    owner: &Owner<'_>,
    settings: &str,
    installation: &Installation,
) -> anyhow::Result<CronJob> {
    let mut spec = json!({
        "suspend": owner.spec.suspend,
        "jobTemplate": {
            "metadata": {"labels": labels::for_job(owner.name), "annotations": {labels::SETTINGS: settings}},
            "spec": job::spec(owner, &pod::template(owner, None, settings, installation)),
        },
    });
    if let Some(schedule) = &owner.spec.schedule {
        spec["schedule"] = schedule.cron.as_str().into();
        spec["timeZone"] = schedule.time_zone.as_str().into();
        spec["concurrencyPolicy"] = json!(schedule.concurrency_policy);
        if let Some(seconds) = schedule.starting_deadline_seconds {
            spec["startingDeadlineSeconds"] = seconds.into();
        }
    }
    let mut metadata = owner.metadata(owner.name);
    metadata["annotations"] = json!({
        labels::SETTINGS: settings,
        labels::APPLIED: short_hash(spec.to_string().as_bytes()),
    });
    Ok(serde_json::from_value(json!({"metadata": metadata, "spec": spec}))?)
}
