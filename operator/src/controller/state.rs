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
    // Of what was a stream before, no figures are left.
    let mut status = Status { stream: None, ..job.status.clone() };
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
        // A condition that is false needs no message, except Ready.
        let message =
            if holds || name == condition::READY { state.reason.message.as_str() } else { "" };
        let reason = Reason::new(state.reason.reason, message);
        condition(status, name, holds, reason, now)
    });
    status.conditions = conditions.into();
}

/// A condition of a status, with the time since when it has been so.
pub fn condition(
    status: &Status,
    name: &str,
    holds: bool,
    reason: Reason,
    now: Timestamp,
) -> Condition {
    let text = if holds { "True" } else { "False" };
    let same = status.condition(name).filter(|old| old.status == text);
    Condition {
        condition: name.into(),
        status: text.into(),
        reason: reason.reason.into(),
        message: reason.message,
        last_transition_time: same
            .map_or_else(|| time(now), |old| old.last_transition_time.clone()),
        observed_generation: status.observed_generation,
    }
}

/// A time in the API server's format, to the second.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
