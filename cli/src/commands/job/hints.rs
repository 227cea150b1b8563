//! Hints: what the user can do about the state of a job.

use anomal_operator::api::{AnomalyJob, Phase};

use super::{invocation::Invocation, state};

/// What the user can do, unless the message of the status has it already.
pub fn hint(job: &AnomalyJob, invocation: &Invocation) -> Option<String> {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    if !state::is_current(job) {
        return Some(
            "the operator has not seen it yet; if that lasts: is Anomal installed, and does it watch this \
             namespace? (kubectl get deployments -A -l app.kubernetes.io/name=anomal)"
                .into(),
        );
    }
    let status = job.status.as_ref()?;
    let again = invocation
        .kubectl("annotate --overwrite", &format!("aj/{name} anomal.dev/rerun=\"$(date +%s)\""));
    let edit = invocation.kubectl("edit", &format!("aj/{name}"));
    let logs = invocation.command("logs", name);
    if state::is_stream(job) {
        match status.reason.as_str() {
            "OutOfMemory" => return Some(format!("raise it, and its pod is replaced: {edit}")),
            "InputRefused" | "ServiceUnavailable" | "RunFailed" | "Evicted" => {
                return Some(format!("its pod is started again by itself; see its log: {logs}"));
            }
            _ => {}
        }
    }
    Some(match status.reason.as_str() {
        "InvalidSpec" => format!("correct its spec: {edit}"),
        "SecretNotFound" => "create the Secret, or its key; the run then continues".into(),
        "ConfigMapNotFound" => "create the ConfigMap, or its key; the run then continues".into(),
        "ClaimNotFound" => "create the PersistentVolumeClaim; the run then continues".into(),
        "Unschedulable" => format!(
            "no node fits its pod: request less in spec.runner (resources, nodeSelector, tolerations), or add a \
             node: {edit}"
        ),
        "ImagePullFailed" => {
            "set the runner's image in the release (Helm: runner.image and its pullSecrets); the pull is retried"
                .into()
        }
        "VolumeNotMounted" => format!("correct the volume, or spec.runner.volumes: {edit}"),
        "ContainerRefused" | "Refused" => format!("correct spec.runner or spec.schedule: {edit}"),
        "PodRefused" => "the namespace's quota, security level or policies refuse the pod: \
                         kubectl describe namespace, resourcequota"
            .into(),
        "OutOfMemory" => format!("then run it again: {again}"),
        "DeadlineExceeded" => format!("raise it, or reduce the input, and run it again: {again}"),
        "Evicted" => format!(
            "its node ran out of a resource: request it in spec.runner.resources, and run it again: {again}"
        ),
        "SettingsRefused" => format!("correct its spec, and it runs again: {edit}"),
        "InputRefused" => format!("correct the input, and run it again: {again}"),
        "ServiceUnavailable" => format!("run it again when the service answers: {again}"),
        "RunFailed" => format!("see its log: {logs}; to run it again: {again}"),
        "LastRunFailed" => format!("see its log: {logs}"),
        _ if status.phase == Phase::Suspended => format!(
            "to resume it: {}",
            invocation.kubectl(
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

    use super::{
        super::state::tests::{job, job_in},
        *,
    };

    fn invocation() -> Invocation {
        Invocation { program: "kubectl anomal", options: " -n blue".into() }
    }

    #[test]
    fn hints_can_be_copied() {
        let hint = |phase, reason| hint(&job_in(phase, reason), &invocation()).unwrap_or_default();
        assert!(hint("Failed", "RunFailed").contains("kubectl anomal logs dns -n blue;"));
        let again = "kubectl annotate --overwrite -n blue aj/dns anomal.dev/rerun=\"$(date +%s)\"";
        assert!(hint("Failed", "InputRefused").ends_with(again));
        let go_on = "kubectl patch -n blue aj/dns --type merge -p '{\"spec\":{\"suspend\":false}}'";
        assert!(hint("Suspended", "Suspended").ends_with(go_on));
        assert_eq!(hint("Running", "Running"), "");
        assert_eq!(hint("Complete", "Completed"), "");
    }

    #[test]
    fn a_stream_starts_again_by_itself() {
        let mut job = job_in("Pending", "InputRefused");
        job.spec = serde_json::from_value(json!({"stream": {}})).unwrap();
        let hint = hint(&job, &invocation()).unwrap();
        assert_eq!(
            hint,
            "its pod is started again by itself; see its log: kubectl anomal logs dns -n blue"
        );
    }

    #[test]
    fn an_older_status_hints_at_the_operator() {
        let older =
            job(&json!({"observedGeneration": 1, "phase": "Complete", "reason": "Completed"}));
        assert!(hint(&older, &invocation()).unwrap().contains("not seen it yet"));
    }
}
