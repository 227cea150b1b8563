//! The pod that runs a job: no user's rights, nothing to write to but what is mounted, no token of the API server.

use std::collections::{BTreeMap, BTreeSet};

use anomal_spec::{AnomalyJobSpec, Runner};
use serde_json::{Value, json};

use super::{Installation, Owner};
use crate::labels;

/// The user that the images are made for.
const USER: i64 = 65532;
const SETTINGS: &str = "/etc/anomal";
pub const CA_FILE: &str = "/etc/anomal/ca.crt";
const IDENTITY: &str = "/var/run/secrets/anomal.dev/identity";
pub const TOKEN_FILE: &str = "/var/run/secrets/anomal.dev/identity/token";
const CREDENTIALS: &str = "/var/run/secrets/anomal.dev/credentials";
/// Where paths of settings begin that are not absolute.
pub const DATA: &str = "/data";
/// What the Job controller tells a pod of its Job.
const JOB_NAME: &str = "metadata.labels['batch.kubernetes.io/job-name']";
/// The container's name, by which the operator finds its end.
pub const CONTAINER: &str = "runner";
/// The kubelet renews a token when a fifth of its life is left; a run may take longer than that.
const TOKEN_SECONDS: i64 = 3600;

/// A template for pods of `run`, of the settings in the `ConfigMap` of that name.
pub fn template(
    owner: &Owner<'_>,
    run: Option<&str>,
    settings: &str,
    installation: &Installation,
) -> Value {
    let own = owner.spec.runner.clone().unwrap_or_default();
    let runner = merged(&installation.defaults, &own);
    let mut labels = runner.labels.clone();
    labels.extend(labels::of(owner.name));
    labels.extend(run.map(|run| (labels::RUN.to_owned(), run.to_owned())));
    let mut volumes = Vec::new();
    let mut mounts = Vec::new();
    let mut add = |volume: Value, path: &str, read_only: bool| {
        mounts.push(json!({"name": volume["name"], "mountPath": path, "readOnly": read_only}));
        volumes.push(volume);
    };
    add(json!({"name": "anomal-settings", "configMap": {"name": settings}}), SETTINGS, true);
    add(json!({"name": "anomal-tmp", "emptyDir": {}}), "/tmp", false);
    if !runner.volume_mounts.iter().any(|mount| mount.mount_path.trim_end_matches('/') == DATA) {
        add(json!({"name": "anomal-data", "emptyDir": {}}), DATA, false);
    }
    if let Some(audience) = &installation.audience {
        let token =
            json!({"audience": audience, "expirationSeconds": TOKEN_SECONDS, "path": "token"});
        let sources = json!({"sources": [{"serviceAccountToken": token}]});
        add(json!({"name": "anomal-identity", "projected": sources}), IDENTITY, true);
    }
    for (index, secret) in secrets(owner.spec).into_iter().enumerate() {
        let volume =
            json!({"name": format!("anomal-secret-{index}"), "secret": {"secretName": secret}});
        add(volume, &format!("{CREDENTIALS}/{secret}"), true);
    }
    volumes.extend(runner.volumes.iter().map(|volume| json!(volume)));
    mounts.extend(runner.volume_mounts.iter().map(|mount| json!(mount)));
    let secrets: Vec<Value> =
        installation.image_pull_secrets.iter().map(|name| json!({"name": name})).collect();
    let container = json!({
        "name": CONTAINER,
        "image": installation.image,
        "imagePullPolicy": installation.image_pull_policy,
        "args": ["run", format!("{SETTINGS}/job.yaml"), "--base-folder", DATA],
        "env": environment(installation, &runner),
        "resources": runner.resources.as_ref().map_or_else(|| json!({}), |resources| json!(resources)),
        "volumeMounts": mounts,
        // What the runner writes there is its last word; of one that could not write, its last lines.
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
    });
    json!({
        "metadata": {"labels": labels, "annotations": runner.annotations},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "serviceAccountName": runner.service_account_name.as_deref().unwrap_or("default"),
            "imagePullSecrets": secrets,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "nodeSelector": runner.node_selector,
            "tolerations": runner.tolerations,
            "volumes": volumes,
            "containers": [container],
        },
    })
}

/// What the job says over what the release says.
fn merged(defaults: &Runner, own: &Runner) -> Runner {
    fn maps(
        one: &BTreeMap<String, String>,
        over: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        one.iter().chain(over).map(|(key, value)| (key.clone(), value.clone())).collect()
    }
    fn lists<T: Clone>(one: &[T], over: &[T]) -> Vec<T> {
        [one, over].concat()
    }
    Runner {
        service_account_name: own
            .service_account_name
            .clone()
            .or_else(|| defaults.service_account_name.clone()),
        resources: own.resources.clone().or_else(|| defaults.resources.clone()),
        node_selector: maps(&defaults.node_selector, &own.node_selector),
        tolerations: lists(&defaults.tolerations, &own.tolerations),
        volumes: lists(&defaults.volumes, &own.volumes),
        volume_mounts: lists(&defaults.volume_mounts, &own.volume_mounts),
        env: lists(&defaults.env, &own.env),
        labels: maps(&defaults.labels, &own.labels),
        annotations: maps(&defaults.annotations, &own.annotations),
    }
}

/// The job's own variables come last: the last of a name counts.
fn environment(installation: &Installation, runner: &Runner) -> Vec<Value> {
    let mut environment = vec![
        json!({"name": "ANOMAL_IN_CLUSTER", "value": "true"}),
        json!({"name": "ANOMAL_TERMINATION_LOG", "value": "/dev/termination-log"}),
        json!({"name": "ANOMAL_SECRETS", "value": CREDENTIALS}),
        // Of the Job, which has one name for all tries and another at each time of a schedule.
        json!({"name": "ANOMAL_RUN", "valueFrom": {"fieldRef": {"fieldPath": JOB_NAME}}}),
    ];
    let told = [
        ("ANOMAL_OTLP_ENDPOINT", &installation.otlp_endpoint),
        ("ANOMAL_REPORT_ADDRESS", &installation.report_address),
        ("TRACEPARENT", &installation.traceparent),
    ];
    for (name, value) in told {
        environment.extend(value.as_ref().map(|value| json!({"name": name, "value": value})));
    }
    environment.extend(runner.env.iter().map(|variable| json!(variable)));
    environment
}

/// The Secrets that the settings name, each once.
pub fn secrets(spec: &AnomalyJobSpec) -> BTreeSet<&str> {
    let input = &spec.input;
    let mut found: Vec<Option<&anomal_spec::Auth>> = vec![
        input.csv.as_ref().and_then(|csv| csv.auth.as_ref()),
        input.parquet.as_ref().and_then(|parquet| parquet.auth.as_ref()),
        input.ndjson.as_ref().and_then(|ndjson| ndjson.auth.as_ref()),
        input.elasticsearch.as_ref().and_then(|server| server.auth.as_ref()),
        spec.dead_letter.as_ref().and_then(|dead| dead.auth.as_ref()),
    ];
    for output in &spec.outputs {
        found.push(output.csv.as_ref().and_then(|csv| csv.auth.as_ref()));
        found.push(output.parquet.as_ref().and_then(|parquet| parquet.auth.as_ref()));
        found.push(output.ndjson.as_ref().and_then(|ndjson| ndjson.auth.as_ref()));
        let server = output.elasticsearch.as_ref();
        found.push(server.and_then(|server| server.auth.as_ref()));
        let refused = server.and_then(|server| server.dead_letter.as_ref());
        found.push(refused.and_then(|file| file.auth.as_ref()));
    }
    found.into_iter().flatten().map(|auth| auth.secret_ref.name.as_str()).collect()
}
