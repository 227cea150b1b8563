//! Reports of a stream: what was judged since the one before.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anomal_tests::{RunOutput, Workspace};
use serde_json::Value as Json;

use super::{append, job::results, summary};

const JOB: &str = "\
input:
  ndjson: {path: app.ndjson, badLines: skip}
timeColumn: time
packs: [dns]
filters:
  - {name: remove_match, dataNeeded: [method], params: {keyword: OPTIONS}}
features:
  - {type: field, name: size}
  - {type: field, name: method, kind: categorical}
flags:
  - {type: direct, name: large, expression: size > 9000, severity: high}
classification: {engine: HBOS, seed: 7, threshold: {method: risk, value: 0.01}}
stream:
  time: {disorder: 1s}
  warmUp: {rows: 300}
  entity: {by: [src_host], minRows: 50}
  state: {checkpoint: {every: 1s, to: state}}
report: {title: Live, every: 1h, keep: 30d}
outputs:
  - ndjson: {path: results.ndjson, rotate: 64Mi}
";

/// A record of each second, of one of ten hosts.
fn record(number: u64) -> String {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let time =
        jiff::Timestamp::from_second(1_767_225_600 + i64::try_from(number).unwrap()).unwrap();
    let size = if number.is_multiple_of(97) { 9_001 + spread % 900 } else { 100 + spread % 900 };
    let method = if number.is_multiple_of(50) { "OPTIONS" } else { "GET" };
    let host = number % 10;
    format!(
        "{{\"time\":\"{time}\",\"src_host\":\"web-{host}\",\"size\":{size},\"method\":\"{method}\"}}\n"
    )
}

fn records(numbers: std::ops::Range<u64>) -> String {
    numbers.map(record).collect()
}

fn workspace(job: &str, records: &str) -> Workspace {
    Workspace::with_files(&[("job.yaml", job.as_bytes()), ("app.ndjson", records.as_bytes())])
}

fn report(workspace: &Workspace, arguments: &[&str]) -> RunOutput {
    workspace.anomal(&[&["report"], arguments, &["--report-store", "reports"]].concat())
}

/// The newest first.
fn stored(workspace: &Workspace) -> Vec<Json> {
    let listed = report(workspace, &["list", "--json"]);
    listed.expect(0, &[]);
    serde_json::from_str(&listed.stdout).unwrap()
}

#[test]
fn a_stream_that_ends_stores_what_it_has_judged() {
    let workspace = workspace(JOB, &(records(0..2_000) + "no JSON\n"));
    workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
    let run = |workspace: &Workspace| {
        let run = ["run", "job.yaml", "--until-caught-up", "--summary", "json"];
        workspace.anomal(&[run.as_slice(), &["-v", "--report-store", "reports"]].concat())
    };
    let ended = run(&workspace);
    ended.expect(0, &["a report of 1,960 rows is stored"]);
    let counts = summary(&ended);
    let reports = stored(&workspace);
    assert_eq!(reports.len(), 1);
    let of = &reports[0];
    assert_eq!((&of["title"], &of["engine"]), (&"Live".into(), &"HBOS".into()), "{of:#}");
    for key in ["rows", "rejected", "filtered", "results", "suspicious", "flagged"] {
        assert_eq!(of[key], counts[key], "{key}: {of:#}");
    }
    assert!(of["expireTime"].is_string(), "{of:#}");
    let id = of["id"].as_str().unwrap();
    for (file, more) in [
        ("all.csv", &[][..]),
        ("large.csv", &["--flag", "large"]),
        ("page.html", &[]),
        ("a.pdf", &[]),
    ] {
        report(&workspace, &[&["export", id, "-o", file], more].concat()).expect(0, &[]);
    }
    assert_eq!(workspace.read("all.csv").lines().count(), 1_961);
    let large = workspace.read("large.csv");
    assert_eq!(large.lines().count() as u64, counts["flagged"].as_u64().unwrap() + 1);
    // Rows are grouped by what they are about, as those of a run are.
    let page = workspace.read("page.html");
    for part in ["web-7", "risk 0.01", "large"] {
        assert!(page.contains(part), "{part}");
    }
    // What follows is in the next one, and nothing is in none.
    append(&workspace, "app.ndjson", &records(2_000..2_100));
    run(&workspace).expect(0, &["a report of 98 rows is stored"]);
    let ended = run(&workspace);
    ended.expect(0, &[]);
    assert!(!ended.stderr.contains("a report of"), "{}", ended.stderr);
    let counted: Vec<Json> =
        stored(&workspace).into_iter().map(|it| it["results"].clone()).collect();
    assert_eq!(counted, [Json::from(98), Json::from(1_960)]);
}

#[test]
fn a_stream_stores_one_at_each_interval() {
    let workspace = workspace(&JOB.replace("every: 1h", "every: 1s"), &records(0..1_000));
    let arguments = ["run", "job.yaml", "--report-store", "reports"];
    let mut command = workspace.command(&arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    let mut sent = 1_000;
    while stored(&workspace).len() < 3 {
        assert!(since.elapsed() < Duration::from_mins(2), "{:?}", stored(&workspace));
        append(&workspace, "app.ndjson", &records(sent..sent + 100));
        sent += 100;
        std::thread::sleep(Duration::from_millis(300));
    }
    let killed = Command::new("kill").arg(child.id().to_string()).status();
    assert!(killed.unwrap().success());
    RunOutput::from(child.wait_with_output().unwrap()).expect(0, &[]);
    let judged = results(&workspace).lines().count() as u64;
    let reported: u64 = stored(&workspace).iter().map(|it| it["results"].as_u64().unwrap()).sum();
    assert_eq!(reported, judged);
}

#[test]
fn a_store_that_is_away_stops_nothing() {
    let workspace = workspace(JOB, &records(0..1_000));
    // A server that takes no report: nothing listens.
    let run = ["run", "job.yaml", "--until-caught-up", "--report-store", "app.ndjson"];
    let ended = workspace.anomal(&run);
    assert_ne!(ended.code, Some(0), "{ended:#?}");
    assert!(results(&workspace).is_empty());
    std::fs::create_dir(workspace.path("reports")).unwrap();
    let run = ["run", "job.yaml", "--report-store", "reports"];
    let mut command = workspace.command(&run);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while results(&workspace).lines().count() < 980 {
        assert!(since.elapsed() < Duration::from_mins(2), "{:?}", workspace.files());
        std::thread::sleep(Duration::from_millis(100));
    }
    std::fs::remove_dir_all(workspace.path("reports")).unwrap();
    std::fs::write(workspace.path("reports"), "no folder").unwrap();
    let killed = Command::new("kill").arg(child.id().to_string()).status();
    assert!(killed.unwrap().success());
    let ended = RunOutput::from(child.wait_with_output().unwrap());
    ended.expect(0, &["980 rows are in no report, but in the outputs"]);
}

#[test]
fn when_there_is_one_has_to_be_said() {
    let cases = [
        (JOB.replace(", every: 1h", ""), ["report", "every: 1h"]),
        (JOB.replace("every: 1h", "every: often"), ["report.every", "often"]),
        (
            JOB.replace(&JOB[JOB.find("stream:").unwrap()..JOB.find("report:").unwrap()], ""),
            ["report.every", "a run has one report"],
        ),
    ];
    for (job, parts) in cases {
        workspace(&job, "").anomal(&["validate", "job.yaml"]).expect(2, &parts);
    }
}
