//! What is usual of each entity.

use std::time::{Duration, Instant};

use anomal_tests::Workspace;
use serde_json::Value as Json;

use super::{append, catch_up, job::results, summary};

const JOB: &str = "\
input:
  ndjson: {path: app.ndjson, badLines: skip}
timeColumn: time
features:
  - {type: field, name: size}
  - {type: field, name: ms}
  - {type: field, name: method, kind: categorical}
classification: {engine: HBOS, seed: 7, threshold: {method: risk, value: 0.005}}
stream:
  time: {disorder: 1s}
  warmUp: {rows: 2000}
  entity: {by: [host], minRows: 50}
  state: {checkpoint: {every: 1s, to: state}}
outputs:
  - ndjson: {path: results.ndjson, rotate: 64Mi}
";

/// Hosts of two kinds: those that get small answers, and those that post large ones.
fn record(number: u64, host: &str, is_large: bool) -> String {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let time =
        jiff::Timestamp::from_second(1_767_225_600 + i64::try_from(number).unwrap()).unwrap();
    let size = spread % 900 + if is_large { 50_000 } else { 100 };
    let method = if is_large { "POST" } else { "GET" };
    let ms = spread / 7 % 50;
    format!(
        "{{\"time\":\"{time}\",\"host\":\"{host}\",\"size\":{size},\"ms\":{ms},\"method\":\"{method}\"}}\n"
    )
}

fn usual(numbers: std::ops::Range<u64>) -> String {
    numbers
        .map(|number| record(number, &format!("10.0.0.{}", number % 10), number % 2 == 0))
        .collect()
}

fn rows(workspace: &Workspace) -> Vec<Json> {
    results(workspace).lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

#[test]
fn what_is_usual_of_others_is_unusual_of_a_host() {
    // Host 1 gets small answers; now it posts, as hosts 0 and 2 always do. Host 99 is new.
    let odd = record(6_000, "10.0.0.1", true)
        + &record(6_001, "10.0.0.2", true)
        + &record(6_002, "10.0.0.99", true);
    let records = usual(0..6_000) + &odd;
    let files = [("app.ndjson", records.as_bytes()), ("job.yaml", JOB.as_bytes())];
    let workspace = Workspace::with_files(&files);
    workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    assert_eq!(summary(&run)["entities"], serde_json::json!({"known": 10, "evicted": 0}));
    let rows = rows(&workspace);
    assert_eq!(
        (&rows[0]["anomal.entity"], &rows[6_000]["anomal.entity"]),
        (&"10.0.0.0".into(), &"10.0.0.1".into())
    );
    let [odd, same, new] = [&rows[6_000], &rows[6_001], &rows[6_002]];
    assert_eq!(odd["anomal.suspicious"], true, "{odd:#}");
    let explanation = odd["anomal.explanation"].as_str().unwrap();
    let note = "unusual for 10.0.0.1 (599 rows before): ";
    assert!(explanation.contains(note), "{explanation}");
    let named = explanation.split(note).nth(1).unwrap();
    assert!(named == "size and method" || named == "method and size", "{explanation}");
    let reasons = odd["anomal.reasons"].as_array().unwrap();
    assert!(["size", "method"].contains(&reasons[0]["feature"].as_str().unwrap()), "{odd:#}");
    for usual in [same, new] {
        assert_eq!(usual["anomal.suspicious"], false, "{usual:#}");
    }
    assert!(odd["anomal.pvalue"].as_f64() < Some(0.005));
    let suspicious = rows[..6_000].iter().filter(|row| row["anomal.suspicious"] == true).count();
    assert!(suspicious < 60, "about 20 are expected at this risk: {suspicious}");

    // The same records without entities: nothing is unusual.
    let job = JOB.replace("  entity: {by: [host], minRows: 50}\n", "");
    let workspace = Workspace::with_files(&[files[0], ("job.yaml", job.as_bytes())]);
    catch_up(&workspace).expect(0, &[]);
    let again = self::rows(&workspace);
    let row = &again[6_000];
    assert_eq!(
        (row.get("anomal.entity"), &row["anomal.suspicious"]),
        (None, &false.into()),
        "{row:#}"
    );
}

#[test]
fn a_replay_knows_the_same_entities() {
    for online in ["none", "HBOS", "OnlineIsolationForest"] {
        let records = usual(0..5_000);
        let job = JOB.replace("  entity:", &format!("  model: {{online: {online}}}\n  entity:"));
        let files = [("app.ndjson", records.as_bytes()), ("job.yaml", job.as_bytes())];
        let whole = Workspace::with_files(&files);
        catch_up(&whole).expect(0, &[]);
        let parts = Workspace::with_files(&[files[1]]);
        let lines: Vec<&str> = records.split_inclusive('\n').collect();
        for part in lines.chunks(1_130) {
            append(&parts, "app.ndjson", &part.concat());
            catch_up(&parts).expect(0, &[]);
        }
        assert_eq!(results(&whole).lines().count(), 5_000);
        for (row, (whole, part)) in results(&whole).lines().zip(results(&parts).lines()).enumerate()
        {
            assert_eq!(whole, part, "{online}, row {row}");
        }
    }
}

#[test]
fn entities_that_can_not_be_are_refused() {
    let without = JOB.split("classification:").next().unwrap().to_owned()
        + "stream:"
        + JOB.split("stream:").nth(1).unwrap();
    let cases = [
        (JOB.replace("[host]", "[hots]"), "did you mean `host`"),
        (JOB.replace("[host]", "[]"), "stream.entity.by"),
        (JOB.replace("minRows: 50", "minRows: 0"), "stream.entity.minRows"),
        (JOB.replace("minRows: 50", "forgetAfter: soon"), "stream.entity.forgetAfter"),
        (
            JOB.replace("minRows: 50", "silence: 2m")
                .replace("timeColumn: time\n", "")
                .replace("  time: {disorder: 1s}\n", ""),
            "it is a time of records",
        ),
        (without, "nothing is scored without `classification`"),
    ];
    let record = record(0, "10.0.0.1", true);
    for (job, message) in cases {
        let files = [("app.ndjson", record.as_bytes()), ("job.yaml", job.as_bytes())];
        let workspace = Workspace::with_files(&files);
        workspace.anomal(&["validate", "job.yaml"]).expect(2, &[message, "job.yaml"]);
    }
}

#[test]
fn an_entity_that_says_nothing_is_named() {
    // Each host comes every ten seconds; host 3 stops.
    let job = JOB.replace("minRows: 50}", "minRows: 50, silence: 2m}");
    let heard = |numbers: std::ops::Range<u64>, but: u64| {
        let numbers = numbers.filter(move |number| number % 10 != but);
        let record = |number| record(number, &format!("10.0.0.{}", number % 10), false);
        numbers.map(record).collect::<String>()
    };
    let files = [("app.ndjson", heard(0..2_500, 99)), ("job.yaml", job)];
    let workspace = Workspace::with_files(&[
        (files[0].0, files[0].1.as_bytes()),
        (files[1].0, files[1].1.as_bytes()),
    ]);
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    assert!(!run.stderr.contains("silent"), "{run:#?}");
    append(&workspace, "app.ndjson", &heard(2_500..2_700, 3));
    let log = std::fs::File::create(workspace.path("log")).unwrap();
    let mut child = workspace.command(&["run", "job.yaml"]).stderr(log).spawn().unwrap();
    let wait_for = |part: &str| {
        let since = Instant::now();
        while !workspace.read("log").contains(part) {
            assert!(
                since.elapsed() < Duration::from_mins(2),
                "no {part:?} in {}",
                workspace.read("log")
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait_for("10.0.0.3 is silent, for longer than it ever was");
    append(&workspace, "app.ndjson", &heard(2_700..2_720, 99));
    wait_for("10.0.0.3 is heard of again");
    child.kill().unwrap();
    child.wait().unwrap();
}
