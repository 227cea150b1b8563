//! The state of a job as text.

use anomal_connectors::terminal::harmless;
use anomal_operator::api::{AnomalyJob, Phase, Status, StreamFigures, Summary, condition};

/// The longest line of a message; the operator writes no longer ones.
const MAX_CHARS: usize = 2_100;
/// The most lines of a message.
const MAX_LINES: usize = 20;

/// The name of a phase, as `kubectl get` shows it.
pub fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "Pending",
        Phase::Invalid => "Invalid",
        Phase::Running => "Running",
        Phase::Streaming => "Streaming",
        Phase::Suspended => "Suspended",
        Phase::Scheduled => "Scheduled",
        Phase::Complete => "Complete",
        Phase::Failed => "Failed",
    }
}

/// Whether a job does not end.
pub fn is_stream(job: &AnomalyJob) -> bool {
    !job.spec.value()["stream"].is_null()
}

/// Whether the status is about the present spec.
pub fn is_current(job: &AnomalyJob) -> bool {
    let observed = job.status.as_ref().and_then(|status| status.observed_generation);
    observed.is_some() && observed >= job.metadata.generation
}

/// The phase of a job that runs once and has ended. A scheduled job has none: more runs follow.
pub fn final_phase(job: &AnomalyJob) -> Option<Phase> {
    let phase = job.status.as_ref().filter(|_| is_current(job))?.phase;
    matches!(phase, Phase::Complete | Phase::Failed | Phase::Invalid).then_some(phase)
}

/// What has been found so far: of the last run that has ended, or of a stream since its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub rows: u64,
    pub suspicious: u64,
    /// Hits of flags in a run, rows with one in a stream.
    pub flags: u64,
}

pub fn counts(status: &Status) -> Option<Counts> {
    let of_run =
        |it: &Summary| Counts { rows: it.rows, suspicious: it.suspicious, flags: it.flag_hits };
    let of_stream =
        |it: &StreamFigures| Counts { rows: it.rows, suspicious: it.suspicious, flags: it.flagged };
    status.summary.as_ref().map(of_run).or(status.stream.as_ref().map(of_stream))
}

/// The phase and the reason, such as `Pending (SecretNotFound)`.
pub fn describe(status: &Status) -> String {
    let phase = phase_name(status.phase);
    match status.reason.as_str() {
        "" => phase.to_owned(),
        reason if reason == phase || (phase, reason) == ("Complete", "Completed") => {
            phase.to_owned()
        }
        reason => format!("{phase} ({})", harmless(reason, 128)),
    }
}

/// The lines of the operator's message.
pub fn message(status: &Status) -> Vec<String> {
    // The condition Ready has the message in every phase.
    let message = status.condition(condition::READY).map_or("", |ready| ready.message.as_str());
    lines(message)
}

fn lines(message: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        message.lines().take(MAX_LINES + 1).map(|line| harmless(line, MAX_CHARS)).collect();
    if lines.len() > MAX_LINES {
        lines[MAX_LINES] = "…".into();
    }
    lines
}

#[cfg(test)]
pub mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A job of generation 2 with this status.
    pub fn job(status: &Value) -> AnomalyJob {
        let job =
            json!({"metadata": {"name": "dns", "generation": 2}, "spec": {}, "status": status});
        serde_json::from_value(job).unwrap()
    }

    /// A job whose status is current.
    pub fn job_in(phase: &str, reason: &str) -> AnomalyJob {
        job(&json!({"observedGeneration": 2, "phase": phase, "reason": reason}))
    }

    #[test]
    fn a_description_repeats_nothing() {
        let describe = |phase, reason| describe(&job_in(phase, reason).status.unwrap());
        assert_eq!(describe("Complete", "Completed"), "Complete");
        assert_eq!(describe("Running", "Running"), "Running");
        assert_eq!(describe("Pending", "SecretNotFound"), "Pending (SecretNotFound)");
        assert_eq!(describe("Failed", "a\u{1b}[31m"), "Failed (a\\u{1b}[31m)");
    }

    #[test]
    fn only_a_current_status_is_final() {
        assert_eq!(final_phase(&job_in("Complete", "Completed")), Some(Phase::Complete));
        assert_eq!(final_phase(&job_in("Invalid", "InvalidSpec")), Some(Phase::Invalid));
        assert_eq!(final_phase(&job_in("Scheduled", "LastRunFailed")), None);
        let older =
            job(&json!({"observedGeneration": 1, "phase": "Complete", "reason": "Completed"}));
        assert_eq!(final_phase(&older), None);
        assert_eq!(final_phase(&job(&json!(null))), None);
    }

    #[test]
    fn messages_keep_their_lines_and_lose_control_characters() {
        assert_eq!(lines("a\u{1b}[2J\n  b"), ["a\\u{1b}[2J", "  b"]);
        let long = lines(&"x\n".repeat(1000));
        assert_eq!((long.len(), long.last().map(String::as_str)), (21, Some("…")));
    }
}
