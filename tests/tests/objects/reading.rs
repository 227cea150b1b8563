//! Objects as inputs.

use std::process::Command;

use anomal_tests::{
    Workspace,
    proxy::{BreakPoint, Proxy},
    s3::S3,
};

use super::jobs::{csv, environment, job, local_results, ndjson, run, run_at};

const NEVER: BreakPoint = BreakPoint { down: usize::MAX, up: usize::MAX, permanent: false };

fn gzip(content: &[u8]) -> Vec<u8> {
    let workspace = Workspace::with_files(&[("in", content)]);
    let ran = Command::new("gzip").arg("-c").arg(workspace.path("in")).output().expect("gzip runs");
    assert!(ran.status.success());
    ran.stdout
}

#[test]
fn every_format_is_read_as_from_a_file() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("logs");
    let workspace = Workspace::default();
    let (csv, ndjson) = (csv(5_000), ndjson(5_000));
    for (driver, name, content) in [
        ("csv", "a.csv", csv.clone()),
        ("csv", "a b.csv.gz", gzip(&csv)),
        ("ndjson", "deep/er/a.ndjson", ndjson),
    ] {
        s3.put("logs", name, &content);
        let input = format!("{driver}: {{path: \"s3://logs/{name}\"}}");
        run(&s3, &workspace, &job(&input, &["csv: {path: out.csv}"])).expect(0, &[]);
        let file = name.rsplit('/').next().unwrap();
        assert!(
            workspace.bytes("out.csv") == local_results(&file.replace(' ', "_"), &content, driver),
            "{name}"
        );
    }
}

#[test]
fn folders_and_patterns_are_read_in_name_order() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("logs");
    let all = String::from_utf8(csv(900)).unwrap();
    let lines: Vec<&str> = all.lines().collect();
    let part = |rows: std::ops::Range<usize>| {
        format!("{}\n{}\n", lines[0], lines[1..][rows].join("\n")).into_bytes()
    };
    for (key, rows) in [("day/b.csv", 300..600), ("day/a.csv", 0..300), ("day/c.csv", 600..900)] {
        s3.put("logs", key, &part(rows));
    }
    s3.put("logs", "day/more/d.csv", b"of,another,kind\n");
    s3.put("logs", "day/notes.txt", b"none");
    let expected = local_results("in.csv", all.as_bytes(), "csv");
    let workspace = Workspace::default();
    for path in ["s3://logs/day/", "s3://logs/day/?.csv", "s3://logs/d*/[abc].csv"] {
        let input = format!("csv: {{path: \"{path}\"}}");
        run(&s3, &workspace, &job(&input, &["csv: {path: out.csv}"])).expect(0, &[]);
        assert!(workspace.bytes("out.csv") == expected, "{path}");
    }
    for path in ["s3://logs/night/", "s3://logs/day/*.ndjson"] {
        let input = format!("csv: {{path: \"{path}\"}}");
        run(&s3, &workspace, &job(&input, &["csv: {path: out.csv}"])).expect(3, &[path]);
    }
}

#[test]
fn other_commands_read_and_write_objects() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("logs");
    let workspace = Workspace::with_files(&[("in.csv", &csv(3_000))]);
    let outputs = ["parquet: {path: \"s3://logs/rows.parquet\"}", "parquet: {path: rows.parquet}"];
    run(&s3, &workspace, &job("csv: {path: in.csv}", &outputs)).expect(0, &[]);
    assert!(s3.get("logs", "rows.parquet") == workspace.bytes("rows.parquet"));
    let with = |arguments: &[&str]| {
        let mut command = workspace.command(arguments);
        environment(&mut command, &s3, &s3.endpoint());
        anomal_tests::RunOutput::from(command.output().expect("anomal runs"))
    };
    let evaluate =
        |path: &str| with(&["evaluate", path, "--label", "name", "--anomaly", "n3", "--json"]);
    let (there, here) = (evaluate("s3://logs/rows.parquet"), evaluate("rows.parquet"));
    there.expect(0, &[]);
    assert_eq!(there.stdout, here.stdout);
    assert_eq!(with(&["explain", "s3://logs/rows.parquet", "--row", "3"]).code, Some(0));
    s3.put("logs", "in.csv", &workspace.bytes("in.csv"));
    let init = with(&["init", "s3://logs/in.csv"]);
    init.expect(0, &[]);
    assert!(init.stdout.contains("\"s3://logs/in.csv\""), "{}", init.stdout);
    // The command line overrides the settings.
    let run =
        with(&["run", "job.yaml", "--input", "s3://logs/in.csv", "--output", "s3://logs/x.ndjson"]);
    run.expect(0, &["s3://logs/x.ndjson"]);
    assert_eq!(String::from_utf8(s3.get("logs", "x.ndjson")).unwrap().lines().count(), 3_000);
}

#[test]
fn missing_objects_are_named_by_url() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("logs");
    let workspace = Workspace::default();
    for (driver, path) in [
        ("csv", "s3://logs/none.csv"),
        ("csv", "s3://no-such-bucket/a.csv"),
        ("parquet", "s3://logs/none.parquet"),
        ("ndjson", "s3://no-such-bucket/"),
    ] {
        let input = format!("{driver}: {{path: \"{path}\"}}");
        let ran = run(&s3, &workspace, &job(&input, &["csv: {path: out.csv}"]));
        ran.expect(3, &[path]);
    }
    let names = workspace.files();
    assert_eq!(names, ["job.yaml"]);
}

#[test]
fn broken_connection_is_resumed() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("logs");
    let content = csv(400_000);
    s3.put("logs", "a.csv", &content);
    let workspace = Workspace::default();
    let proxy = Proxy::start(s3.port(), BreakPoint { down: content.len() / 2, ..NEVER });
    let input = job("csv: {path: \"s3://logs/a.csv\"}", &["csv: {path: out.csv}"]);
    run_at(&s3, &proxy.endpoint(), &workspace, &input).expect(0, &[]);
    assert!(proxy.has_broken());
    assert!(workspace.bytes("out.csv") == local_results("a.csv", &content, "csv"));
}

#[test]
fn unavailable_store_fails_the_run_and_leaves_nothing() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("logs");
    let content = csv(400_000);
    s3.put("logs", "a.csv", &content);
    let workspace = Workspace::default();
    let breaks = BreakPoint { down: content.len() / 2, permanent: true, ..NEVER };
    let proxy = Proxy::start(s3.port(), breaks);
    let input = job("csv: {path: \"s3://logs/a.csv\"}", &["csv: {path: out.csv}"]);
    let ran = run_at(&s3, &proxy.endpoint(), &workspace, &input);
    ran.expect(4, &["s3://logs/a.csv", "try again"]);
    assert_eq!(workspace.files(), ["job.yaml"]);
}
