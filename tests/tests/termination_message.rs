//! The termination message for Kubernetes, and the note on settings that only the operator uses.

use anomal_tests::{RunOutput, Workspace};
use serde_json::{Value, json};

const JOB: &str = "
input: {csv: {path: in.csv, badLines: skip}}
features: [{type: field, name: a}]
flags:
  - {type: direct, name: large, expression: a > 90, severity: high}
  - {type: direct, name: odd, expression: a = 50, severity: low}
classification: {engine: HBOS, threshold: {method: contamination, value: 0.02}}
outputs: [{csv: {path: out.csv}}]
";

fn workspace(job: &str) -> Workspace {
    // The last two rows are outliers.
    let value = |row: u32| if row < 98 { row } else { row * 100 };
    let rows: Vec<String> = (0..100).map(|row| value(row).to_string()).collect();
    let csv = format!("a\n{}\nx,y\n", rows.join("\n"));
    Workspace::with_files(&[("in.csv", csv.as_bytes()), ("job.yaml", job.as_bytes())])
}

fn termination_message(workspace: &Workspace) -> Value {
    let message = workspace.read("message");
    assert!(message.len() <= 4096, "{} bytes", message.len());
    serde_json::from_str(&message).unwrap()
}

#[test]
fn success_reports_the_counts() {
    let workspace = workspace(JOB);
    workspace.anomal(&["run", "job.yaml", "--termination-log", "message"]).expect(0, &[]);
    let mut message = termination_message(&workspace);
    assert!(message["durationSeconds"].as_f64().unwrap() > 0.0);
    message.as_object_mut().unwrap().remove("durationSeconds");
    let expected = json!({
        "rows": 101, "filtered": 0, "rejected": 1, "suspicious": 2,
        "flags": {"high": 9, "low": 1}, "engine": "HBOS",
        "incidents": {"high": 1, "medium": 0, "low": 1}, "firstIncident": "9 rows hit (large)",
    });
    assert_eq!(message, expected);
}

#[test]
fn failure_reports_the_error() {
    let workspace = workspace(JOB);
    let run = |job: &str| {
        workspace.write("job.yaml", job.as_bytes());
        let mut command = workspace.command(&["run", "job.yaml"]);
        command.env("ANOMAL_TERMINATION_LOG", "message");
        (RunOutput::from(command.output().unwrap()), termination_message(&workspace))
    };
    // Errors in the settings file, in the input's columns, in the input.
    let (ran, message) = run(&JOB.replace("engine: HBOS", "engines: HBOS"));
    assert_eq!((ran.code, &message["code"]), (Some(2), &json!(2)));
    assert_eq!(message["path"], "classification.engines");
    let (ran, message) = run(&JOB.replace("name: a}", "name: b}"));
    assert_eq!((ran.code, &message["path"]), (Some(2), &json!("features[0].name")));
    assert!(message["error"].as_str().unwrap().contains('b'), "{message}");
    let (_, message) = run(&JOB.replace("in.csv", "none.csv"));
    assert_eq!((&message["code"], message.get("path")), (&json!(3), None));
    // A message longer than the limit.
    let long = format!("{JOB}packs: [{}]\n", "\u{1f980}".repeat(250));
    let (ran, message) = run(&long);
    assert_eq!((ran.code, &message["code"]), (Some(2), &json!(2)));
}

#[test]
fn unwritable_termination_log_does_not_fail_the_run() {
    let workspace = workspace(JOB);
    let ran = workspace.anomal(&["run", "job.yaml", "--termination-log", "none/message"]);
    ran.expect(0, &["none/message"]);
}

#[test]
fn cluster_settings_are_noted_once() {
    let job = format!("{JOB}schedule: {{cron: \"0 * * * *\"}}\nbackoffLimit: 5\n");
    let workspace = workspace(&job);
    let ran = workspace.anomal(&["run", "job.yaml"]);
    let note = "a local run ignores schedule, backoffLimit\n";
    ran.expect(0, &[note]);
    assert_eq!(ran.stderr.matches("local run").count(), 1);
    let mut command = workspace.command(&["run", "job.yaml"]);
    command.env("ANOMAL_IN_CLUSTER", "true");
    let ran = RunOutput::from(command.output().unwrap());
    ran.expect(0, &[]);
    assert!(!ran.stderr.contains("local run"), "{}", ran.stderr);
    workspace.write("job.yaml", JOB.as_bytes());
    assert!(!workspace.anomal(&["run", "job.yaml"]).stderr.contains("local run"));
}
