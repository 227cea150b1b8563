//! What is usual of each entity.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use anomal_tests::Workspace;
use serde_json::Value as Json;

use super::{
    append, catch_up,
    job::{requests, results, rows},
    summary,
};

static JOB: LazyLock<String> = LazyLock::new(|| {
    requests(
        "\
classification: {engine: HBOS, seed: 7, threshold: {method: risk, value: 0.005}}
stream:
  time: {disorder: 1s}
  warmUp: {rows: 2000}
  entity: {by: [host], minRows: 50}
",
    )
});

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
    let note = "unusual for 10.0.0.1 (598 rows before): ";
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
    let again = super::job::rows(&workspace);
    let row = &again[6_000];
    assert_eq!(
        (row.get("anomal.entity"), &row["anomal.suspicious"]),
        (None, &false.into()),
        "{row:#}"
    );
}

#[test]
fn a_replay_knows_the_same_entities() {
    for (online, model) in [
        ("none", "profile"),
        ("HBOS", "none"),
        ("OnlineIsolationForest", "profile"),
        ("OnlineCovariance", "profile"),
        ("RandomCutForest", "none"),
        ("auto", "profile"),
        ("none", "forest"),
    ] {
        let records = usual(0..5_000);
        let job = JOB.replace("  entity:", &format!("  model: {{online: {online}}}\n  entity:"));
        let job = job.replace("minRows: 50", &format!("minRows: 50, model: {model}"));
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
            assert_eq!(whole, part, "{online}, {model}, row {row}");
        }
    }
}

/// A host of which sizes and times go together: both are small or both are large, or the other way round.
fn together(number: u64, host: u64, is_reversed: bool) -> String {
    let random = |part: u64| {
        let value = (2 * number + part + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 40
    };
    let is_large = random(0) % 2 == 0;
    let value =
        |is_large: bool, part: u64| random(part) / 2 % 300 + if is_large { 700 } else { 100 };
    let (size, ms) = (value(is_large, 0), value(is_large != is_reversed, 1));
    let time =
        jiff::Timestamp::from_second(1_767_225_600 + i64::try_from(number).unwrap()).unwrap();
    format!(
        "{{\"time\":\"{time}\",\"host\":\"10.0.0.{host}\",\"size\":{size},\"ms\":{ms},\"method\":\"GET\"}}\n"
    )
}

#[test]
fn a_forest_finds_what_does_not_go_together_and_a_profile_does_not() {
    // Of the even hosts large goes with large, of the others with small; then host 2 is as the others are.
    let records: String = (0..10_400_u64)
        .map(|number| {
            let host = number % 10;
            together(number, host, (host % 2 == 1) != (number >= 10_000 && host == 2))
        })
        .collect();
    let found = |model: &str| {
        let job = JOB
            .replace("minRows: 50", &format!("minRows: 50, model: {model}"))
            .replace("value: 0.005", "value: 0.03");
        let workspace = Workspace::with_files(&[
            ("app.ndjson", records.as_bytes()),
            ("job.yaml", job.as_bytes()),
        ]);
        let checked = workspace.anomal(&["validate", "job.yaml"]);
        checked.expect(0, &[]);
        let memory = if model == "forest" { "66 kB: 33 GB" } else { "500 B: 250 MB" };
        let memory = format!("up to 500,000 entities of at most {memory}");
        assert!(checked.stdout.contains(&memory), "{}", checked.stdout);
        catch_up(&workspace).expect(0, &[]);
        rows(&workspace)
    };
    let suspicious = |rows: &[Json], host: u64| {
        let host = format!("10.0.0.{host}");
        let rows = rows.iter().filter(|row| row["anomal.entity"] == host);
        rows.filter(|row| row["anomal.suspicious"] == true).cloned().collect::<Vec<_>>()
    };
    let (forest, profile) = (found("forest"), found("profile"));
    // Twelve rows of it; then it becomes usual.
    let changed = suspicious(&forest[10_000..10_120], 2);
    assert!(changed.len() >= 7, "{}", changed.len());
    let by_profile = suspicious(&profile[10_000..10_120], 2);
    assert!(by_profile.len() <= 2, "{}", by_profile.len());
    let noted = changed.iter().filter(|row| {
        let explanation = row["anomal.explanation"].as_str().unwrap();
        explanation.contains("unusual together for 10.0.0.2 (")
            && (explanation.ends_with("size and ms") || explanation.ends_with("ms and size"))
    });
    assert!(noted.count() * 2 > changed.len(), "{:#}", changed[0]);
    let usual = forest[5_000..10_000].iter().filter(|row| row["anomal.suspicious"] == true).count();
    assert!((40..400).contains(&usual), "about 150 are expected at this risk: {usual}");
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
        (JOB.replace("minRows: 50", "model: tree"), "stream.entity.model"),
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
