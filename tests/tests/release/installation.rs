//! A release installed by Helm, and the volumes and definitions that it needs.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anomal_spec::{RemoteEngine, Tls};
use anomal_testbed::Cluster;
use anomal_tests::{
    TempDir,
    cluster::{Namespace, PATIENCE, eventually},
    http, program,
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::chart::{IMAGES, chart, ci_file, list, name};

/// Serialises the tests with a release, because its cluster roles and definition are shared.
pub fn exclusive_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the AnomalyJob definition, as in a new cluster, once no other test has jobs.
pub fn remove_definition(cluster: &Cluster) {
    let crd = "customresourcedefinition/anomalyjobs.anomal.dev";
    if cluster.kubectl(&["get", crd]).is_err() {
        return;
    }
    eventually("the AnomalyJobs of other tests to go", PATIENCE, || {
        let places = "{range .items[*]}{.metadata.namespace} {.metadata.name}{'\\n'}{end}";
        let output = format!("--output=jsonpath={places}");
        let jobs = cluster.kubectl(&["get", "anomalyjobs", "--all-namespaces", &output]).unwrap();
        for (namespace, job) in jobs.lines().filter_map(|line| line.split_once(' ')) {
            // A namespace that was deleted while a restarted API server did not yet know the definition leaves its jobs
            // behind.
            if cluster.kubectl(&["get", "namespace", namespace]).is_err() {
                let delete = ["delete", "anomalyjob", job, "-n", namespace, "--ignore-not-found"];
                cluster.kubectl(&delete).unwrap();
            }
        }
        jobs.trim().is_empty().then_some(())
    });
    cluster.kubectl(&["delete", crd, "--timeout=60s"]).unwrap();
}

/// Applies the definition, for a release without it.
pub fn apply_definition(cluster: &Cluster) {
    let crd = Command::new(program("anomal-operator")).arg("crd").output().unwrap();
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), crd.stdout).unwrap();
    let path = file.path().to_str().unwrap();
    cluster.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", path]).unwrap();
    wait_until_established(cluster, "anomalyjobs.anomal.dev");
}

/// Waits until a definition is established. kubectl does not wait for one without a status.
fn wait_until_established(cluster: &Cluster, name: &str) {
    let wait = ["wait", "--for=condition=Established", &format!("crd/{name}"), "--timeout=30s"];
    eventually("a definition", PATIENCE, || cluster.kubectl(&wait).ok());
}

/// A release; it is uninstalled when dropped, with its namespace.
pub struct Release {
    pub home: Namespace,
    /// Its certificate authority, if it has one.
    pub ca: NamedTempFile,
}

impl Release {
    /// Installs it with one of the chart's values files and additional values.
    pub fn install(home: Namespace, file: &str, more: &Value) -> Self {
        let release = Self { home, ca: NamedTempFile::new().unwrap() };
        release.helm(&["install", "anomal", &chart()], file, more);
        release.wait_until_ready();
        if let Some(ca) = secret(&release.home, "anomal-ca", "ca.crt") {
            fs::write(release.ca.path(), ca).unwrap();
        }
        release
    }

    pub fn upgrade(&self, file: &str, more: &Value) {
        self.helm(&["upgrade", "anomal", &chart()], file, more);
        self.wait_until_ready();
    }

    fn helm(&self, words: &[&str], file: &str, more: &Value) {
        let values = NamedTempFile::new().unwrap();
        fs::write(values.path(), more.to_string()).unwrap();
        let (file, more) = (ci_file(file), values.path().to_str().unwrap());
        let rest = ["--values", &file, "--set", IMAGES, "--values", more];
        self.helm_output(&[words, &rest].concat());
    }

    /// Runs Helm and returns its output.
    #[track_caller]
    pub fn helm_output(&self, words: &[&str]) -> String {
        let place = ["--namespace", self.home.name.as_str()];
        self.home.cluster.helm(&[words, &place].concat()).unwrap_or_else(|error| {
            let pods = self.home.kubectl(&["describe", "pods"]).unwrap_or_default();
            panic!("{error:#}\n{pods}")
        })
    }

    /// Waits for the Deployments, as the notes say.
    pub fn wait_until_ready(&self) {
        let selector = "app.kubernetes.io/instance=anomal";
        let wait = ["rollout", "status", "deployment", "--selector", selector, "--timeout=150s"];
        self.home.kubectl(&wait).unwrap_or_else(|error| {
            let pods = self.home.kubectl(&["describe", "pods"]).unwrap_or_default();
            let log = ["logs", "--selector", selector, "--all-containers", "--prefix"];
            let logs = self.home.kubectl(&log).unwrap_or_default();
            panic!("{error}\n{pods}\n{logs}")
        });
    }

    /// Uninstalls it with Helm.
    pub fn uninstall(&self) {
        self.helm_output(&["uninstall", "anomal"]);
    }

    /// The names and addresses of a component's ready pods.
    pub fn pods(&self, component: &str) -> Vec<(String, String)> {
        let selector = format!("app.kubernetes.io/component={component}");
        let pods = self.home.kubectl(&["get", "pods", "--selector", &selector, "--output=json"]);
        let pods: Value = serde_json::from_str(&pods.unwrap()).unwrap();
        let ready = list(&pods["items"]).iter().filter(|pod| {
            let conditions = list(&pod["status"]["conditions"]).iter();
            let mut ready = conditions.filter(|one| one["type"] == "Ready");
            pod["metadata"]["deletionTimestamp"].is_null()
                && ready.any(|one| one["status"] == "True")
        });
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        ready.map(|pod| (name(pod).to_owned(), text(&pod["status"]["podIP"]))).collect()
    }

    /// The address of a component's only pod.
    pub fn address(&self, component: &str) -> String {
        self.pods(component).remove(0).1
    }

    /// The connection settings of an engine for a client on this machine, which can't resolve the cluster's names.
    pub fn engine(&self, component: &str, port: u16) -> RemoteEngine {
        let server_name = Some(format!("anomal-{component}.{}.svc", self.home.name));
        let ca = Some(self.ca.path().display().to_string());
        RemoteEngine {
            endpoints: vec![format!("https://{}:{port}", self.address(component))],
            tls: Some(Tls { ca, server_name, ..Tls::default() }),
            ..RemoteEngine::default()
        }
    }

    /// The address and port of the report engine's Service.
    pub fn pages(&self) -> String {
        let service = self.home.get("service", "anomal-report").unwrap();
        let address = service["spec"]["clusterIP"].as_str().unwrap();
        format!("{address}:{}", service["spec"]["ports"][0]["port"])
    }

    /// The number of successful calls of a method over a component's pods.
    pub fn answered(&self, component: &str, method: &str) -> u64 {
        self.pods(component).iter().map(|(_, address)| answered(address, method)).sum()
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        // It may have been uninstalled already.
        let place = ["--namespace", self.home.name.as_str()];
        let _ = self.home.cluster.helm(&[&["uninstall", "anomal"][..], &place].concat());
    }
}

/// The number of successful calls of a method of a pod.
pub fn answered(address: &str, method: &str) -> u64 {
    figure(address, &format!("anomal_grpc_requests_total{{method=\"{method}\",code=\"Ok\"}}"))
}

/// The number of a pod's requests in flight.
pub fn in_flight(address: &str) -> u64 {
    figure(address, "anomal_grpc_requests_in_flight")
}

fn figure(address: &str, name: &str) -> u64 {
    let text = http::get(&format!("http://{address}:9400"), "/metrics", &[]).text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |figure| figure.trim().parse().unwrap())
}

/// A value of a Secret.
pub fn secret(namespace: &Namespace, name: &str, key: &str) -> Option<String> {
    let template = format!("--output=go-template={{{{index .data \"{key}\" | base64decode}}}}");
    namespace.kubectl(&["get", "secret", name, &template]).ok()
}

/// A token of a namespace's service account for an audience, by default the API server's.
pub fn token(namespace: &Namespace, audience: Option<&str>) -> String {
    let mut words = vec!["create", "token", "default"];
    words.extend(audience.into_iter().flat_map(|audience| ["--audience", audience]));
    namespace.kubectl(&words).unwrap().trim().to_owned()
}

/// A folder of this machine as a volume for one claim; deleted when dropped.
pub struct Volume {
    cluster: &'static Cluster,
    pub folder: TempDir,
    name: String,
}

impl Volume {
    /// Creates it for a claim of this storage class ("" for none).
    pub fn new(namespace: &Namespace, claim: &str, class: &str, mode: &str) -> Self {
        let folder = TempDir::with_prefix("anomal-volume-").unwrap();
        // Kubernetes does not set the owner of such a volume.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let name = format!("{}-{claim}", namespace.name);
        let volume = json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": "100Gi"}, "accessModes": [mode], "storageClassName": class,
                "hostPath": {"path": folder.path()}, "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": {"name": claim, "namespace": namespace.name},
            },
        });
        namespace.cluster.apply(&volume.to_string()).unwrap();
        Self { cluster: namespace.cluster, folder, name }
    }

    /// Creates the claim.
    pub fn create_claim(namespace: &Namespace, claim: &str) {
        namespace.apply(&json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "",
            },
        }));
    }

    /// Creates a folder in it that pods can write to.
    pub fn create_folder(&self, name: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = self.cluster.kubectl(&["delete", "pv", &self.name, "--wait=false"]);
    }
}

/// Permissive definitions of cert-manager, the Prometheus operator and the Gateway API; those that it created are deleted
/// when dropped.
pub struct Definitions {
    cluster: &'static Cluster,
    created: Vec<String>,
}

impl Definitions {
    pub fn of_third_parties(cluster: &'static Cluster) -> Self {
        let mut created = Vec::new();
        for (group, version, kind, plural) in [
            ("cert-manager.io", "v1", "Issuer", "issuers"),
            ("cert-manager.io", "v1", "Certificate", "certificates"),
            ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
            ("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"),
            ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
            ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
        ] {
            let name = format!("{plural}.{group}");
            if cluster.kubectl(&["get", "crd", &name]).is_ok() {
                continue;
            }
            let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
            let singular = kind.to_lowercase();
            let definition = json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {
                    "name": name,
                    // The group is protected and requires this annotation.
                    "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
                },
                "spec": {
                    "group": group, "scope": "Namespaced",
                    "names": {"kind": kind, "plural": plural, "singular": singular},
                    "versions": [{
                        "name": version, "served": true, "storage": true,
                        "schema": {"openAPIV3Schema": anything},
                    }],
                },
            });
            cluster.apply(&definition.to_string()).unwrap();
            created.push(name);
        }
        for name in &created {
            wait_until_established(cluster, name);
        }
        Self { cluster, created }
    }
}

impl Drop for Definitions {
    fn drop(&mut self) {
        for name in &self.created {
            let _ = self.cluster.kubectl(&["delete", "crd", name, "--wait=false"]);
        }
    }
}

/// For operations that restart pods several times.
pub const LONG: Duration = Duration::from_mins(4);
