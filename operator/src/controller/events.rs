//! Each change of a job's state as an Event.

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
const LONGEST_NOTE: usize = 1024;
/// A recorder keeps what it published, to count what is told again; it is replaced after so many Events.
const KEPT: usize = 200;

/// Publishes them.
pub struct Events {
    client: Client,
    recorder: Mutex<(Recorder, usize)>,
}

impl Events {
    pub fn new(client: Client) -> Self {
        let recorder = Mutex::new((recorder(&client), 0));
        Self { client, recorder }
    }

    /// Tells of a change, if it is one. One that can't be published is not worth an error.
    pub async fn changed(&self, job: &AnomalyJob, new: &Status) {
        let Some(event) = event(job.status.as_ref(), new) else { return };
        if let Err(error) = self.recorder().publish(&event, &job.object_ref(&())).await {
            tracing::warn!("an Event of {} was not published: {error}", job.name_any());
        }
    }

    fn recorder(&self) -> Recorder {
        let mut current = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1 == KEPT {
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
