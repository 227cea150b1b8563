//! What a job's state means for whoever looks at it, and what to do.

use anomal_connectors::terminal::harmless;
use anomal_operator::api::{AnomalyJob, Phase, Status, condition};

use crate::args::ClusterArgs;

/// Characters of a line of a message; the operator writes no more.
const LINE: usize = 2_100;
/// Lines of a message.
const LINES: usize = 20;

/// How hints name the commands: as the caller did, of the same cluster and namespace.
#[derive(Clone, Debug)]
pub struct Called {
    /// `anomal job` or `kubectl anomal`.
    pub program: &'static str,
    /// Such as ` -n blue`, or nothing where it goes without saying.
    pub place: String,
}

impl Called {
    pub fn new(program: &'static str, args: &ClusterArgs) -> Self {
        let file = args.kubeconfig.as_ref().map(|file| file.to_string_lossy());
        let options = [
            ("--kubeconfig", file.as_deref()),
            ("--context", args.context.as_deref()),
            ("-n", args.namespace.as_deref()),
        ];
        let given = options.iter().filter_map(|(name, value)| Some((*name, word((*value)?))));
        let place =
            given.fold(String::new(), |place, (name, value)| place + " " + name + " " + &value);
        Self { program, place }
    }

    /// Such as `anomal job logs dns -n blue`.
    pub fn command(&self, verb: &str, name: &str) -> String {
        format!("{} {verb} {name}{}", self.program, self.place)
    }

    fn kubectl(&self, verb: &str, rest: &str) -> String {
        format!("kubectl {verb}{} {rest}", self.place)
    }
}

/// As a shell takes it.
fn word(text: &str) -> String {
    let text = harmless(text, LINE);
    let plain = |character: char| character.is_alphanumeric() || "-_./:@".contains(character);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The conditions in one word.
pub fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "Pending",
        Phase::Invalid => "Invalid",
        Phase::Running => "Running",
        Phase::Suspended => "Suspended",
        Phase::Scheduled => "Scheduled",
        Phase::Complete => "Complete",
        Phase::Failed => "Failed",
    }
}

/// Whether what the status says is about the spec as it is now.
pub fn current(job: &AnomalyJob) -> bool {
    let observed = job.status.as_ref().and_then(|status| status.observed_generation);
    observed.is_some() && observed >= job.metadata.generation
}

/// Whether the job's one run has ended; a run of a schedule is followed by others.
pub fn ended(job: &AnomalyJob) -> Option<Phase> {
    let phase = job.status.as_ref().filter(|_| current(job))?.phase;
    matches!(phase, Phase::Complete | Phase::Failed | Phase::Invalid).then_some(phase)
}

/// Such as `Pending (SecretNotFound)`.
pub fn state(status: &Status) -> String {
    let phase = phase(status.phase);
    match status.reason.as_str() {
        "" => phase.to_owned(),
        reason if reason == phase || (phase, reason) == ("Complete", "Completed") => {
            phase.to_owned()
        }
        reason => format!("{phase} ({})", harmless(reason, 128)),
    }
}

/// The operator's own words, a line each.
pub fn message(status: &Status) -> Vec<String> {
    // Ready has them whatever holds.
    let message = status.condition(condition::READY).map_or("", |ready| ready.message.as_str());
    lines(message)
}

pub fn lines(message: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        message.lines().take(LINES + 1).map(|line| harmless(line, LINE)).collect();
    if lines.len() > LINES {
        lines[LINES] = "…".into();
    }
    lines
}

/// What to do, where somebody has to do something that the message does not say.
pub fn hint(job: &AnomalyJob, called: &Called) -> Option<String> {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    if !current(job) {
        return Some(
            "the operator has not looked at it yet; if that lasts: is Anomal installed, and does it care for this \
             namespace? (kubectl get deployments -A -l app.kubernetes.io/name=anomal)"
                .into(),
        );
    }
    let status = job.status.as_ref()?;
    let again = called
        .kubectl("annotate --overwrite", &format!("aj/{name} anomal.dev/rerun=\"$(date +%s)\""));
    let edit = called.kubectl("edit", &format!("aj/{name}"));
    let logs = called.command("logs", name);
    Some(match status.reason.as_str() {
        "InvalidSpec" => format!("correct its spec: {edit}"),
        "SecretNotFound" => "create the Secret, or its key: the run then goes on by itself".into(),
        "ConfigMapNotFound" => {
            "create the ConfigMap, or its key: the run then goes on by itself".into()
        }
        "ClaimNotFound" => {
            "create the PersistentVolumeClaim: the run then goes on by itself".into()
        }
        "Unschedulable" => format!(
            "no node takes its pod: ask for less in spec.runner (resources, nodeSelector, tolerations), or add a \
             node: {edit}"
        ),
        "ImagePullFailed" => {
            "the runner's image is a setting of the release (Helm: runner.image and \
                              its pullSecrets); the pull is tried again by itself"
                .into()
        }
        "VolumeNotMounted" => format!("mend the volume, or spec.runner.volumes: {edit}"),
        "ContainerRefused" | "Refused" => format!("correct spec.runner or spec.schedule: {edit}"),
        "PodRefused" => "the namespace's quota, security level or policies refuse the pod: \
                         kubectl describe namespace, resourcequota"
            .into(),
        "OutOfMemory" => format!("then run it again: {again}"),
        "DeadlineExceeded" => format!("raise it, or give it less to do, and run it again: {again}"),
        "Evicted" => format!(
            "its node lacked what it took: ask for it in spec.runner.resources, and run it again: {again}"
        ),
        "SettingsRefused" => format!("correct its spec, and it runs again by itself: {edit}"),
        "InputRefused" => format!("mend the input, and run it again: {again}"),
        "ServiceUnavailable" => format!("once that answers, run it again: {again}"),
        "RunFailed" => format!("its log may tell more: {logs}; to run it again: {again}"),
        "LastRunFailed" => format!("its log may tell more: {logs}"),
        _ if status.phase == Phase::Suspended => format!(
            "to let it go on: {}",
            called.kubectl(
                "patch",
                &format!("aj/{name} --type merge -p '{{\"spec\":{{\"suspend\":false}}}}'")
            )
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(status: &serde_json::Value) -> AnomalyJob {
        let job =
            json!({"metadata": {"name": "dns", "generation": 2}, "spec": {}, "status": status});
        serde_json::from_value(job).unwrap()
    }

    fn told(phase: &str, reason: &str) -> AnomalyJob {
        job(&json!({"observedGeneration": 2, "phase": phase, "reason": reason}))
    }

    fn called() -> Called {
        Called { program: "kubectl anomal", place: " -n blue".into() }
    }

    #[test]
    fn hints_stay_in_the_cluster_that_was_asked() {
        let place = |kubeconfig: Option<&str>, context: Option<&str>, namespace: Option<&str>| {
            let args = ClusterArgs {
                kubeconfig: kubeconfig.map(Into::into),
                context: context.map(Into::into),
                namespace: namespace.map(Into::into),
            };
            Called::new("anomal job", &args).place
        };
        assert_eq!(place(None, None, None), "");
        assert_eq!(
            place(Some("my files/it's"), Some("a@b"), Some("blue")),
            r" --kubeconfig 'my files/it'\''s' --context a@b -n blue"
        );
    }

    #[test]
    fn a_state_says_nothing_twice() {
        let state = |phase, reason| state(&told(phase, reason).status.unwrap());
        assert_eq!(state("Complete", "Completed"), "Complete");
        assert_eq!(state("Running", "Running"), "Running");
        assert_eq!(state("Pending", "SecretNotFound"), "Pending (SecretNotFound)");
        assert_eq!(state("Failed", "a\u{1b}[31m"), "Failed (a\\u{1b}[31m)");
    }

    #[test]
    fn only_what_is_about_the_present_spec_has_ended() {
        assert_eq!(ended(&told("Complete", "Completed")), Some(Phase::Complete));
        assert_eq!(ended(&told("Invalid", "InvalidSpec")), Some(Phase::Invalid));
        assert_eq!(ended(&told("Scheduled", "LastRunFailed")), None);
        let older =
            job(&json!({"observedGeneration": 1, "phase": "Complete", "reason": "Completed"}));
        assert_eq!(ended(&older), None);
        assert!(hint(&older, &called()).unwrap().contains("not looked at it yet"));
        assert_eq!(ended(&job(&json!(null))), None);
    }

    #[test]
    fn hints_can_be_typed_as_they_are() {
        let hint = |phase, reason| hint(&told(phase, reason), &called()).unwrap_or_default();
        assert!(hint("Failed", "RunFailed").contains("kubectl anomal logs dns -n blue;"));
        let again = "kubectl annotate --overwrite -n blue aj/dns anomal.dev/rerun=\"$(date +%s)\"";
        assert!(hint("Failed", "InputRefused").ends_with(again));
        let go_on = "kubectl patch -n blue aj/dns --type merge -p '{\"spec\":{\"suspend\":false}}'";
        assert!(hint("Suspended", "Suspended").ends_with(go_on));
        assert_eq!(hint("Running", "Running"), "");
        assert_eq!(hint("Complete", "Completed"), "");
    }

    #[test]
    fn messages_keep_their_lines_and_nothing_a_terminal_obeys() {
        assert_eq!(lines("a\u{1b}[2J\n  b"), ["a\\u{1b}[2J", "  b"]);
        let long = lines(&"x\n".repeat(1000));
        assert_eq!((long.len(), long.last().map(String::as_str)), (21, Some("…")));
    }
}
