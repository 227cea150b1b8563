//! A release, as Helm installs it, and what it stands on.

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

/// A release has roles and a definition of the whole cluster: one at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the definition of AnomalyJobs away, as in a cluster that never had it. Jobs of others are not to go with it.
pub fn undefined(cluster: &Cluster) {
    let crd = "customresourcedefinition/anomalyjobs.anomal.dev";
    if cluster.kubectl(&["get", crd]).is_err() {
        return;
    }
    eventually("the AnomalyJobs of other tests to go", PATIENCE, || {
        let places = "{range .items[*]}{.metadata.namespace} {.metadata.name}{'\\n'}{end}";
        let output = format!("--output=jsonpath={places}");
        let jobs = cluster.kubectl(&["get", "anomalyjobs", "--all-namespaces", &output]).unwrap();
        for (namespace, job) in jobs.lines().filter_map(|line| line.split_once(' ')) {
            // A namespace that ended while an API server came back, which did not know the definition yet, has left
            // its jobs behind for good.
            if cluster.kubectl(&["get", "namespace", namespace]).is_err() {
                let delete = ["delete", "anomalyjob", job, "-n", namespace, "--ignore-not-found"];
                cluster.kubectl(&delete).unwrap();
            }
        }
        jobs.trim().is_empty().then_some(())
    });
    cluster.kubectl(&["delete", crd, "--timeout=60s"]).unwrap();
}

/// Brings it, for a release that does not.
pub fn defined(cluster: &Cluster) {
    let crd = Command::new(program("anomal-operator")).arg("crd").output().unwrap();
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), crd.stdout).unwrap();
    let path = file.path().to_str().unwrap();
    cluster.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", path]).unwrap();
    established(cluster, "anomalyjobs.anomal.dev");
}

/// Waits until a definition holds. kubectl does not wait for one that has no status yet.
fn established(cluster: &Cluster, name: &str) {
    let wait = ["wait", "--for=condition=Established", &format!("crd/{name}"), "--timeout=30s"];
    eventually("a definition", PATIENCE, || cluster.kubectl(&wait).ok());
}

/// A release, which goes with the value; so does its namespace.
pub struct Release {
    pub home: Namespace,
    /// Its authority, where it has one.
    pub ca: NamedTempFile,
}

impl Release {
    /// With a file of values of the chart's own, and more of them.
    pub fn install(home: Namespace, file: &str, more: &Value) -> Self {
        let release = Self { home, ca: NamedTempFile::new().unwrap() };
        release.helm(&["install", "anomal", &chart()], file, more);
        release.is_there();
        if let Some(ca) = secret(&release.home, "anomal-ca", "ca.crt") {
            fs::write(release.ca.path(), ca).unwrap();
        }
        release
    }

    pub fn upgrade(&self, file: &str, more: &Value) {
        self.helm(&["upgrade", "anomal", &chart()], file, more);
        self.is_there();
    }

    fn helm(&self, words: &[&str], file: &str, more: &Value) {
        let values = NamedTempFile::new().unwrap();
        fs::write(values.path(), more.to_string()).unwrap();
        let (file, more) = (ci_file(file), values.path().to_str().unwrap());
        let rest = ["--values", &file, "--set", IMAGES, "--values", more];
        self.tell(&[words, &rest].concat());
    }

    /// What Helm prints.
    #[track_caller]
    pub fn tell(&self, words: &[&str]) -> String {
        let place = ["--namespace", self.home.name.as_str()];
        self.home.cluster.helm(&[words, &place].concat()).unwrap_or_else(|error| {
            let pods = self.home.kubectl(&["describe", "pods"]).unwrap_or_default();
            panic!("{error:#}\n{pods}")
        })
    }

    /// As the notes say.
    pub fn is_there(&self) {
        let selector = "app.kubernetes.io/instance=anomal";
        let wait = ["rollout", "status", "deployment", "--selector", selector, "--timeout=150s"];
        self.home.kubectl(&wait).unwrap_or_else(|error| {
            let pods = self.home.kubectl(&["describe", "pods"]).unwrap_or_default();
            let log = ["logs", "--selector", selector, "--all-containers", "--prefix"];
            let logs = self.home.kubectl(&log).unwrap_or_default();
            panic!("{error}\n{pods}\n{logs}")
        });
    }

    /// Takes it away, and everything that is its own.
    pub fn uninstall(&self) {
        self.tell(&["uninstall", "anomal"]);
    }

    /// The pods of a component that are ready: names and addresses.
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

    /// That of the component's one pod.
    pub fn address(&self, component: &str) -> String {
        self.pods(component).remove(0).1
    }

    /// An engine's address and how it is verified, for a caller on this machine, which knows no names of the cluster.
    pub fn engine(&self, component: &str, port: u16) -> RemoteEngine {
        let server_name = Some(format!("anomal-{component}.{}.svc", self.home.name));
        let ca = Some(self.ca.path().display().to_string());
        RemoteEngine {
            endpoints: vec![format!("https://{}:{port}", self.address(component))],
            tls: Some(Tls { ca, server_name, ..Tls::default() }),
            ..RemoteEngine::default()
        }
    }

    /// Where people reach the report engine's pages: its Service's address and port.
    pub fn pages(&self) -> String {
        let service = self.home.get("service", "anomal-report").unwrap();
        let address = service["spec"]["clusterIP"].as_str().unwrap();
        format!("{address}:{}", service["spec"]["ports"][0]["port"])
    }

    /// How often the pods of a component answered a method well.
    pub fn answered(&self, component: &str, method: &str) -> u64 {
        self.pods(component).iter().map(|(_, address)| answered(address, method)).sum()
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        // It may have been taken away, which is what is wanted.
        let place = ["--namespace", self.home.name.as_str()];
        let _ = self.home.cluster.helm(&[&["uninstall", "anomal"][..], &place].concat());
    }
}

/// How often a pod answered a method well.
pub fn answered(address: &str, method: &str) -> u64 {
    figure(address, &format!("anomal_grpc_requests_total{{method=\"{method}\",code=\"Ok\"}}"))
}

/// Requests that a pod works on.
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

/// A token of a namespace's service account for an audience; none: the API server's own.
pub fn token(namespace: &Namespace, audience: Option<&str>) -> String {
    let mut words = vec!["create", "token", "default"];
    words.extend(audience.into_iter().flat_map(|audience| ["--audience", audience]));
    namespace.kubectl(&words).unwrap().trim().to_owned()
}

/// A folder of this machine as a volume for one claim; it goes with the value.
pub struct Volume {
    cluster: &'static Cluster,
    pub folder: TempDir,
    name: String,
}

impl Volume {
    /// For a claim of that class ("": of none).
    pub fn new(namespace: &Namespace, claim: &str, class: &str, mode: &str) -> Self {
        let folder = TempDir::with_prefix("anomal-volume-").unwrap();
        // No owner is set on a volume of this kind.
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

    /// The claim, where nobody else makes it.
    pub fn claim(namespace: &Namespace, claim: &str) {
        namespace.apply(&json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "",
            },
        }));
    }

    /// A folder in it that pods can write to.
    pub fn make(&self, name: &str) {
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

/// Definitions of cert-manager, the Prometheus operator and the Gateway API, which take anything; those that were made
/// go with the value.
pub struct Definitions {
    cluster: &'static Cluster,
    made: Vec<String>,
}

impl Definitions {
    pub fn of_others(cluster: &'static Cluster) -> Self {
        let mut made = Vec::new();
        for (group, version, kind, plural) in [
            ("cert-manager.io", "v1", "Issuer", "issuers"),
            ("cert-manager.io", "v1", "Certificate", "certificates"),
            ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
            ("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"),
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
                    // That group is kept for those who were asked about it.
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
            made.push(name);
        }
        for name in &made {
            established(cluster, name);
        }
        Self { cluster, made }
    }
}

impl Drop for Definitions {
    fn drop(&mut self) {
        for name in &self.made {
            let _ = self.cluster.kubectl(&["delete", "crd", name, "--wait=false"]);
        }
    }
}

/// Long enough for what takes pods some rounds.
pub const LONG: Duration = Duration::from_mins(4);
