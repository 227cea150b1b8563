//! Events for changes of a job's state.

use std::sync::{Mutex, PoisonError};

use kube::{
    Client, Resource, ResourceExt,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use crate::{
    api::{AnomalyJob, Phase, Status, condition},
    labels::MANAGER,
};

/// The longest note that an Event may have, in bytes.
const MAX_NOTE_BYTES: usize = 1024;
/// A recorder stores the Events that it published, to count repeated ones. It is replaced after this many.
const MAX_RECORDED: usize = 200;

/// Publishes Events.
pub struct Events {
    client: Client,
    recorder: Mutex<(Recorder, usize)>,
}

impl Events {
    pub fn new(client: Client) -> Self {
        let recorder = Mutex::new((recorder(&client), 0));
        Self { client, recorder }
    }

    /// Publishes an Event if the state has changed. A failure is only logged.
    pub async fn changed(&self, job: &AnomalyJob, new: &Status) {
        let Some(event) = event(job.status.as_ref(), new) else { return };
        if let Err(error) = self.recorder().publish(&event, &job.object_ref(&())).await {
            tracing::warn!("cannot publish an Event of {}: {error}", job.name_any());
        }
    }

    fn recorder(&self) -> Recorder {
        let mut current = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1 == MAX_RECORDED {
            *current = (recorder(&self.client), 0);
        }
        current.1 += 1;
        current.0.clone()
    }
}

fn recorder(client: &Client) -> Recorder {
    let reporter =
        Reporter { controller: MANAGER.into(), instance: std::env::var("POD_NAME").ok() };
    Recorder::new(client.clone(), reporter)
}

/// The Event of a change, if the state has changed.
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
        note: Some(truncated(message)),
        action: "Reconcile".into(),
        secondary: None,
    })
}

fn truncated(text: &str) -> String {
    let mut end = text.len().min(MAX_NOTE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_one_event() {
        let status =
            |phase, reason: &str| Status { phase, reason: reason.into(), ..Status::default() };
        let pending = status(Phase::Pending, "Starting");
        assert!(event(None, &pending).is_some());
        assert!(event(Some(&pending), &pending).is_none());
        let failed = event(Some(&pending), &status(Phase::Failed, "RunFailed")).unwrap();
        assert_eq!((failed.type_, failed.reason.as_str()), (EventType::Warning, "RunFailed"));
        assert_eq!(truncated(&"é".repeat(1000)).len(), 1024);
    }
}
