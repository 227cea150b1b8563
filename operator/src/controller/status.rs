//! The status, written where it differs from what is there, and each change of it as an Event.

use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
    runtime::events::{Event, EventType, Recorder},
};
use serde_json::json;

use crate::{
    api::{AnomalyJob, Phase, Status, condition},
    labels::MANAGER,
};

/// The longest note that an Event may have, in bytes.
const LONGEST_NOTE: usize = 1024;

/// Whether there was something to write.
///
/// # Errors
/// If the API server refuses the status. An Event that can't be published is not worth that.
pub async fn write(
    client: &Client,
    recorder: &Recorder,
    job: &AnomalyJob,
    status: &Status,
) -> kube::Result<bool> {
    let old = job.status.as_ref();
    if old == Some(status) {
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
    if let Some(event) = event(old, status)
        && let Err(error) = recorder.publish(&event, &job.object_ref(&())).await
    {
        tracing::warn!("an Event of {} was not published: {error}", job.name_any());
    }
    Ok(true)
}

/// A change of state, if it is one.
fn event(old: Option<&Status>, new: &Status) -> Option<Event> {
    let state = |status: &Status| (status.phase, status.reason.clone(), status.run.clone());
    if old.map(state) == Some(state(new)) {
        return None;
    }
    let ready = new.condition(condition::READY);
    let failed = matches!(new.phase, Phase::Invalid | Phase::Failed)
        || ready.is_some_and(|ready| ready.status == "False")
        || new.is(condition::FAILED) && !old.is_some_and(|old| old.is(condition::FAILED));
    let message = ready.map(|ready| ready.message.as_str()).unwrap_or_default();
    Some(Event {
        type_: if failed { EventType::Warning } else { EventType::Normal },
        reason: new.reason.clone(),
        note: Some(cut(message)),
        action: "Reconcile".into(),
        secondary: None,
    })
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(LONGEST_NOTE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once() {
        let status =
            |phase, reason: &str| Status { phase, reason: reason.into(), ..Status::default() };
        let pending = status(Phase::Pending, "Starting");
        assert!(event(None, &pending).is_some());
        assert!(event(Some(&pending), &pending).is_none());
        let failed = event(Some(&pending), &status(Phase::Failed, "RunFailed")).unwrap();
        assert_eq!((failed.type_, failed.reason.as_str()), (EventType::Warning, "RunFailed"));
        assert_eq!(cut(&"é".repeat(1000)).len(), 1024);
    }
}
