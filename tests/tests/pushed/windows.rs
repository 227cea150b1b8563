//! What is pushed, judged window by window, each as a run judges a file. `ANOMAL_TEST_KILLS=200` kills more often.

use std::{
    collections::BTreeMap,
    sync::{Mutex, atomic::Ordering},
    time::Duration,
};

use anomal_tests::{Workspace, ledger::balance};
use serde_json::Value;

use super::{
    faults::{Ledger, send},
    job::{catch_up, ids, line, lines, rejected, results, summary, wait},
    running::Running,
};

/// A detector that compares all rows with each other, and a step over all rows.
const JUDGED: &str = "\
features:
  - {type: field, name: size}
  - {type: field, name: method, kind: categorical}
  - {type: expression, name: difference, expression: size - AVG(size) OVER ()}
flags:
  - {type: direct, name: large, expression: size > 3 * AVG(size) OVER (), severity: high}
classification: {engine: Gower}
";
const TCP: &str = "tcp: {host: 127.0.0.1, port: 0, collectionTime: 1s, badLines: skip, types: {id: integer, size: integer}}";

fn workspace(input: &str) -> Workspace {
    let job = format!(
        "input:\n  {input}\n{JUDGED}outputs:\n  - ndjson: {{path: results.ndjson, rotate: 64Ki}}\nstream:\n  state: \
         {{checkpoint: {{every: 1s, to: state}}}}\n"
    );
    Workspace::with_files(&[("job.yaml", job.as_bytes())])
}

/// The rows of each window, in order.
fn windows(rows: &[Value]) -> Vec<&[Value]> {
    rows.chunk_by(|a, b| a["anomal.window.start"] == b["anomal.window.start"]).collect()
}

/// The rows of a run over these records.
fn of_file(rows: &[Value]) -> Vec<Value> {
    let job = format!(
        "input: {{ndjson: {{path: app.ndjson, types: {{id: integer, size: integer}}}}}}\n{JUDGED}outputs: [{{ndjson: {{path: \
         all.ndjson}}}}]\n"
    );
    let text: String = rows.iter().map(|row| line(row["id"].as_u64().unwrap())).collect();
    let workspace =
        Workspace::with_files(&[("job.yaml", job.as_bytes()), ("app.ndjson", text.as_bytes())]);
    workspace.anomal(&["run", "job.yaml", "-q"]).expect(0, &[]);
    let all = workspace.read("all.ndjson");
    all.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// What does not depend on a place in the journal.
fn verdict(row: &Value) -> BTreeMap<String, Value> {
    let judged =
        |name: &str| name.starts_with("anomal.") || ["id", "size", "method"].contains(&name);
    let others = ["anomal.row", "anomal.partition", "anomal.incident"];
    let cells = row.as_object().unwrap().iter();
    cells
        .filter(|(name, _)| {
            judged(name) && !others.contains(&name.as_str()) && !name.contains(".window.")
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[test]
fn each_window_is_judged_as_a_run_judges_a_file() {
    let workspace = workspace(TCP);
    let running = Running::job(&workspace);
    // It may be longer than a window until all are there: the bounds are in the results.
    running.send(lines(0..400).as_bytes());
    wait(|| results(&workspace).len() == 400);
    running.send((lines(400..430) + "no JSON\n" + &lines(430..500)).as_bytes());
    wait(|| results(&workspace).len() == 500);
    // Nothing but records that can't be read, and then silence: no window without rows.
    running.send(b"no JSON either\n");
    wait(|| rejected(&workspace).len() == 2);
    let ended = running.terminate();
    ended.expect(0, &[]);
    let rows = results(&workspace);
    assert_eq!(ids(&workspace), (0..500).collect::<Vec<_>>());
    let found = windows(&rows);
    let counts = summary(&ended);
    assert!((2..6).contains(&found.len()), "{}", found.len());
    let with_rejected = counts["windows"].as_u64().unwrap();
    assert!((found.len() as u64 + 1..8).contains(&with_rejected), "{counts}");
    assert_eq!(
        (&counts["rows"], &counts["rejected"], &counts["warm"]),
        (&502.into(), &2.into(), &true.into())
    );
    for window in found {
        let (start, end) = (&window[0]["anomal.window.start"], &window[0]["anomal.window.end"]);
        let start = start.as_str().unwrap();
        assert!(window.iter().all(|row| row["event.ingested"].as_str().unwrap() >= start));
        assert!(window.iter().all(|row| &row["anomal.window.end"] == end));
        assert!(start < end.as_str().unwrap());
        let expected: Vec<_> = of_file(window).iter().map(verdict).collect();
        let judged: Vec<_> = window.iter().map(verdict).collect();
        assert_eq!(judged, expected);
    }
}

#[test]
fn windows_are_in_reports() {
    let workspace = workspace(TCP);
    let job = workspace.read("job.yaml") + "report: {every: 1h}\n";
    workspace.write("job.yaml", job.as_bytes());
    let arguments = ["run", "job.yaml", "--summary", "json", "-v", "--report-store", "reports"];
    let running = Running::start(&workspace, &arguments);
    running.send((lines(0..200) + "no JSON\n").as_bytes());
    wait(|| results(&workspace).len() == 200);
    let ended = running.terminate();
    ended.expect(0, &["a report of 200 rows is stored"]);
    let listed = workspace.anomal(&["report", "list", "--json", "--report-store", "reports"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    for key in ["rows", "rejected", "results", "suspicious", "flagged"] {
        assert_eq!(listed[0][key], summary(&ended)[key], "{key}: {listed:#}");
    }
    assert_eq!(listed[0]["engine"], "Gower");
}

#[test]
fn windows_survive_kills_and_a_replay_writes_the_same_bytes() {
    let http =
        "http: {listen: \"127.0.0.1:0\", collectionTime: 1s, types: {id: integer, size: integer}}";
    let workspace = workspace(http);
    let kills = std::env::var("ANOMAL_TEST_KILLS").ok().and_then(|kills| kills.parse().ok());
    let kills = kills.unwrap_or(6_u64);
    let ledger = Ledger { pause: Duration::from_millis(60), ..Ledger::default() };
    let running = Running::job(&workspace);
    let address = Mutex::new(running.address.clone());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| send(&ledger, &address));
        }
        let mut running = Some(running);
        for kill in 0..kills {
            let current = running.take().unwrap_or_else(|| {
                let next = Running::job(&workspace);
                address.lock().unwrap().clone_from(&next.address);
                next
            });
            std::thread::sleep(Duration::from_millis(900 + (kill * 7919) % 1_900));
            let ended = current.kill();
            let errors = ended.stderr.lines().filter(|line| line.contains("ERROR"));
            assert_eq!(errors.count(), 0, "kill {kill}: {ended:#?}");
        }
        ledger.stop.store(true, Ordering::Relaxed);
    });
    // Until no checkpoint has its end, that of the last window depends on whether its time is over when it is looked at.
    std::thread::sleep(Duration::from_millis(1_100));
    let before = Snapshot::of(&workspace);
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    let (counts, rows) = (summary(&last), results(&workspace));
    // Each record once, and windows that follow each other.
    let rejected = rejected(&workspace);
    let numbers = rows.iter().map(|row| &row["anomal.row"]);
    let numbers = numbers.chain(rejected.iter().map(|row| &row["row"]));
    let numbers: Vec<u64> = numbers.map(|number| number.as_u64().unwrap()).collect();
    balance(&[("SIGKILLs", kills)], counts["rows"].as_u64().unwrap(), &numbers);
    let found = ids(&workspace);
    assert!(ledger.acknowledged.into_inner().unwrap().iter().all(|id| found.contains(id)));
    let windows = windows(&rows);
    let starts: Vec<&str> =
        windows.iter().map(|rows| rows[0]["anomal.window.start"].as_str().unwrap()).collect();
    assert!(starts.len() > 3 && starts.is_sorted_by(|a, b| a < b), "{starts:?}");
    // One in the middle, which may have been cut off by a kill and judged again.
    let middle = windows[windows.len() / 2];
    let judged: Vec<_> = middle.iter().map(verdict).collect();
    assert_eq!(judged, of_file(middle).iter().map(verdict).collect::<Vec<_>>());
    // Once more from the last kill on.
    let bytes = all_results(&workspace);
    before.restore(&workspace);
    catch_up(&workspace).expect(0, &[]);
    assert!(all_results(&workspace) == bytes, "a replay writes other bytes");
}

fn all_results(workspace: &Workspace) -> Vec<(String, String)> {
    let names = workspace.files().into_iter().filter(|name| name.starts_with("results-"));
    names.map(|name| (name.clone(), workspace.read(&name))).collect()
}

/// All files of a workspace.
struct Snapshot(Vec<(std::path::PathBuf, Vec<u8>)>);

impl Snapshot {
    fn of(workspace: &Workspace) -> Self {
        let mut files = Vec::new();
        let mut folders = vec![workspace.path("")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push((path.clone(), std::fs::read(path).unwrap()));
                }
            }
        }
        Self(files)
    }

    fn restore(self, workspace: &Workspace) {
        for entry in std::fs::read_dir(workspace.path("")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                std::fs::remove_dir_all(path).unwrap();
            } else {
                std::fs::remove_file(path).unwrap();
            }
        }
        for (path, bytes) in self.0 {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}

#[test]
fn a_window_that_does_not_fit_is_cut_and_told() {
    let input = TCP.replace("1s", "1h");
    let workspace = workspace(&input);
    let job = workspace.read("job.yaml");
    workspace.write("job.yaml", (job + "  journal: {maxBytes: 64Mi}\n").as_bytes());
    let arguments = ["run", "job.yaml", "-v", "--summary", "json", "--memory", "64Mi"];
    let running = Running::start(&workspace, &arguments);
    // A sixteenth of the memory is 4 MiB: these are about 10.
    let long = "x".repeat(4_000);
    let record = |id: u64| line(id).replace('}', &format!(",\"long\":\"{long}\"}}"));
    running.send((0..2_500).map(record).collect::<String>().as_bytes());
    wait(|| results(&workspace).len() > 1_500);
    running.terminate().expect(0, &["a window ends after", "shorter `collectionTime`"]);
    // What is left of the hour is the last window.
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    assert_eq!(ids(&workspace), (0..2_500).collect::<Vec<_>>());
    let rows = results(&workspace);
    let found: Vec<usize> = windows(&rows).iter().map(|window| window.len()).collect();
    assert_eq!((found.len() as u64, found[0]), (3, found[1]), "{found:?}");
    // The memory does not decide once a window has begun.
    assert_eq!(summary(&last)["windows"], 3);
}

#[test]
fn what_does_not_fit_windows_is_refused() {
    let wrong = |from: &str, to: &str, parts: &[&str]| {
        let workspace = workspace(TCP);
        let job = workspace.read("job.yaml").replace(from, to);
        workspace.write("job.yaml", job.as_bytes());
        workspace.anomal(&["validate", "job.yaml"]).expect(2, parts);
    };
    let with = "stream:\n  warmUp: {rows: 100}\n";
    wrong("stream:\n", with, &["stream.warmUp", "window by window"]);
    let with = "stream:\n  model: {learn: once}\n";
    wrong("stream:\n", with, &["stream.model", "window by window"]);
    let with = "timeColumn: t\nstream:\n  time: {lateness: 1m}\n";
    wrong("stream:\n", with, &["stream.time", "window by window"]);
    let with = "{engine: Gower, threshold: {method: risk}}";
    wrong("{engine: Gower}", with, &["threshold.method", "use `pot`"]);
    // First windows, and then each record by itself: another stream.
    let workspace = workspace(TCP);
    let over = [
        "  - {type: expression, name: difference, expression: size - AVG(size) OVER ()}\n",
        " * AVG(size) OVER ()",
    ];
    let job = workspace.read("job.yaml").replace("Gower", "HBOS");
    let job = over.iter().fold(job, |job, part| job.replace(part, ""));
    workspace.write("job.yaml", job.as_bytes());
    let running = Running::job(&workspace);
    running.send(lines(0..50).as_bytes());
    wait(|| results(&workspace).len() == 50);
    running.terminate().expect(0, &[]);
    workspace.write("job.yaml", job.replace("collectionTime: 1s, ", "").as_bytes());
    catch_up(&workspace).expect(2, &["the state is of other settings"]);
}
