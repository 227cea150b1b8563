//! The test cluster: namespaces that are deleted after the test, operators as local processes, small jobs.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Once,
    thread,
    time::{Duration, Instant},
};

use anomal_testbed::Cluster;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// How long pods may take to start and end on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(2);
const IMAGE: &str = "localhost/anomal/runner:test";

/// The test cluster with the AnomalyJob definition; reports the test as skipped and returns `None` if there is none.
pub fn cluster() -> Option<&'static Cluster> {
    static DEFINED: Once = Once::new();
    let cluster = Cluster::for_test().expect("the cluster")?;
    DEFINED.call_once(|| {
        let crd = Command::new(crate::program("anomal-operator")).arg("crd").output();
        let file = NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), crd.expect("the definition").stdout).expect("file written");
        let path = file.path().to_str().expect("UTF-8");
        let apply = ["apply", "--server-side", "--force-conflicts", "-f", path];
        cluster.kubectl(&apply).expect("the definition is applied");
        let wait = ["wait", "--for=condition=Established", "crd/anomalyjobs.anomal.dev"];
        // kubectl fails, rather than waits, for a definition that has no conditions yet.
        eventually("an established definition", PATIENCE, || cluster.kubectl(&wait).ok());
    });
    Some(cluster)
}

/// A namespace, deleted when dropped.
pub struct Namespace {
    pub cluster: &'static Cluster,
    pub name: String,
}

impl Namespace {
    /// Creates a namespace that enforces Pod Security `restricted`, with a small CSV file in the `ConfigMap` logs.
    pub fn new(cluster: &'static Cluster, name: &str) -> Self {
        let name = format!("{name}-{:x}", std::process::id());
        let restricted = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": restricted},
        });
        cluster.apply(&namespace.to_string()).expect("the namespace is made");
        let namespace = Self { cluster, name };
        // A controller creates it shortly after the namespace.
        eventually("a service account", PATIENCE, || namespace.get("serviceaccount", "default"));
        namespace.apply(&json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "logs"}, "data": {"logs.csv": LOGS},
        }));
        namespace
    }

    /// # Errors
    /// kubectl's error message.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        let all = [&["--namespace", self.name.as_str()], arguments].concat();
        self.cluster.kubectl(&all).map_err(|error| format!("{error:#}"))
    }

    #[track_caller]
    pub fn apply(&self, object: &Value) {
        self.try_apply(object).expect("the object is applied");
    }

    /// # Errors
    /// kubectl's error message.
    pub fn try_apply(&self, object: &Value) -> Result<String, String> {
        let mut object = object.clone();
        object["metadata"]["namespace"] = self.name.as_str().into();
        self.cluster.apply(&object.to_string()).map_err(|error| format!("{error:#}"))
    }

    pub fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let asked = ["get", kind, name, "--ignore-not-found", "--output=json"];
        serde_json::from_str(&self.kubectl(&asked).ok()?).ok()
    }

    /// All objects of a kind that an operator created.
    pub fn list(&self, kind: &str) -> Vec<Value> {
        let ours = "--selector=app.kubernetes.io/managed-by=anomal-operator";
        let text = self.kubectl(&["get", kind, ours, "--output=json"]).expect("the objects");
        let list: Value = serde_json::from_str(&text).expect("JSON");
        list["items"].as_array().cloned().unwrap_or_default()
    }

    pub fn status(&self, name: &str) -> Value {
        self.get("anomalyjob", name).map(|job| job["status"].clone()).unwrap_or_default()
    }

    /// Waits for a phase and a reason (`*` for any) and returns the status.
    #[track_caller]
    pub fn wait_for_status(&self, name: &str, phase: &str, reason: &str) -> Value {
        let mut last = Value::Null;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            last = self.status(name);
            if last["phase"] == phase && (reason == "*" || last["reason"] == reason) {
                return last;
            }
            thread::sleep(Duration::from_millis(250));
        }
        let pods = self.kubectl(&["describe", "pods"]).unwrap_or_default();
        panic!("{name} is not {phase} {reason} but {last:#}\n{pods}")
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.cluster.kubectl(&["delete", "namespace", &self.name, "--wait=false"]);
    }
}

/// Kills the process of a pod with SIGKILL, in a cluster of the testbed.
///
/// # Panics
/// If the pod runs no container.
pub fn kill_runner(here: &Namespace, pod: &str) {
    let pod = here.get("pod", pod).expect("the pod");
    let container = pod["status"]["containerStatuses"][0]["containerID"].as_str();
    let container =
        container.and_then(|id| id.strip_prefix("containerd://")).expect("its container");
    let kill = ["ctr", "--namespace", "k8s.io", "task", "kill", "--signal", "SIGKILL", container];
    here.cluster.inside(&kill).expect("it is killed");
}

const LOGS: &str = "name,bytes,answers\na,1,2\nb,2,3\nc,1,3\nd,90,80\ne,2,2\nf,1,1\n";

/// A job on those logs: six rows, one of them suspicious.
pub fn job(name: &str) -> Value {
    json!({
        "apiVersion": "anomal.dev/v1alpha1",
        "kind": "AnomalyJob",
        "metadata": {"name": name},
        "spec": {
            "input": {"csv": {"path": "in/logs.csv"}},
            "features": [{"type": "field", "name": "bytes"}, {"type": "field", "name": "answers"}],
            "classification": {"engine": "KNN", "parameters": {"nNeighbors": 2}},
            "runner": {
                "volumes": [{"name": "in", "configMap": {"name": "logs"}}],
                "volumeMounts": [{"name": "in", "mountPath": "/data/in"}],
            },
        },
    })
}

/// The same job with a changed spec.
pub fn job_with(name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut job = job(name);
    change(&mut job["spec"]);
    job
}

/// A stream that follows the file of [`append_rows`] on the volume of the claim `data`.
pub fn stream_with(name: &str, change: impl FnOnce(&mut Value)) -> Value {
    job_with(name, |spec| {
        *spec = json!({
            "input": {"ndjson": {"path": "app.ndjson", "badLines": "skip"}},
            "features": [{"type": "field", "name": "size"}, {"type": "field", "name": "ms"}],
            "classification": {"engine": "HBOS", "threshold": {"method": "risk", "value": 0.01}},
            "stream": {"warmUp": {"rows": 100}, "state": {"checkpoint": {"every": "1s"}}},
            "outputs": [{"ndjson": {"path": "results.ndjson", "rotate": "64Mi"}}],
            "runner": {
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            },
        });
        change(spec);
    })
}

/// A record of a stream.
pub fn record(row: u64) -> String {
    format!("{{\"id\":{row},\"size\":{},\"ms\":{}}}\n", row * 7 % 101, row * 3 % 17)
}

/// Appends records to the file of a stream.
pub fn append_rows(folder: &Path, rows: std::ops::Range<u64>) {
    let text: String = rows.map(record).collect();
    let file = OpenOptions::new().create(true).append(true).open(folder.join("app.ndjson"));
    file.expect("the file is opened").write_all(text.as_bytes()).expect("rows are written");
}

/// A volume in a folder of this machine, with a claim of a namespace. Deleted when dropped.
pub struct Volume {
    cluster: &'static Cluster,
    name: String,
    folder: tempfile::TempDir,
}

impl Volume {
    /// A volume that the claim `claim` has.
    pub fn new(namespace: &Namespace, claim: &str) -> Self {
        let name = format!("anomal-{}", namespace.name);
        let volume = Self::with(namespace, &name, &json!({"storageClassName": name}));
        let claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim},
            "spec": {
                "resources": {"requests": {"storage": "1Gi"}}, "accessModes": ["ReadWriteOnce"],
                "storageClassName": name,
            },
        });
        namespace.apply(&claim);
        volume
    }

    /// A volume for a claim that a manifest makes, without a class.
    pub fn for_claim(namespace: &Namespace, claim: &str) -> Self {
        let name = format!("anomal-{}-{claim}", namespace.name);
        let of = json!({"namespace": namespace.name, "name": claim});
        Self::with(namespace, &name, &json!({"storageClassName": "", "claimRef": of}))
    }

    fn with(namespace: &Namespace, name: &str, more: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(folder.path(), everyone).expect("its mode");
        let mut volume = json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": folder.path()}, "persistentVolumeReclaimPolicy": "Retain",
            },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            volume["spec"][key] = value.clone();
        }
        let cluster = namespace.cluster;
        cluster.apply(&volume.to_string()).expect("the volume is created");
        Self { cluster, name: name.to_owned(), folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // A volume that is left over does no harm.
        let _ = self.cluster.kubectl(&["delete", "pv", &self.name, "--wait=false"]);
    }
}

/// An operator as a local process that watches one namespace; killed when dropped.
pub struct Operator {
    child: Child,
    log: NamedTempFile,
}

impl Operator {
    pub fn start(namespace: &Namespace, more: &[&str]) -> Self {
        Self::start_with_kubeconfig(namespace, namespace.cluster.kubeconfig(), more)
    }

    pub fn start_with_kubeconfig(namespace: &Namespace, kubeconfig: &Path, more: &[&str]) -> Self {
        let log = NamedTempFile::new().expect("a temporary file");
        let mut command = Command::new(crate::program("anomal-operator"));
        command.args(["--runner-image-pull-policy", "Never", "--namespaces", &namespace.name]);
        for (name, value) in [("--runner-image", IMAGE), ("--metrics-listen", "off")] {
            if !more.contains(&name) {
                command.args([name, value]);
            }
        }
        command.args(more).env("KUBECONFIG", kubeconfig);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(log.reopen().expect("its log"));
        Self { child: command.spawn().expect("the operator starts"), log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_some()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        // It may have ended already.
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log.path()).expect("its log")
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until `ask` returns a value.
#[track_caller]
pub fn eventually<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "timed out waiting for {what}");
        thread::sleep(Duration::from_millis(250));
    }
}
