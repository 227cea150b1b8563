//! The status that a state of things makes.

use k8s_openapi::jiff::Timestamp;

use super::{pods::Why, validate::Validated};
use crate::api::{Condition, Phase, Status, condition};

/// A state, and why.
pub struct State {
    pub phase: Phase,
    pub why: Why,
    /// Whether something keeps it from going on until somebody else does something.
    pub blocked: bool,
    /// Of a job with a schedule: how its last run ended.
    pub last: Option<Phase>,
}

impl State {
    pub fn new(phase: Phase, reason: &'static str, message: impl Into<String>) -> Self {
        Self { phase, why: Why::new(reason, message), blocked: false, last: None }
    }

    pub fn blocked(why: Why) -> Self {
        Self { phase: Phase::Pending, why, blocked: true, last: None }
    }
}

/// The status of a valid job.
pub fn tell(job: &Validated, state: &State, now: Timestamp) -> Status {
    let mut status = job.status.clone();
    set(&mut status, state, job.generation, now);
    status
}

/// The status of a job whose spec is wrong. What runs already is not touched, and stays told.
pub fn invalid(
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
    status.reason = state.why.reason.into();
    let ended = state.last.unwrap_or(phase);
    let going = matches!(phase, Phase::Pending | Phase::Running);
    let stalled = matches!(phase, Phase::Invalid | Phase::Failed);
    let conditions = [
        (condition::READY, phase != Phase::Invalid && !state.blocked),
        (condition::RUNNING, phase == Phase::Running),
        (condition::COMPLETE, ended == Phase::Complete),
        (condition::FAILED, ended == Phase::Failed),
        (condition::SUSPENDED, phase == Phase::Suspended),
        (condition::RECONCILING, going),
        (condition::STALLED, stalled),
    ];
    let told = conditions.map(|(name, holds)| {
        let text = if holds { "True" } else { "False" };
        let same = status.condition(name).filter(|old| old.status == text);
        let since = same.map_or_else(|| time(now), |old| old.last_transition_time.clone());
        // Ready says why it is not; of the others, what does not hold needs no words.
        let message = if holds || name == condition::READY {
            state.why.message.clone()
        } else {
            String::new()
        };
        Condition {
            condition: name.into(),
            status: text.into(),
            reason: state.why.reason.into(),
            message,
            last_transition_time: since,
            observed_generation: generation,
        }
    });
    status.conditions = told.into();
}

/// As the API server writes times: to the second.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
