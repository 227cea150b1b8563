//! The pod that runs a job: unprivileged, with a read-only root file system and no token for the API server.

use std::collections::{BTreeMap, BTreeSet};

use anomal_spec::{AnomalyJobSpec, Input, InputDriver, Output, Runner, Stream};
use serde_json::{Value, json};

use super::{Installation, Owner, pods};
use crate::labels;

/// The user of the images.
const USER: i64 = 65532;
const SETTINGS: &str = "/etc/anomal";
pub const CA_FILE: &str = "/etc/anomal/ca.crt";
const TRUST_FILE: &str = "/etc/anomal/trust.yaml";
const IDENTITY: &str = "/var/run/secrets/anomal.dev/identity";
pub const TOKEN_FILE: &str = "/var/run/secrets/anomal.dev/identity/token";
const CREDENTIALS: &str = "/var/run/secrets/anomal.dev/credentials";
/// The base folder of relative paths in settings.
pub const DATA: &str = "/data";
/// The label with the name of the Job, which the Job controller sets.
const JOB_NAME: &str = "metadata.labels['batch.kubernetes.io/job-name']";
/// The label with the number of a pod, from 0, which the controller of a `StatefulSet` sets.
const POD_INDEX: &str = "metadata.labels['apps.kubernetes.io/pod-index']";
/// The name of the container.
pub const CONTAINER: &str = "runner";
/// The port of metrics and probes of a stream.
pub const METRICS: u16 = 9400;
/// A stream that ends has 30 s to write its last results.
const GRACE: u16 = 60;
/// The lifetime of a token. The kubelet renews it when a fifth of that is left, so a run may take longer.
const TOKEN_SECONDS: i64 = 3600;

/// The template for the pod of a stream: it is started again whenever it ends, and has metrics and probes.
pub fn of_stream(owner: &Owner<'_>, settings: &str, installation: &Installation) -> Value {
    let mut template = template(owner, None, settings, installation);
    let spec = &mut template["spec"];
    spec["restartPolicy"] = "Always".into();
    spec["terminationGracePeriodSeconds"] = GRACE.into();
    let container = &mut spec["containers"][0];
    if let Some(environment) = container["env"].as_array_mut() {
        // Each record has one result, whatever run it is of.
        environment.retain(|variable| variable["name"] != "ANOMAL_RUN");
        let listen = json!({"name": "ANOMAL_METRICS_LISTEN", "value": format!("[::]:{METRICS}")});
        environment.insert(0, listen);
        if owner.spec.is_assigned_by_group() {
            let name = json!({"fieldRef": {"fieldPath": "metadata.name"}});
            environment.insert(1, json!({"name": "ANOMAL_MEMBER", "valueFrom": name}));
        } else if owner.spec.has_shared_partitions() {
            let number = json!({"fieldRef": {"fieldPath": POD_INDEX}});
            let replica = format!("$(ANOMAL_POD_INDEX)/{}", pods(owner.spec));
            // A variable refers to those before it.
            environment.insert(1, json!({"name": "ANOMAL_POD_INDEX", "valueFrom": number}));
            environment.insert(2, json!({"name": "ANOMAL_REPLICA", "value": replica}));
        }
    }
    container["ports"] = json!([{"name": "metrics", "containerPort": METRICS}]);
    let probe = |path: &str, failures: u16| json!({"httpGet": {"path": path, "port": "metrics"}, "periodSeconds": 5, "failureThreshold": failures});
    container["readinessProbe"] = probe("/readyz", 1);
    container["livenessProbe"] = probe("/healthz", 12);
    template
}

/// The template for pods of `run`, with the settings of the `ConfigMap` `settings`.
pub fn template(
    owner: &Owner<'_>,
    run: Option<&str>,
    settings: &str,
    installation: &Installation,
) -> Value {
    let own = owner.spec.runner.clone().unwrap_or_default();
    let runner = merged(&installation.defaults, &own);
    let mut labels = runner.labels.clone();
    labels.extend(labels::for_job(owner.name));
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
        // A runner that could not write its termination message has the end of its log instead.
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

/// The settings of the job over those of the release.
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

/// The variables of the job come last: of several with one name, the last is used.
fn environment(installation: &Installation, runner: &Runner) -> Vec<Value> {
    let mut environment = vec![
        json!({"name": "ANOMAL_IN_CLUSTER", "value": "true"}),
        json!({"name": "ANOMAL_TERMINATION_LOG", "value": "/dev/termination-log"}),
        json!({"name": "ANOMAL_SECRETS", "value": CREDENTIALS}),
        // The file system is read-only elsewhere.
        json!({"name": "XDG_CACHE_HOME", "value": "/tmp/cache"}),
        // The name of the Job: the same for all attempts, and another for each run of a schedule.
        json!({"name": "ANOMAL_RUN", "valueFrom": {"fieldRef": {"fieldPath": JOB_NAME}}}),
    ];
    let optional = [
        ("ANOMAL_OTLP_ENDPOINT", &installation.otlp_endpoint),
        ("ANOMAL_REPORT_ADDRESS", &installation.report_address),
        ("TRACEPARENT", &installation.traceparent),
    ];
    for (name, value) in optional {
        environment.extend(value.as_ref().map(|value| json!({"name": name, "value": value})));
    }
    if installation.trust.is_some() {
        environment.push(json!({"name": "ANOMAL_TRUST", "value": TRUST_FILE}));
    }
    environment.extend(runner.env.iter().map(|variable| json!(variable)));
    environment
}

/// The Secrets that the settings name, each once.
pub fn secrets(spec: &AnomalyJobSpec) -> BTreeSet<&str> {
    let history = spec.stream.as_ref().and_then(Stream::preload);
    let mut found: Vec<Option<&anomal_spec::Auth>> = vec![
        spec.input.driver().and_then(InputDriver::auth),
        history.and_then(Input::driver).and_then(InputDriver::auth),
        spec.dead_letter.as_ref().and_then(|dead| dead.auth.as_ref()),
        spec.stream.as_ref().and_then(|stream| stream.state.checkpoint.auth.as_ref()),
    ];
    for driver in spec.outputs.iter().filter_map(Output::driver) {
        found.push(driver.auth());
        found.push(driver.dead_letter().and_then(|file| file.auth.as_ref()));
    }
    found.extend(spec.packs.iter().filter_map(|pack| Some(pack.details()?.auth.as_ref())));
    found.extend(spec.lists.iter().map(|list| list.auth.as_ref()));
    found.into_iter().flatten().map(|auth| auth.secret_ref.name.as_str()).collect()
}
