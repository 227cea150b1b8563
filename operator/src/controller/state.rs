//! The status for a state of the job.

use k8s_openapi::jiff::Timestamp;

use super::{pods::Reason, validate::ValidJob};
use crate::api::{Condition, Phase, Status, condition};

/// A state with its reason.
pub struct State {
    pub phase: Phase,
    pub reason: Reason,
    /// Whether it can't continue until something outside the operator changes.
    pub blocked: bool,
    /// How the last run of a scheduled job ended.
    pub last: Option<Phase>,
}

impl State {
    pub fn new(phase: Phase, reason: &'static str, message: impl Into<String>) -> Self {
        Self { phase, reason: Reason::new(reason, message), blocked: false, last: None }
    }

    pub fn blocked(reason: Reason) -> Self {
        Self { phase: Phase::Pending, reason, blocked: true, last: None }
    }
}

/// The status of a valid job in this state.
pub fn status_for(job: &ValidJob, state: &State, now: Timestamp) -> Status {
    let mut status = job.status.clone();
    set(&mut status, state, job.generation, now);
    status
}

/// The status of a job whose spec is invalid. It keeps what the old status has about a run.
pub fn invalid_status(
    old: Option<&Status>,
    generation: Option<i64>,
    problems: &str,
    now: Timestamp,
) -> Status {
    let mut status = old.cloned().unwrap_or_default();
    set(&mut status, &State::new(Phase::Invalid, "InvalidSpec", problems), generation, now);
    status
}

fn set(status: &mut Status, state: &State, generation: Option<i64>, now: Timestamp) {
    let phase = state.phase;
    status.observed_generation = generation;
    status.phase = phase;
    status.reason = state.reason.reason.into();
    let ended = state.last.unwrap_or(phase);
    let reconciling = matches!(phase, Phase::Pending | Phase::Running);
    let stalled = matches!(phase, Phase::Invalid | Phase::Failed);
    let conditions = [
        (condition::READY, phase != Phase::Invalid && !state.blocked),
        (condition::RUNNING, matches!(phase, Phase::Running | Phase::Streaming)),
        (condition::COMPLETE, ended == Phase::Complete),
        (condition::FAILED, ended == Phase::Failed),
        (condition::SUSPENDED, phase == Phase::Suspended),
        (condition::RECONCILING, reconciling),
        (condition::STALLED, stalled),
    ];
    let conditions = conditions.map(|(name, holds)| {
        let text = if holds { "True" } else { "False" };
        let same = status.condition(name).filter(|old| old.status == text);
        let since = same.map_or_else(|| time(now), |old| old.last_transition_time.clone());
        // A condition that is false needs no message, except Ready.
        let message = if holds || name == condition::READY {
            state.reason.message.clone()
        } else {
            String::new()
        };
        Condition {
            condition: name.into(),
            status: text.into(),
            reason: state.reason.reason.into(),
            message,
            last_transition_time: since,
            observed_generation: generation,
        }
    });
    status.conditions = conditions.into();
}

/// A time in the API server's format, to the second.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
