//! Records from before a stream, which it has learned when its first one comes.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

use anomal_tests::{Workspace, http};
use serde_json::Value as Json;

use super::{
    append, catch_up,
    job::{requests, results, rows},
    summary,
};

static JOB: LazyLock<String> = LazyLock::new(|| {
    requests(
        "  - {type: aggregate, name: recent, function: count, by: [host], window: 10m}
classification: {engine: HBOS, seed: 7, threshold: {method: risk, value: 0.005}}
stream:
  time: {disorder: 1s}
  warmUp: {preload: {csv: {path: history.csv}}}
  entity: {by: [host], minRows: 50}
",
    )
    .replace("64Mi", "64Mi, include: [features]")
});

/// A record of each second: of ten hosts, the even ones post large answers, and the others get small ones.
fn record(number: u64, is_large: bool) -> [String; 5] {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let time =
        jiff::Timestamp::from_second(1_767_225_600 + i64::try_from(number).unwrap()).unwrap();
    let size = spread % 900 + if is_large { 50_000 } else { 100 };
    let method = if is_large { "POST" } else { "GET" };
    let host = format!("10.0.0.{}", number % 10);
    [time.to_string(), host, size.to_string(), (spread / 7 % 50).to_string(), method.to_owned()]
}

fn live(number: u64, is_large: bool) -> String {
    let [time, host, size, ms, method] = record(number, is_large);
    format!(
        "{{\"time\":\"{time}\",\"host\":\"{host}\",\"size\":{size},\"ms\":{ms},\"method\":\"{method}\"}}\n"
    )
}

fn is_large(number: u64) -> bool {
    number.is_multiple_of(2)
}

fn usual(numbers: std::ops::Range<u64>) -> String {
    numbers.map(|number| live(number, is_large(number))).collect()
}

/// The numbers below one, in another order.
fn shuffled(rows: u64) -> impl Iterator<Item = u64> {
    (0..rows).map(move |place| place.wrapping_mul(7_919) % rows)
}

/// The records before a number, in an order that is not that of their times.
fn history(rows: u64) -> String {
    let row = |number: u64| {
        let [time, host, size, ms, method] = record(number, is_large(number));
        format!("{method},{size},{time},{host},{ms}\n")
    };
    "method,size,time,host,ms\n".to_owned() + &shuffled(rows).map(row).collect::<String>()
}

#[test]
fn the_first_record_is_judged_by_those_before_the_stream() {
    // Host 1 gets small answers; now it posts, as others always do.
    let records = usual(6_000..6_030) + &live(6_031, true);
    let workspace = Workspace::with_files(&[
        ("history.csv", history(6_000).as_bytes()),
        ("app.ndjson", records.as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    let counts = summary(&run);
    let count = |name: &str| counts[name].as_u64().unwrap_or_default();
    assert_eq!((count("rows"), count("results"), count("preloaded")), (31, 31, 6_000));
    assert_eq!((count("late"), count("rejected"), &counts["warm"]), (0, 0, &true.into()));
    assert_eq!(counts["entities"]["known"], 10);
    let found = rows(&workspace);
    assert_eq!(found.len(), 31);
    for row in &found {
        assert!(row["anomal.warm"] == true && row["anomal.pvalue"].is_number(), "{row:#}");
        assert_eq!(row["anomal.model"], 1);
    }
    // Those of the host within ten minutes are from before the stream: it comes every ten seconds.
    let recent = found[0]["anomal.features.recent"].as_u64().unwrap();
    assert!((59..=61).contains(&recent), "{:#}", found[0]);
    let odd = &found[30];
    assert_eq!(odd["anomal.suspicious"], true, "{odd:#}");
    let explanation = odd["anomal.explanation"].as_str().unwrap();
    assert!(explanation.contains("unusual for 10.0.0.1 (60"), "{explanation}");

    // Once: what follows needs neither the file nor the setting.
    std::fs::remove_file(workspace.path("history.csv")).unwrap();
    append(&workspace, "app.ndjson", &usual(6_040..6_050));
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    assert!(!run.stderr.contains("preload"), "{}", run.stderr);
    let job = JOB.replace("  warmUp: {preload: {csv: {path: history.csv}}}\n", "");
    workspace.write("job.yaml", job.as_bytes());
    append(&workspace, "app.ndjson", &usual(6_050..6_060));
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    assert_eq!((&summary(&run)["rows"], &summary(&run)["preloaded"]), (&51.into(), &6_000.into()));
    assert!(rows(&workspace).iter().all(|row| row["anomal.pvalue"].is_number()));
}

#[test]
fn each_input_that_ends_can_be_learned_in_the_same_way() {
    // Columns of text that are times are named in Parquet.
    let batch = "\
input: {ndjson: {path: history.ndjson}}
features:
  - {type: field, name: size}
classification: {engine: HBOS}
outputs:
  - parquet: {path: history.parquet}
";
    let records = usual(3_000..3_400);
    let lines: Vec<String> = shuffled(3_000).map(|number| live(number, is_large(number))).collect();
    let array = lines.join(",");
    let found = |driver: &str| {
        let job = JOB.replace("csv: {path: history.csv}", driver);
        let workspace = Workspace::with_files(&[
            ("history.csv", history(3_000).as_bytes()),
            ("history.ndjson", lines.concat().as_bytes()),
            ("history.json", format!("[{array}]").as_bytes()),
            ("batch.yaml", batch.as_bytes()),
            ("app.ndjson", records.as_bytes()),
            ("job.yaml", job.as_bytes()),
        ]);
        workspace.anomal(&["run", "batch.yaml"]).expect(0, &[]);
        let run = catch_up(&workspace);
        run.expect(0, &[]);
        assert_eq!(summary(&run)["preloaded"], 3_000, "{driver}");
        results(&workspace)
    };
    let expected = found("csv: {path: history.csv}");
    assert_eq!(expected.lines().count(), 400);
    for driver in [
        "ndjson: {path: history.ndjson}",
        "parquet: {path: history.parquet, types: {time: datetime}}",
        "json: {path: history.json}",
    ] {
        assert!(found(driver) == expected, "{driver}");
    }
}

/// The job in a process, and its log.
fn start(workspace: &Workspace) -> (Child, impl Iterator<Item = String>) {
    let mut command = workspace.command(&["run", "job.yaml", "--until-caught-up", "-v"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, log.map(Result::unwrap))
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_kill_begins_it_anew_until_it_is_saved() {
    let text = history(40_000);
    let records = usual(40_000..42_000);
    let files = [
        ("history.csv", text.as_bytes()),
        ("app.ndjson", records.as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ];
    let undisturbed = Workspace::with_files(&files);
    catch_up(&undisturbed).expect(0, &[]);
    assert_eq!(results(&undisturbed).lines().count(), 2_000);

    let workspace = Workspace::with_files(&files);
    for part in ["are read", "is fitted on"] {
        let (child, mut log) = start(&workspace);
        let told = log.find(|line| line.contains(part));
        kill(child);
        assert!(told.is_some(), "it has not told that records {part}");
        assert!(results(&workspace).is_empty(), "{:?}", workspace.files());
    }
    // It has begun once there is a checkpoint.
    let (child, _log) = start(&workspace);
    let since = Instant::now();
    while !workspace.path("state/0000000000000001.ckpt").exists() {
        assert!(since.elapsed() < Duration::from_mins(2), "{:?}", workspace.files());
        std::thread::sleep(Duration::from_millis(2));
    }
    kill(child);
    std::fs::remove_file(workspace.path("history.csv")).unwrap();
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    assert_eq!(
        (&summary(&run)["rows"], &summary(&run)["preloaded"]),
        (&2_000.into(), &40_000.into())
    );
    assert!(results(&workspace) == results(&undisturbed));
}

#[test]
fn its_progress_is_told() {
    let text = history(60_000);
    let workspace = Workspace::with_files(&[
        ("history.csv", text.as_bytes()),
        ("app.ndjson", usual(60_000..60_010).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut command = workspace.command(&["run", "job.yaml", "--metrics-listen", &address]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let since = Instant::now();
    let mut seen = Vec::new();
    loop {
        assert!(since.elapsed() < Duration::from_mins(2), "{seen:?}");
        if std::net::TcpStream::connect(&address).is_ok() {
            let status = http::get(&format!("http://{address}"), "/status", &[]).text();
            let status: Json = serde_json::from_str(&status).unwrap_or_default();
            if status["preloaded"] == 60_000 {
                assert!(status.get("preload").is_none(), "{status:#}");
                break;
            }
            seen.extend(status["preload"]["learned"].as_u64());
        }
    }
    kill(child);
    assert!(seen.is_sorted() && seen.iter().all(|learned| *learned <= 60_000), "{seen:?}");
}

#[test]
fn what_can_not_be_learned_ends_the_start() {
    let preload = "preload: {csv: {path: history.csv}}";
    let at = "stream.warmUp.preload";
    let good = history(200);
    let cases: [(&str, &str, &str, &[&str]); 9] = [
        (preload, "preload: {csv: {path: gone.csv}}", &good, &[at, "gone.csv"]),
        (preload, preload, "", &[at, "history.csv"]),
        (preload, preload, "method,size,time,host,ms\n", &[at]),
        (
            preload,
            preload,
            "method,size,time,host,ms\nGET,1,2026-01-01T00:00:00Z,a,3\n",
            &[at, "1 records, and 10 at least"],
        ),
        (
            preload,
            preload,
            &good.replace("size", "bytes"),
            &[at, "the column `size`", "method, bytes, time, host, ms"],
        ),
        (preload, preload, &good.replace("host", "computer"), &[at, "column `host`"]),
        (preload, preload, &good.replace("2026-", "in 2026-"), &[at, "time"]),
        (
            preload,
            "preload: {csv: {path: history.csv}, ndjson: {path: a}}",
            &good,
            &[at, "exactly one driver"],
        ),
        (
            preload,
            "rows: 900, preload: {csv: {path: history.csv}}",
            &good,
            &["stream.warmUp.rows", "model.sample.rows"],
        ),
    ];
    for (from, to, text, parts) in cases {
        let job = JOB.replace(from, to);
        let workspace = Workspace::with_files(&[
            ("history.csv", text.as_bytes()),
            ("app.ndjson", usual(200..300).as_bytes()),
            ("job.yaml", job.as_bytes()),
        ]);
        let run = catch_up(&workspace);
        run.expect(2, parts);
        assert!(!workspace.files().iter().any(|file| file.contains(".ckpt")), "{to}");
    }
    for (to, parts) in [
        ("preload: {csv: {path: \"-\"}}", ["preload.csv.path", "name a file"]),
        ("preload: {kafka: {brokers: [\"a:1\"], topics: [t]}}", ["stream.warmUp.preload", "kafka"]),
        ("preload: {log: {path: a, format: regex}}", ["preload.log", "`pattern` belongs to"]),
        (
            "preload: {csv: {path: a, times: {zone: Nowhere}}}",
            ["preload.csv.times.zone", "Nowhere"],
        ),
    ] {
        let workspace = Workspace::with_files(&[("job.yaml", JOB.replace(preload, to).as_bytes())]);
        workspace.anomal(&["validate", "job.yaml"]).expect(2, &parts);
    }
    // One that has begun without it is told so.
    let without = JOB.replace("  warmUp: {preload: {csv: {path: history.csv}}}\n", "");
    let workspace = Workspace::with_files(&[
        ("history.csv", good.as_bytes()),
        ("app.ndjson", usual(200..300).as_bytes()),
        ("job.yaml", without.as_bytes()),
    ]);
    catch_up(&workspace).expect(0, &[]);
    workspace.write("job.yaml", JOB.as_bytes());
    catch_up(&workspace)
        .expect(0, &["stream.warmUp.preload is not read, since the stream has begun"]);
}

#[test]
fn without_times_or_a_model_to_fit_it_is_learned_too() {
    let job = JOB
        .replace("timeColumn: time\n", "")
        .replace(
            "  - {type: aggregate, name: recent, function: count, by: [host], window: 10m}\n",
            "",
        )
        .replace("  time: {disorder: 1s}\n", "");
    let loaded = job.replace("seed: 7,", "seed: 7, model: {load: m.anomal},");
    let fit = job
        .split("stream:")
        .next()
        .unwrap()
        .replace("threshold: {method: risk, value: 0.005}", "seed: 7");
    let fit = fit.replace("{engine: HBOS, seed: 7, seed: 7}", "{engine: HBOS, seed: 7}");
    for (job, fits) in [(&job, false), (&loaded, true)] {
        let workspace = Workspace::with_files(&[
            ("history.csv", history(4_000).as_bytes()),
            ("app.ndjson", usual(4_000..4_020).as_bytes()),
            ("fit.yaml", fit.replace("app.ndjson", "fit.ndjson").as_bytes()),
            ("fit.ndjson", usual(0..1_000).as_bytes()),
            ("job.yaml", job.as_bytes()),
        ]);
        if fits {
            workspace.anomal(&["fit", "fit.yaml", "--model", "m.anomal"]).expect(0, &[]);
        }
        let run = catch_up(&workspace);
        run.expect(0, &[]);
        assert_eq!(summary(&run)["preloaded"], 4_000);
        for row in rows(&workspace) {
            assert!(row["anomal.pvalue"].is_number(), "{row:#}");
        }
    }
}
