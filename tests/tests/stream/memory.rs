//! The memory of a state: what was not seen for longest is forgotten above a part of it, at the same rows in each replay.

use std::ops::Range;

use anomal_tests::{RunOutput, Workspace};

use super::{
    append, catch_up,
    job::{requests, results, rows},
    summary,
};

fn record(number: u64, host: &str) -> String {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let time =
        jiff::Timestamp::from_second(1_767_225_600 + i64::try_from(number).unwrap()).unwrap();
    let (size, ms) = (100 + spread % 900, spread / 7 % 50);
    format!(
        "{{\"time\":\"{time}\",\"host\":\"{host}\",\"size\":{size},\"ms\":{ms},\"method\":\"GET\"}}\n"
    )
}

/// Runs a job over records, at once and in parts that end anywhere: the results are the same.
fn run(job: &str, records: &str, parts: usize) -> (Workspace, RunOutput) {
    let files = [("app.ndjson", records.as_bytes()), ("job.yaml", job.as_bytes())];
    let whole = Workspace::with_files(&files);
    let ended = catch_up(&whole);
    ended.expect(0, &[]);
    let others = Workspace::with_files(&[files[1]]);
    let lines: Vec<&str> = records.split_inclusive('\n').collect();
    let mut last = None;
    for part in lines.chunks(parts) {
        append(&others, "app.ndjson", &part.concat());
        last = Some(catch_up(&others));
    }
    let last = last.unwrap();
    last.expect(0, &[]);
    assert_eq!(summary(&last)["memory"]["evicted"], summary(&ended)["memory"]["evicted"]);
    assert!(results(&others) == results(&whole), "a replay forgets others");
    (whole, ended)
}

#[test]
fn of_too_many_entities_those_seen_last_stay() {
    let job = |limit: &str| {
        requests(
            "\
classification: {engine: HBOS, seed: 7}
stream:
  time: {disorder: 1s}
  warmUp: {rows: 500}
  entity: {by: [host], model: forest, minRows: 8}
",
        )
        .replace("to: state}", &format!("to: state}}{limit}"))
    };
    // One after the other, in groups of twenty, and a host that is always there.
    let host = |number: u64| match number % 3 {
        0 => "steady".to_owned(),
        _ => format!("10.0.{}.{}", number / 900, number % 20),
    };
    let records: String = (0..24_000).map(|number| record(number, &host(number))).collect();
    let limited = job(", maxMemory: 32Mi");
    let (workspace, ended) = run(&limited, &records, 7_100);
    ended.expect(0, &["the state has", "raise `stream.state.maxMemory`"]);
    let validated = workspace.anomal(&["validate", "job.yaml"]);
    validated.expect(0, &[]);
    let said = "with models and samples 33 GB of 32Mi, beside windows: some are forgotten";
    assert!(validated.stdout.contains(said), "{}", validated.stdout);
    let (memory, entities) = (&summary(&ended)["memory"], &summary(&ended)["entities"]);
    let number = |name: &str| memory[name].as_u64().unwrap();
    assert_eq!(number("limit"), 32 << 20);
    assert!(number("bytes") <= number("limit") / 10 * 6, "{memory}");
    assert!(number("evicted") > 100, "{memory}");
    assert_eq!(memory["evicted"], entities["evicted"]);
    // Without a limit nothing is forgotten, and nothing is counted.
    workspace.write(
        "job.yaml",
        job("").replace("to: state", "to: other").replace("path: results", "path: all").as_bytes(),
    );
    let unlimited = catch_up(&workspace);
    unlimited.expect(0, &[]);
    let counts = summary(&unlimited);
    assert!(counts.get("memory").is_none() && counts["entities"]["evicted"] == 0, "{counts}");
    assert!(counts["entities"]["known"].as_u64() > entities["known"].as_u64());
}

#[test]
fn of_too_many_keys_of_windows_those_seen_last_stay() {
    let job = "\
input:
  ndjson: {path: app.ndjson, badLines: skip}
timeColumn: time
features:
  - {type: aggregate, name: count_1d, function: count, by: [host], window: 1d}
  - {type: aggregate, name: sizes_1d, function: distinct, of: size, by: [host], window: 1d}
stream:
  state: {checkpoint: {every: 1s, to: state}, maxMemory: 1Mi}
outputs:
  - ndjson: {path: results.ndjson, rotate: 64Mi, include: [features]}
";
    let of = |numbers: Range<u64>| -> String {
        numbers
            .map(|number| {
                let once = format!("10.0.{}.{}", number / 256, number % 256);
                record(number, if number.is_multiple_of(2) { "steady" } else { &once })
            })
            .collect()
    };
    let records = of(0..20_000) + &record(20_000, "10.0.0.1") + &record(20_001, "10.0.78.31");
    let (workspace, ended) = run(job, &records, 3_700);
    let memory = &summary(&ended)["memory"];
    assert!(memory["bytes"].as_u64().unwrap() < 900_000, "{memory}");
    assert!(memory["evicted"].as_u64().unwrap() > 5_000, "{memory}");
    let rows = rows(&workspace);
    let counted = |row: usize| rows[row]["anomal.features.count_1d"].as_u64().unwrap();
    // The one that is always there is whole, the first one that came once is forgotten, and one of the last is not.
    assert_eq!(counted(19_998), 10_000);
    assert_eq!((counted(20_000), counted(20_001)), (1, 2));
    // With more of it, the stream goes on.
    workspace.write("job.yaml", job.replace("1Mi", "2Mi").as_bytes());
    append(&workspace, "app.ndjson", &record(20_002, "10.0.78.31"));
    let more = catch_up(&workspace);
    more.expect(0, &[]);
    assert_eq!(summary(&more)["memory"]["limit"], 2 << 20);
    assert_eq!(super::job::rows(&workspace)[20_002]["anomal.features.count_1d"], 3);
}

#[test]
fn too_little_memory_is_refused() {
    let with = |limit: &str| {
        requests("classification: {engine: HBOS, seed: 7}\nstream:\n")
            .replace("to: state}", &format!("to: state}}, maxMemory: {limit}"))
    };
    let windows = "input: {tcp: {collectionTime: 60s, badLines: skip}}\nfeatures: [{type: field, name: size}]\n\
                   classification: {engine: HBOS}\nstream: {state: {maxMemory: 1Gi}}\noutputs: [{ndjson: {path: r.ndjson, rotate: 1h}}]\n";
    for (job, parts) in [
        (with("8Mi"), ["stream.state.maxMemory", "models and samples alone may take 10.4 MB"]),
        (with("1G"), ["stream.state.maxMemory", "has not the form"]),
        (windows.to_owned(), ["stream.state.maxMemory", "with `collectionTime` nothing is kept"]),
    ] {
        let files = [("app.ndjson", record(0, "a")), ("job.yaml", job)];
        let workspace = Workspace::with_files(&files.each_ref().map(|(a, b)| (*a, b.as_bytes())));
        workspace.anomal(&["validate", "job.yaml"]).expect(2, &parts);
    }
}
