//! The examples' jobs in a cluster, and the same jobs on this machine.

use std::{fs, thread, time::Instant};

use anomal_tests::{
    Workspace,
    cluster::{Namespace, PATIENCE},
    http, repository,
};
use serde_json::{Value, json};

use super::installation::{LONG, Release, Volume, token};

/// The objects of a manifest of examples/kubernetes.
pub fn example(name: &str) -> Vec<Value> {
    let path = repository().join(format!("examples/kubernetes/{name}.yaml"));
    serde_saphyr::from_multiple(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The AnomalyJob among them.
pub fn example_job(name: &str) -> Value {
    example(name).into_iter().find(|object| object["kind"] == "AnomalyJob").unwrap()
}

pub fn dns() -> Vec<u8> {
    fs::read(repository().join("examples/dns/dns.csv")).unwrap()
}

/// The DNS example with its records and results on a claim.
pub fn dns_on_a_claim(claim: &str) -> Value {
    let mut job = example_job("dns");
    job["spec"]["outputs"] =
        json!([{"csv": {"path": "out/results.csv", "include": ["features", "contributions"]}}]);
    job["spec"]["runner"] = json!({
        "volumes": [{"name": "files", "persistentVolumeClaim": {"claimName": claim}}],
        "volumeMounts": [{"name": "files", "mountPath": "/data"}],
    });
    job
}

/// Creates a claim with these records and a folder for results.
pub fn files(namespace: &Namespace, claim: &str, records: &[u8]) -> Volume {
    let volume = Volume::new(namespace, claim, "", "ReadWriteOnce");
    volume.create_folder("in");
    volume.create_folder("out");
    fs::write(volume.folder.path().join("in/dns.csv"), records).unwrap();
    Volume::create_claim(namespace, claim);
    volume
}

pub fn results(volume: &Volume) -> Vec<u8> {
    fs::read(volume.folder.path().join("out/results.csv")).unwrap()
}

/// The results of `anomal run` with the same settings on this machine, in one process.
pub fn local_results(job: &Value, records: &[u8]) -> Vec<u8> {
    let mut spec = job["spec"].clone();
    for part in ["runner", "report", "engines"] {
        spec.as_object_mut().unwrap().remove(part);
    }
    spec["input"]["csv"]["path"] = "in/dns.csv".into();
    let files: [(&str, &[u8]); 2] = [("in/dns.csv", records), ("out/.keep", b"")];
    let workspace = Workspace::with_files(&files);
    workspace.write("job.yaml", spec.to_string().as_bytes());
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
    workspace.bytes("out/results.csv")
}

/// Waits until a job's run is complete and returns its status.
#[track_caller]
pub fn completes(namespace: &Namespace, name: &str) -> Value {
    completes_after(namespace, name, "")
}

/// Waits for another run than `before`.
#[track_caller]
pub fn completes_after(namespace: &Namespace, name: &str, before: &str) -> Value {
    let until = Instant::now() + LONG;
    loop {
        let status = namespace.status(name);
        let ended = ["Complete", "Failed", "Invalid"].iter().any(|phase| status["phase"] == *phase);
        if ended && status["run"] != before && status["phase"] == "Complete" {
            let condition = format!("anomalyjob/{name}");
            let wait = ["wait", "--for=condition=Complete", &condition, "--timeout=30s"];
            namespace.kubectl(&wait).unwrap();
            return status;
        }
        let failed = ended && status["phase"] != "Complete";
        if failed || Instant::now() > until {
            let pods = namespace.kubectl(&["describe", "pods"]).unwrap_or_default();
            let log = ["logs", "--selector=app.kubernetes.io/component=runner", "--tail=50"];
            let logs = namespace.kubectl(&log).unwrap_or_default();
            panic!("{name} is not complete: {status:#}\n{pods}\n{logs}");
        }
        thread::sleep(PATIENCE / 500);
    }
}

/// Runs the quickstart example and returns its status.
pub fn quickstart(namespace: &Namespace, change: impl Fn(&mut Value)) -> Value {
    for mut object in example("quickstart") {
        if object["kind"] == "AnomalyJob" {
            change(&mut object);
        }
        namespace.apply(&object);
    }
    let status = completes(namespace, "quickstart");
    assert_eq!(status["summary"]["rows"], 12, "{status:#}");
    assert_eq!(status["summary"]["flags"]["high"], 1, "{status:#}");
    assert_eq!(status["attempts"], 1, "{status:#}");
    status
}

/// The path of the job's report.
pub fn report_path(status: &Value) -> String {
    let url = status["reportURL"].as_str().unwrap_or_else(|| panic!("no report: {status:#}"));
    let path = url.split_once("://").unwrap().1;
    path[path.find('/').unwrap()..].to_owned()
}

/// Asserts that the report is served to the job's namespace, and not to anonymous clients.
#[track_caller]
pub fn assert_report_served(release: &Release, namespace: &Namespace, status: &Value, title: &str) {
    let token = token(namespace, Some("anomal"));
    assert_report_served_to(release, &token, status, title);
}

#[track_caller]
pub fn assert_report_served_to(release: &Release, token: &str, status: &Value, title: &str) {
    let (pages, path) = (format!("http://{}", release.pages()), report_path(status));
    let answer = http::get(&pages, &path, &[&format!("authorization: Bearer {token}")]);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert!(answer.text().contains(title), "{}", answer.text());
    let answer = http::get(&pages, &path, &[]);
    assert_eq!(answer.status, 401, "{path}: {}", answer.text());
    assert!(!answer.text().contains(title), "{}", answer.text());
}
