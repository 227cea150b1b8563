//! Objects as outputs.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anomal_tests::{
    RunOutput, Workspace,
    proxy::{BreakPoint, Proxy},
    s3::S3,
};

use super::jobs::{csv, environment, job, row_wise_job, run, run_at};

/// Enough for several parts.
const MANY: usize = 400_000;

#[test]
fn objects_equal_files() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("results");
    let workspace = Workspace::with_files(&[("in.csv", &csv(5_000))]);
    let names = ["a.csv", "b.ndjson", "c.parquet", "d.csv.gz", "e.ndjson.zst"];
    let driver = |name: &str| name.split('.').nth(1).unwrap().to_owned();
    let outputs: Vec<String> = names
        .iter()
        .flat_map(|name| {
            let driver = driver(name);
            [
                format!("{driver}: {{path: \"s3://results/of/{name}\"}}"),
                format!("{driver}: {{path: {name}}}"),
            ]
        })
        .collect();
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    for _ in 0..2 {
        // The second run replaces the objects.
        let ran = run(&s3, &workspace, &job("csv: {path: in.csv}", &outputs));
        ran.expect(0, &["s3://results/of/a.csv"]);
        for name in names {
            let there = s3.get("results", &format!("of/{name}"));
            assert!(there == workspace.bytes(name), "{name}");
        }
    }
    assert_eq!(s3.keys("results").len(), names.len());
    assert_eq!(s3.uploads("results"), 0);
}

#[test]
fn large_results_are_uploaded_in_parts() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("results");
    let workspace = Workspace::with_files(&[("in.csv", &csv(MANY))]);
    let outputs = ["csv: {path: \"s3://results/a.csv\"}", "csv: {path: a.csv}"];
    // The connection breaks once and is resumed.
    let breaks = BreakPoint { down: usize::MAX, up: 6 << 20, permanent: false };
    let proxy = Proxy::start(s3.port(), breaks);
    run_at(&s3, &proxy.endpoint(), &workspace, &row_wise_job("csv: {path: in.csv}", &outputs))
        .expect(0, &[]);
    assert!(proxy.has_broken());
    let there = s3.get("results", "a.csv");
    assert!(there.len() > 9 << 20, "{} bytes", there.len());
    assert!(there == workspace.bytes("a.csv"));
    assert_eq!(s3.uploads("results"), 0);
}

#[test]
fn failing_output_leaves_no_outputs() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("results");
    let workspace = Workspace::with_files(&[("in.csv", &csv(1_000))]);
    let outputs = [
        "csv: {path: \"s3://results/a.csv\"}",
        "csv: {path: a.csv}",
        "parquet: {path: \"s3://no-such-bucket/b.parquet\"}",
    ];
    let ran = run(&s3, &workspace, &job("csv: {path: in.csv}", &outputs));
    ran.expect(1, &["s3://no-such-bucket/b.parquet can't be written"]);
    assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
    assert!(s3.keys("results").is_empty());
    assert_eq!(s3.uploads("results"), 0);
}

#[test]
fn failing_input_leaves_no_outputs() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("results");
    let mut content = csv(MANY);
    content.extend(b"ragged\n");
    let workspace = Workspace::with_files(&[("in.csv", &content)]);
    for output in
        ["csv: {path: \"s3://results/a.csv\"}", "parquet: {path: \"s3://results/a.parquet\"}"]
    {
        let ran = run(&s3, &workspace, &row_wise_job("csv: {path: in.csv}", &[output]));
        ran.expect(3, &["in.csv"]);
        assert!(s3.keys("results").is_empty());
        assert_eq!(s3.uploads("results"), 0, "{output}");
    }
}

#[test]
fn unavailable_store_fails_the_run() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("results");
    let workspace = Workspace::with_files(&[("in.csv", &csv(MANY))]);
    let breaks = BreakPoint { down: usize::MAX, up: 4 << 20, permanent: true };
    let proxy = Proxy::start(s3.port(), breaks);
    let outputs = ["csv: {path: \"s3://results/a.csv\"}", "csv: {path: a.csv}"];
    let ran =
        run_at(&s3, &proxy.endpoint(), &workspace, &row_wise_job("csv: {path: in.csv}", &outputs));
    ran.expect(4, &["s3://results/a.csv can't be written"]);
    assert!(s3.keys("results").is_empty());
    assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
}

#[test]
fn rejected_records_go_to_an_object() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("results");
    let mut content = csv(500);
    content.extend(b"ragged\nn1,2,3\n");
    let workspace = Workspace::with_files(&[("in.csv", &content)]);
    let input = "csv: {path: in.csv, badLines: skip}";
    let output = ["csv: {path: \"s3://results/of/a.csv\"}"];
    let named = job(input, &output) + "deadLetter: {path: \"s3://results/bad.ndjson\"}\n";
    run(&s3, &workspace, &named).expect(0, &["s3://results/bad.ndjson"]);
    run(&s3, &workspace, &job(input, &output)).expect(0, &[]);
    assert_eq!(s3.keys("results"), ["bad.ndjson", "of/a.csv", "of/job.rejected.ndjson"]);
    run(&s3, &workspace, &job(input, &["csv: {path: a.csv}"])).expect(0, &[]);
    let local = workspace.bytes("job.rejected.ndjson");
    for key in ["bad.ndjson", "of/job.rejected.ndjson"] {
        assert!(s3.get("results", key) == local, "{key}");
    }
    // It appears with the results, or not at all.
    let failing = named.replace("s3://results/of/a.csv", "s3://none/a.csv");
    s3.bucket("more");
    let failing = failing.replace("s3://results/bad.ndjson", "s3://more/bad.ndjson");
    assert_eq!(run(&s3, &workspace, &failing).code, Some(1));
    assert!(s3.keys("more").is_empty());
    assert_eq!(s3.uploads("more") + s3.uploads("results"), 0);
}

/// Sends the signal once an upload has begun, and asserts that nothing is left.
fn assert_stop_leaves_nothing(signal: &str) {
    let Some(s3) = S3::start() else { return };
    s3.bucket("results");
    let workspace = Workspace::default();
    let outputs = [
        "csv: {path: \"s3://results/a.csv\"}",
        "parquet: {path: \"s3://results/a.parquet\"}",
        "csv: {path: a.csv}",
    ];
    workspace.write("job.yaml", row_wise_job("csv: {path: \"-\"}", &outputs).as_bytes());
    let mut command = workspace.command(&["run", "job.yaml"]);
    environment(&mut command, &s3, &s3.endpoint());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&csv(MANY)).unwrap();
    let until = Instant::now() + Duration::from_mins(1);
    while s3.uploads("results") < 2 {
        assert!(Instant::now() < until, "no upload begins");
        std::thread::sleep(Duration::from_millis(20));
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let ran = RunOutput::from(child.wait_with_output().unwrap());
    drop(stdin);
    ran.expect(130, &[]);
    assert!(s3.keys("results").is_empty());
    assert_eq!(s3.uploads("results"), 0);
    assert_eq!(workspace.files(), ["job.yaml"]);
}

#[test]
fn ctrl_c_leaves_nothing() {
    assert_stop_leaves_nothing("-INT");
}

#[test]
fn sigterm_leaves_nothing() {
    assert_stop_leaves_nothing("-TERM");
}
