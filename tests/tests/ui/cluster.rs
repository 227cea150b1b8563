//! The `AnomalyJobs` of a cluster, by a server that answers as an API server does.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use anomal_tests::{RunOutput, Workspace, pty::Terminal};
use serde_json::{Value, json};

use super::support::plain;

/// What has happened to jobs since they were listed, a line each; none: the server is gone.
type Changes = Arc<Mutex<Option<Vec<String>>>>;

/// An API server, as far as it is asked; it ends with the test's process.
struct ApiServer {
    address: String,
    changes: Changes,
}

fn job(name: &str, phase: &str, reason: &str) -> Value {
    json!({
        "apiVersion": "anomal.dev/v1alpha1", "kind": "AnomalyJob",
        "metadata": {"name": name, "namespace": "blue", "uid": name, "generation": 1, "resourceVersion": "7"},
        "spec": {"input": {"csv": {"path": "/data/dns.csv"}}},
        "status": {
            "observedGeneration": 1, "phase": phase, "reason": reason, "run": "1f2e", "jobName": format!("{name}-1f2e"),
            "startTime": "2026-03-02T10:42:00Z", "reportURL": "ftp://reports.example.org/1",
            "summary": {"rows": 4_812_004, "suspicious": 96_240, "flagHits": 3, "durationSeconds": 130.5},
            "conditions": [{
                "type": "Ready", "status": "True", "reason": reason, "message": "what the operator says",
                "lastTransitionTime": "2026-03-02T10:44:10Z",
            }],
        },
    })
}

fn list(kind: &str, items: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": kind, "metadata": {"resourceVersion": "7"}, "items": items})
        .to_string()
}

/// A pod of a run or of a stream.
fn pod(name: &str, owner: (&str, &str), phase: &str, state: &Value, restarts: u32) -> Value {
    let container = json!({
        "name": "runner", "state": state, "image": "", "imageID": "", "ready": false, "restartCount": restarts,
    });
    let owner = json!({"apiVersion": "v1", "kind": owner.0, "name": owner.1, "uid": "1", "controller": true});
    json!({
        "metadata": {"name": name, "ownerReferences": [owner]},
        "status": {"phase": phase, "containerStatuses": [container]},
    })
}

/// All pods with the label of a job.
fn pods_of(job: &str) -> Vec<Value> {
    let ended = json!({"terminated": {"exitCode": 1, "finishedAt": "2026-03-02T10:44:10Z"}});
    let running = json!({"running": {"startedAt": "2026-03-02T10:42:05Z"}});
    match job {
        "dns" => vec![
            pod("dns-1f2e-x7k2p", ("Job", "dns-1f2e"), "Failed", &ended, 0),
            pod("dns-0000-aaaaa", ("Job", "dns-0000"), "Failed", &ended, 0),
        ],
        "live" => vec![
            pod("live-0", ("StatefulSet", "live"), "Running", &running, 2),
            pod("live-0000-aaaaa", ("Job", "live-0000"), "Failed", &ended, 0),
        ],
        _ => Vec::new(),
    }
}

/// A stream: its status has neither a Job nor a summary.
fn stream() -> Value {
    let mut stream = job("live", "Streaming", "Streaming");
    stream["spec"]["stream"] = json!({});
    let status = stream["status"].as_object_mut().expect("a status");
    for of_runs in ["jobName", "summary", "reportURL"] {
        status.remove(of_runs);
    }
    stream
}

fn event(message: &str) -> Value {
    json!({
        "metadata": {"name": "e", "namespace": "blue"}, "involvedObject": {}, "reason": "RunFailed", "message": message,
        "lastTimestamp": "2026-03-02T10:44:11Z",
    })
}

/// The status and the body for a path.
fn answer(path: &str) -> (u16, String) {
    let jobs = "/apis/anomal.dev/v1alpha1/namespaces/blue/anomalyjobs";
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query = query.replace("%3D", "=");
    let all =
        [job("dns", "Complete", "Completed"), stream(), job("payments", "Scheduled", "Scheduled")];
    match path {
        "/apis/anomal.dev/v1alpha1/anomalyjobs" => (200, list("AnomalyJobList", &all[..1])),
        _ if path == jobs => (200, list("AnomalyJobList", &all)),
        _ if path.strip_prefix(jobs) == Some("/dns") => {
            (200, job("dns", "Failed", "RunFailed").to_string())
        }
        _ if path.strip_prefix(jobs) == Some("/live") => (200, stream().to_string()),
        "/api/v1/namespaces/blue/pods" => {
            let (_, job) = query.split_once("anomal.dev%2Fjob=").expect("pods of a job");
            (200, list("PodList", &pods_of(job.split('&').next().unwrap_or_default())))
        }
        "/api/v1/namespaces/blue/pods/live-0/log" if query.contains("previous=true") => {
            (200, "error: it was killed\n".to_owned())
        }
        "/api/v1/namespaces/blue/pods/live-0/log" => {
            (200, "continues behind record 300, by checkpoint 7\n".to_owned())
        }
        "/api/v1/namespaces/blue/pods/dns-1f2e-x7k2p/log" => {
            let lines = (0..60).map(|line| format!("line {line} of the log\n"));
            (200, lines.collect::<String>() + "error: \u{1b}[31minput: 403\n")
        }
        "/api/v1/namespaces/blue/events" if query.contains("kind=AnomalyJob") => {
            (200, list("EventList", &[event("the input can't be read")]))
        }
        "/api/v1/namespaces/blue/events" => (200, list("EventList", &[])),
        _ => {
            let message = "anomalyjobs.anomal.dev is forbidden: no right to list them";
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403,
                "message": message,
            });
            (403, status.to_string())
        }
    }
}

impl ApiServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("its address"));
        let changes = Changes::new(Mutex::new(Some(Vec::new())));
        let known = Arc::clone(&changes);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if known.lock().expect("no panic").is_none() {
                    break;
                }
                let known = Arc::clone(&known);
                thread::spawn(move || serve(stream, &known));
            }
        });
        Self { address, changes }
    }

    fn change(&self, kind: &str, job: &Value) {
        let line = json!({"type": kind, "object": job}).to_string();
        if let Some(changes) = self.changes.lock().expect("no panic").as_mut() {
            changes.push(line);
        }
    }

    /// Ends all connections, and takes no more.
    fn stop(&self) {
        *self.changes.lock().expect("no panic") = None;
    }

    /// A folder whose home has a kubeconfig for it.
    fn workspace(&self) -> Workspace {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me", "namespace": "blue"}}],
            "clusters": [{"name": "it", "cluster": {"server": self.address}}],
            "users": [{"name": "me", "user": {"token": "secret"}}],
        });
        Workspace::with_files(&[(".home/.kube/config", config.to_string().as_bytes())])
    }
}

/// Answers one request.
fn serve(mut stream: TcpStream, changes: &Changes) {
    let mut head = Vec::new();
    let mut buffer = [0; 4_096];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(read @ 1..) => head.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    if path.contains("watch=true") {
        let _ = stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n",
        );
        let mut sent = 0;
        loop {
            let lines = changes.lock().expect("no panic").clone();
            let Some(lines) = lines else { return };
            for line in &lines[sent..] {
                if stream.write_all(format!("{line}\n").as_bytes()).is_err() {
                    return;
                }
            }
            sent = lines.len();
            thread::sleep(Duration::from_millis(20));
        }
    }
    let (status, body) = answer(&path);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let _ = stream.write_all((head + &body).as_bytes());
}

fn start(workspace: &Workspace) -> Terminal {
    let none = [("KUBECONFIG", ""), ("KUBERNETES_SERVICE_HOST", "")];
    Terminal::start_with(workspace.folder.path(), &["ui"], 110, 30, &none)
}

#[test]
fn jobs_are_seen_as_they_change() {
    let server = ApiServer::start();
    let workspace = server.workspace();
    let mut terminal = start(&workspace);
    terminal.wait_for("Open a data file");
    terminal.keys("K").wait_for("AnomalyJobs of blue, live");
    let jobs = terminal.wait_for("> dns");
    assert!(jobs.contains("Complete") && jobs.contains("4,812,004"), "{jobs}");
    assert!(
        jobs.contains("2026-03-02 10:42Z") && jobs.contains("what the operator says"),
        "{jobs}"
    );
    assert!(jobs.contains("3 jobs, read only"), "{jobs}");
    // Changes come by themselves, and the selected one stays selected.
    terminal.keys("jj").wait_for("> payments");
    server.change("MODIFIED", &job("dns", "Failed", "RunFailed"));
    terminal.wait_for("Failed (RunFailed)");
    server.change("ADDED", &job("access", "Running", "Running"));
    terminal.wait_for("4 jobs, read only");
    terminal.wait_for("> payments");
    server.change("DELETED", &job("access", "Running", "Running"));
    terminal.wait_for("3 jobs, read only");
    // A job with its state, its events, and the log of its pod.
    terminal.keys("kk\r").wait_for("dns in blue");
    let state = terminal.wait_for("Status:");
    assert!(state.contains("CONDITION") && state.contains("dns-1f2e-x7k2p failed"), "{state}");
    assert!(!state.contains("dns-0000"), "that of another run: {state}");
    terminal.keys("GGG").wait_for("RunFailed: the input can't be read");
    terminal.keys("l").wait_for("log of dns in blue");
    // It ends with its last line, and nothing in it acts on the terminal.
    terminal.wait_for("error: \\u{1b}[31minput: 403");
    terminal.keys("\x1b[5~\x1b[5~\x1b[5~\x1b[5~").wait_for("line 0 of the log");
    terminal.keys("b").wait_for("ftp://reports.example.org/1 is no http:// or https:// address");
    terminal.keys("y").wait_for("the address of its report");
    terminal.keys("\r").wait_for("Copied, 33 characters");
    terminal.keys("\x1b").wait_for("AnomalyJobs of blue, live");
    // Another namespace without rights, and all of them.
    terminal.keys("o").wait_for("The namespace");
    terminal.keys("\x15green\r").wait_for("permission denied");
    terminal.keys("o\x15\r").wait_for("AnomalyJobs of all namespaces, live");
    terminal.wait_for("1 job, read only");
    // Once it is gone, what is shown has its age.
    server.stop();
    terminal.wait_for("as they were");
    terminal.wait_for("! cannot reach the cluster");
    terminal.keys("\x1b").wait_for("Open a data file");
    assert_eq!(terminal.keys("q").ends(), 0);
    terminal.assert_restored();
}

#[test]
fn a_stream_has_its_pod_and_its_log() {
    let server = ApiServer::start();
    let workspace = server.workspace();
    let mut terminal = start(&workspace);
    terminal.wait_for("Open a data file");
    terminal.keys("K").wait_for("Streaming");
    terminal.keys("j").wait_for("> live");
    terminal.keys("\r").wait_for("live in blue");
    let state = terminal.wait_for("started again 2 times");
    assert!(state.contains("live-0 runs for") && !state.contains("live-0000"), "{state}");
    terminal.keys("GGG").wait_for("continues behind record 300");
    terminal.keys("b").wait_for("It has no report yet");
    assert_eq!(terminal.keys("q").ends(), 0);

    let job = |arguments: &[&str]| {
        let mut command = std::process::Command::new(anomal_tests::program("anomal"));
        command.arg("job").args(arguments).env("HOME", workspace.path(".home"));
        command.env_remove("KUBECONFIG").env_remove("KUBERNETES_SERVICE_HOST");
        RunOutput::from(command.output().expect("anomal runs"))
    };
    let status = job(&["status", "live"]);
    status.expect(0, &[]);
    assert!(status.stdout.contains("Pod:         live-0 runs for"), "{status:#?}");
    assert_eq!(job(&["logs", "live"]).stdout, "continues behind record 300, by checkpoint 7\n");
    assert_eq!(job(&["logs", "live", "--previous"]).stdout, "error: it was killed\n");
    job(&["report", "live"]).expect(1, &["live is a stream that makes no report"]);
}

#[test]
fn without_a_cluster_there_is_a_message() {
    let workspace = Workspace::default();
    let mut terminal = start(&workspace);
    terminal.wait_for("Open a data file");
    terminal.keys("K").wait_for("there is no kubeconfig; set --kubeconfig or KUBECONFIG");
    assert_eq!(terminal.keys("\x1b").keys("q").ends(), 0);
}

#[test]
fn jobs_are_seen_in_lines_of_text() {
    let server = ApiServer::start();
    let workspace = server.workspace();
    let (code, text) = plain(&workspace, "cluster\n1\nlog\nback\nback\nquit\n", &[]);
    assert_eq!(code, 0, "{text}");
    for part in
        ["1 > dns", "dns in blue", "RunFailed: the input can't be read", "line 59 of the log"]
    {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}
