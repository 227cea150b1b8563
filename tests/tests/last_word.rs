//! What a run leaves for Kubernetes: a termination message, and no word on what only the operator does.

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
    // Two stand out.
    let value = |row: u32| if row < 98 { row } else { row * 100 };
    let rows: Vec<String> = (0..100).map(|row| value(row).to_string()).collect();
    let csv = format!("a\n{}\nx,y\n", rows.join("\n"));
    Workspace::with_files(&[("in.csv", csv.as_bytes()), ("job.yaml", job.as_bytes())])
}

fn word(workspace: &Workspace) -> Value {
    let word = workspace.read("word");
    assert!(word.len() <= 4096, "{} bytes", word.len());
    serde_json::from_str(&word).unwrap()
}

#[test]
fn what_was_found() {
    let workspace = workspace(JOB);
    workspace.anomal(&["run", "job.yaml", "--termination-log", "word"]).expect(0, &[]);
    let mut word = word(&workspace);
    assert!(word["durationSeconds"].as_f64().unwrap() > 0.0);
    word.as_object_mut().unwrap().remove("durationSeconds");
    let expected = json!({
        "rows": 101, "filtered": 0, "rejected": 1, "suspicious": 2,
        "flags": {"high": 9, "low": 1}, "engine": "HBOS",
    });
    assert_eq!(word, expected);
}

#[test]
fn why_it_failed() {
    let workspace = workspace(JOB);
    let run = |job: &str| {
        workspace.write("job.yaml", job.as_bytes());
        let mut command = workspace.command(&["run", "job.yaml"]);
        command.env("ANOMAL_TERMINATION_LOG", "word");
        (RunOutput::from(command.output().unwrap()), word(&workspace))
    };
    // By the file alone, by the input's columns, by the input.
    let (ran, told) = run(&JOB.replace("engine: HBOS", "engines: HBOS"));
    assert_eq!((ran.code, &told["code"]), (Some(2), &json!(2)));
    assert_eq!(told["path"], "classification.engines");
    let (ran, told) = run(&JOB.replace("name: a}", "name: b}"));
    assert_eq!((ran.code, &told["path"]), (Some(2), &json!("features[0].name")));
    assert!(told["error"].as_str().unwrap().contains('b'), "{told}");
    let (_, told) = run(&JOB.replace("in.csv", "none.csv"));
    assert_eq!((&told["code"], told.get("path")), (&json!(3), None));
    // However long the message.
    let long = format!("{JOB}packs: [{}]\n", "\u{1f980}".repeat(250));
    let (ran, told) = run(&long);
    assert_eq!((ran.code, &told["code"]), (Some(2), &json!(2)));
}

#[test]
fn a_file_that_can_not_be_written_changes_nothing() {
    let workspace = workspace(JOB);
    let ran = workspace.anomal(&["run", "job.yaml", "--termination-log", "none/word"]);
    ran.expect(0, &["none/word"]);
}

#[test]
fn what_only_a_cluster_does_is_noted_once() {
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
