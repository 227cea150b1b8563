//! Streams with packs of code that fails at some records.

use anomal_tests::Workspace;
use serde_json::Value;

use super::{everything::manifest, wat};

const JOB: &str = "\
input: {ndjson: {path: app.ndjson, badLines: skip, types: {id: integer}}}
packs: [{name: mine, ref: code}]
features:
  - {type: metric, name: mine/length, as: length, dataNeeded: [name]}
  - {type: field, name: id}
classification: {engine: HBOS, seed: 7}
stream:
  warmUp: {rows: 20}
  state: {checkpoint: {to: state}}
outputs:
  - ndjson: {path: results.ndjson, rotate: 1Gi, include: [features]}
";

fn run(workspace: &Workspace) -> anomal_tests::RunOutput {
    workspace.anomal(&["run", "job.yaml", "--until-caught-up", "--summary", "json"])
}

#[test]
fn a_record_at_which_code_fails_is_kept_with_the_reason() {
    let (manifest, component) =
        (manifest("code"), wat::length_unless_13("unreachable").component());
    let names = |id: u64| if [7, 30, 77].contains(&id) { "13 characters" } else { "name" };
    let records = |numbers: std::ops::Range<u64>| -> String {
        let record = |id| format!("{{\"id\":{id},\"name\":\"{}\"}}\n", names(id));
        numbers.map(record).collect()
    };
    let workspace = Workspace::with_files(&[
        ("code/pack.yaml", manifest.as_bytes()),
        ("code/component.wasm", &component),
        ("job.yaml", JOB.as_bytes()),
        ("app.ndjson", format!("{}\nno JSON\n", records(0..50)).as_bytes()),
    ]);
    let first = run(&workspace);
    first.expect(0, &["2 records are left out", "length failed at"]);
    let mut text = workspace.read("app.ndjson");
    text.push_str(&records(50..100));
    workspace.write("app.ndjson", text.as_bytes());
    let second = run(&workspace);
    second.expect(0, &["1 records are left out"]);
    let summary: Value = serde_json::from_str(&second.stdout).unwrap();
    assert_eq!((&summary["rows"], &summary["rejected"]), (&101.into(), &4.into()));
    assert_eq!(summary["results"], 97);
    let rejected = workspace.read("job.rejected.ndjson");
    let rejected: Vec<Value> =
        rejected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let places: Vec<(u64, u64)> = rejected
        .iter()
        .map(|record| (record["row"].as_u64().unwrap(), record["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [(7, 8), (30, 31), (50, 52), (78, 80)]);
    let reason = rejected[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("PACK_TRAPPED: ") && reason.contains("length failed at"),
        "{reason}"
    );
    assert_eq!(rejected[0]["raw"], records(7..8).trim_end());
    // All others have their results, once.
    let results = workspace.read("results-000001.ndjson");
    let results: Vec<Value> =
        results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<u64> = results.iter().map(|result| result["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (0..100).filter(|id| ![7, 30, 77].contains(id)).collect::<Vec<_>>());
    assert!(results.iter().all(|result| result["anomal.features.length"] == 4));
}

#[test]
fn code_that_fails_at_all_records_ends_the_stream() {
    let (manifest, component) =
        (manifest("code"), wat::length_unless_13("unreachable").component());
    let record = |id| format!("{{\"id\":{id},\"name\":\"13 characters\"}}\n");
    let workspace = Workspace::with_files(&[
        ("code/pack.yaml", manifest.as_bytes()),
        ("code/component.wasm", &component),
        ("job.yaml", JOB.as_bytes()),
        ("app.ndjson", (0..500).map(record).collect::<String>().as_bytes()),
    ]);
    let ran = run(&workspace);
    assert_ne!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.stderr.contains("length failed at row"), "{ran:#?}");
}
