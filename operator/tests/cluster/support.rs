//! Namespaces, operators and jobs of tests.

use std::{
    env,
    fs::File,
    io::Write,
    process::{Child, Command, Stdio},
    sync::Once,
    thread,
    time::{Duration, Instant},
};

use anomal_testbed::Cluster;
use serde_json::{Value, json};

/// What pods take at most to start and end, on a machine that does other things too.
pub const PATIENCE: Duration = Duration::from_mins(2);
const IMAGE: &str = "localhost/anomal/runner:test";

/// The cluster with the definition of our resource, or none where there is none to be had, which is told.
pub fn cluster() -> Option<&'static Cluster> {
    static DEFINED: Once = Once::new();
    if env::var("ANOMAL_TEST_CLUSTER").as_deref() != Ok("1") {
        let _ = writeln!(std::io::stdout(), "\nskipped: ANOMAL_TEST_CLUSTER is not 1");
        return None;
    }
    let cluster = Cluster::shared().unwrap();
    DEFINED.call_once(|| {
        let crd = Command::new(env!("CARGO_BIN_EXE_anomal-operator")).arg("crd").output().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), crd.stdout).unwrap();
        let path = file.path().to_str().unwrap();
        cluster.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", path]).unwrap();
        cluster
            .kubectl(&["wait", "--for=condition=Established", "crd/anomalyjobs.anomal.dev"])
            .unwrap();
    });
    Some(cluster)
}

/// A namespace that goes with the value.
pub struct Namespace {
    pub cluster: &'static Cluster,
    pub name: String,
}

impl Namespace {
    pub fn new(cluster: &'static Cluster, name: &str) -> Self {
        let name = format!("{name}-{:x}", std::process::id());
        let restricted = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": restricted},
        });
        cluster.apply(&namespace.to_string()).unwrap();
        let namespace = Self { cluster, name };
        // The controller that makes it comes a moment later.
        eventually("a service account", PATIENCE, || namespace.get("serviceaccount", "default"));
        namespace.apply(&json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "logs"}, "data": {"logs.csv": LOGS},
        }));
        namespace
    }

    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        let all = [&["--namespace", self.name.as_str()], arguments].concat();
        self.cluster.kubectl(&all).map_err(|error| format!("{error:#}"))
    }

    pub fn apply(&self, object: &Value) {
        self.try_apply(object).unwrap();
    }

    pub fn try_apply(&self, object: &Value) -> Result<String, String> {
        let mut object = object.clone();
        object["metadata"]["namespace"] = self.name.as_str().into();
        self.cluster.apply(&object.to_string()).map_err(|error| format!("{error:#}"))
    }

    pub fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let text =
            self.kubectl(&["get", kind, name, "--ignore-not-found", "--output=json"]).ok()?;
        serde_json::from_str(&text).ok()
    }

    pub fn list(&self, kind: &str) -> Vec<Value> {
        let text = self.kubectl(&[
            "get",
            kind,
            "--selector=app.kubernetes.io/managed-by=anomal-operator",
            "--output=json",
        ]);
        let list: Value = serde_json::from_str(&text.unwrap()).unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    pub fn status(&self, name: &str) -> Value {
        self.get("anomalyjob", name).map(|job| job["status"].clone()).unwrap_or_default()
    }

    /// Waits for a phase and a reason (`*`: any).
    #[track_caller]
    pub fn reaches(&self, name: &str, phase: &str, reason: &str) -> Value {
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

    /// The Jobs that were ever made, by their Events: none is made twice.
    pub fn jobs_made(&self) -> usize {
        self.list("jobs").len()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.cluster.kubectl(&["delete", "namespace", &self.name, "--wait=false"]);
    }
}

const LOGS: &str = "name,bytes,answers\na,1,2\nb,2,3\nc,1,3\nd,90,80\ne,2,2\nf,1,1\n";

/// A job over those logs.
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

/// A job with something changed in its spec.
pub fn job_with(name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut job = job(name);
    change(&mut job["spec"]);
    job
}

/// An operator as a process, which ends with the value.
pub struct Operator(Child);

impl Operator {
    pub fn start(namespace: &Namespace, more: &[&str]) -> Self {
        Self::with(namespace, namespace.cluster.kubeconfig(), more)
    }

    pub fn with(namespace: &Namespace, kubeconfig: &std::path::Path, more: &[&str]) -> Self {
        let log = env::temp_dir().join(format!("operator-{}.log", namespace.name));
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_anomal-operator"));
        command.args(["--runner-image-pull-policy", "Never", "--namespaces", &namespace.name]);
        for (name, value) in [("--runner-image", IMAGE), ("--metrics-listen", "off")] {
            if !more.contains(&name) {
                command.args([name, value]);
            }
        }
        command.args(more);
        command
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Self(command.spawn().unwrap())
    }

    pub fn kill(mut self) {
        self.end();
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    pub fn terminate(&self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.end();
    }
}

/// Asks until there is an answer.
#[track_caller]
pub fn eventually<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "gave up waiting for {what}");
        thread::sleep(Duration::from_millis(250));
    }
}
