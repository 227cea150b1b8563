//! The state of an earlier release is continued by this one.
//!
//! `tests/data/stream/RELEASE` has a job, and the checkpoints and the journal of 2,000 records that this release has judged.
//! `ANOMAL_TEST_WRITE_STATE=1` writes those of the release that is built, for the releases behind it.

use std::{fs, ops::Range, path::Path};

use anomal_tests::{Workspace, repository};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    job::{results, wait},
    running::Running,
};

/// Windows, profiles, a model that is fitted again, and what is learned row by row.
const JOB: &str = "\
input: {http: {listen: \"127.0.0.1:0\", maxBody: 1Mi, types: {size: integer}}}
timeColumn: at
features:
  - {type: field, name: size}
  - {type: field, name: method, kind: categorical}
  - {type: aggregate, name: requests_5m, function: count, by: [host], window: 5m}
flags:
  - {type: direct, name: large, expression: size > 9000, severity: high}
classification: {engine: HBOS, threshold: {method: risk, value: 0.01}, seed: 7}
stream:
  warmUp: {rows: 300}
  time: {disorder: 10s, lateness: 1m, ahead: 2m}
  model: {online: HBOS, sample: {rows: 200}, refit: {rows: 1000, shadow: {rows: 400}}}
  entity: {by: [host], minRows: 20}
  journal: {maxBytes: 4Mi}
  state: {checkpoint: {every: 1s, to: state}}
outputs:
  - ndjson: {path: results.ndjson, rotate: 1Gi, include: [features]}
";
/// The parts of a workspace that a stream continues from.
const PARTS: [&str; 2] = ["state", "job.journal"];

fn records(ids: Range<i64>) -> String {
    let record = |id: i64| {
        let size = if id % 97 == 0 { 9_500 + id } else { 100 + id * 7_919 % 900 };
        let method = ["GET", "GET", "POST", "PUT"][usize::try_from(id % 4).unwrap()];
        let host = id % 5;
        let at = Timestamp::from_second(1_767_225_600 + id * 3).unwrap().to_string();
        json!({"id": id, "at": at, "host": format!("h{host}"), "size": size, "method": method})
            .to_string()
            + "\n"
    };
    ids.map(record).collect()
}

/// Sends records, and waits for the results of so many in the workspace.
fn judge(workspace: &Workspace, ids: Range<i64>, rows: usize) {
    let running = Running::job(workspace);
    assert_eq!(running.post(&[], records(ids).as_bytes()).status, 200);
    wait(|| results(workspace).len() == rows);
    running.terminate().expect(0, &[]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // It is of a process.
        if entry.file_name() != "lock" {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// What may differ: when a record came and from where, and the last digits on another processor.
fn assert_same(found: &Value, expected: &Value) {
    let (found, expected) = (found.as_object().unwrap(), expected.as_object().unwrap());
    for (key, value) in expected {
        let of_transport = ["event.ingested", "log.source.address"].contains(&key.as_str());
        let found = &found[key];
        let is_near = match (found.as_f64(), value.as_f64()) {
            (Some(found), Some(value)) => (found - value).abs() <= 1e-9 * value.abs().max(1.0),
            _ => found == value,
        };
        assert!(of_transport || is_near, "{key}: {found} and not {value}, of {expected:?}");
    }
}

#[test]
fn streams_of_earlier_releases_go_on() {
    let releases = repository().join("tests/data/stream");
    if std::env::var_os("ANOMAL_TEST_WRITE_STATE").is_some() {
        let workspace = Workspace::with_files(&[("job.yaml", JOB.as_bytes())]);
        judge(&workspace, 0..2_000, 2_000);
        let release = releases.join(env!("CARGO_PKG_VERSION"));
        let _ = fs::remove_dir_all(&release);
        for part in PARTS {
            copy(&workspace.path(part), &release.join(part));
        }
        fs::write(release.join("job.yaml"), JOB).unwrap();
    }
    let undisturbed = Workspace::with_files(&[("job.yaml", JOB.as_bytes())]);
    judge(&undisturbed, 0..2_000, 2_000);
    judge(&undisturbed, 2_000..2_500, 2_500);
    let expected = results(&undisturbed);
    // All that it can have learned, it has.
    assert!(
        expected.iter().any(|row| row["anomal.model"].as_u64() > Some(1)),
        "{}",
        expected[2_499]
    );
    let mut found = 0;
    for release in fs::read_dir(&releases).unwrap() {
        let release = release.unwrap().path();
        let workspace = Workspace::default();
        for part in PARTS {
            copy(&release.join(part), &workspace.path(part));
        }
        fs::copy(release.join("job.yaml"), workspace.path("job.yaml")).unwrap();
        // Its output is a new one here, which begins where it is added.
        judge(&workspace, 2_000..2_500, 500);
        for (row, expected) in results(&workspace).iter().zip(&expected[2_000..]) {
            assert_same(row, expected);
        }
        found += 1;
    }
    assert!(found > 0, "no release in {}", releases.display());
}
