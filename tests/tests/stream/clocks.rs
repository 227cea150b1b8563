//! Clocks that jump while a stream runs, and a night in which nothing comes.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anomal_tests::{RunOutput, Workspace, tool};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{append, job::results, objects::wait, summary};

const JOB: &str = "\
input:
  ndjson: {path: 'in/*.ndjson', badLines: skip, types: {id: integer}}
timeColumn: at
features:
  - {type: aggregate, name: count_5m, function: count, by: [host], window: 5m}
stream:
  time: {disorder: 5s, lateness: 1m, ahead: 2m}
  state: {checkpoint: {every: 1s, to: state}}
outputs:
  - ndjson: {path: results.ndjson, rotate: 64Mi, include: [features]}
";
const HOUR: i64 = 3_600;

fn now() -> i64 {
    Timestamp::now().as_second()
}

/// Records with these times, of a host.
fn records(first: u64, count: u64, host: &str, at: i64) -> String {
    let at = Timestamp::from_second(at).unwrap().to_string();
    let record = |id| json!({"id": id, "host": host, "at": at}).to_string() + "\n";
    (first..first + count).map(record).collect()
}

/// A stream on a machine whose clock can be set.
struct Machine {
    workspace: Workspace,
    clock: PathBuf,
}

impl Machine {
    fn new(job: &str) -> Self {
        let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes()), ("in/none", b"")]);
        let clock = workspace.path("clock");
        Self { workspace, clock }
    }

    /// Sets the clock so many seconds ahead of the time.
    fn set(&self, ahead: i64) {
        let next = self.workspace.path("clock.next");
        std::fs::write(&next, format!("{ahead:+}")).unwrap();
        // It is read all the time.
        std::fs::rename(next, &self.clock).unwrap();
    }

    fn start(&self, ahead: i64) -> Child {
        // The library that the program loads.
        let shown = Command::new(tool("ANOMAL_TEST_FAKETIME")).args(["-f", "+0", "env"]).output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        let library = shown.lines().find_map(|line| line.strip_prefix("LD_PRELOAD=")).unwrap();
        self.set(ahead);
        let mut command = self.workspace.command(&["run", "job.yaml", "--summary", "json"]);
        command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &self.clock);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command.env("NO_FAKE_STAT", "1");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn rows(&self) -> Vec<Value> {
        let text = results(&self.workspace);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Appends records, and waits until so many are judged in all.
    fn send(&self, file: &str, text: &str, rows: usize) {
        append(&self.workspace, file, text);
        wait(&format!("{rows} results"), || results(&self.workspace).lines().count() == rows);
    }

    fn checkpoint(&self) -> String {
        super::checkpoints::numbers(&self.workspace).pop().unwrap_or_default()
    }
}

fn stop(child: Child) -> RunOutput {
    let killed = Command::new("kill").arg(child.id().to_string()).status();
    assert!(killed.unwrap().success());
    child.wait_with_output().unwrap().into()
}

/// The ids of rows with a mark.
fn marked(rows: &[Value], key: &str) -> Vec<u64> {
    let marked = rows.iter().filter(|row| row[key] == true);
    marked.map(|row| row["id"].as_u64().unwrap()).collect()
}

#[test]
fn a_clock_that_jumps_moves_nothing_but_what_is_of_the_future() {
    let machine = Machine::new(JOB);
    append(&machine.workspace, "in/a.ndjson", &records(0, 50, "a", now()));
    let child = machine.start(0);
    machine.send("in/a.ndjson", "", 50);
    // Ahead: nothing is late by the clock alone.
    machine.set(2 * HOUR);
    machine.send("in/a.ndjson", &records(50, 50, "a", now()), 100);
    // A sender's clock is right, and this one behind by a day.
    machine.set(-24 * HOUR);
    machine.send("in/a.ndjson", &records(100, 10, "a", now()), 110);
    let before = machine.checkpoint();
    machine.set(0);
    machine.send("in/a.ndjson", &records(110, 40, "a", now()), 150);
    // Waits do not follow the clock.
    wait("a checkpoint", || machine.checkpoint() > before);
    // Senders with wrong clocks: a day ahead, a year behind.
    let wrong =
        records(150, 1, "a", now() + 24 * HOUR) + &records(151, 1, "a", now() - 365 * 24 * HOUR);
    machine.send("in/a.ndjson", &(wrong + &records(152, 8, "a", now())), 160);
    let ended = stop(child);
    ended.expect(0, &[]);
    let rows = machine.rows();
    let ids: Vec<u64> = rows.iter().map(|row| row["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (0..160).collect::<Vec<_>>());
    assert_eq!(marked(&rows, "anomal.skewed"), (100..110).chain([150]).collect::<Vec<u64>>());
    assert_eq!(marked(&rows, "anomal.late"), [151]);
    // All but the late one are in the windows.
    assert_eq!(rows[159]["anomal.features.count_5m"], 159, "{}", rows[159]);
    let counts = summary(&ended);
    assert_eq!((&counts["rows"], &counts["results"]), (&160.into(), &160.into()));
    assert_eq!((&counts["skewed"], &counts["late"]), (&11.into(), &1.into()));
}

#[test]
fn behind_a_quiet_night_records_are_judged_as_before_it() {
    let machine = Machine::new(JOB);
    append(&machine.workspace, "in/a.ndjson", &records(0, 50, "a", now()));
    append(&machine.workspace, "in/b.ndjson", &records(50, 5, "b", now()));
    let child = machine.start(0);
    machine.send("in/a.ndjson", &records(55, 50, "a", now()), 105);
    let before = machine.checkpoint();
    // Nothing comes for nine hours, and nothing is waited for that long.
    std::thread::sleep(Duration::from_secs(3));
    machine.set(9 * HOUR);
    let morning = now() + 9 * HOUR;
    machine.send("in/a.ndjson", &records(105, 20, "a", morning), 125);
    // The other one says nothing for longer.
    machine.set(10 * HOUR);
    machine.send("in/a.ndjson", &records(125, 20, "a", morning + HOUR), 145);
    machine.send("in/b.ndjson", &records(145, 10, "b", morning + HOUR), 155);
    wait("a checkpoint", || machine.checkpoint() > before);
    let ended = stop(child);
    ended.expect(0, &[]);
    let rows = machine.rows();
    let mut ids: Vec<u64> = rows.iter().map(|row| row["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..155).collect::<Vec<_>>());
    for key in ["anomal.skewed", "anomal.late"] {
        assert_eq!(marked(&rows, key), [0_u64; 0], "{key}");
    }
    // What was before the night is in no window any more.
    for (id, count) in [(104, 100), (105, 1), (124, 20), (125, 1), (145, 1), (154, 10)] {
        let row = rows.iter().find(|row| row["id"] == id).unwrap();
        assert_eq!(row["anomal.features.count_5m"], count, "{row}");
    }
}

#[test]
fn the_watermark_of_an_idle_partition_follows_the_clock_also_in_the_next_process() {
    let machine = Machine::new(&JOB.replace("ahead: 2m", "ahead: 2m, idle: 1s"));
    append(&machine.workspace, "in/a.ndjson", &records(0, 50, "a", now()));
    let mut child = machine.start(0);
    machine.send("in/a.ndjson", "", 50);
    machine.set(2 * HOUR);
    // The first ones may be of before.
    let saved = |more: u64| {
        // Without those that are being written.
        let newest = || {
            let names = super::checkpoints::numbers(&machine.workspace);
            let number = |name: &String| name.strip_suffix(".ckpt")?.parse::<u64>().ok();
            names.iter().filter_map(number).max().unwrap_or_default()
        };
        let wanted = newest() + more;
        wait("checkpoints", || newest() >= wanted);
    };
    saved(5);
    // As the clock is now, and an hour before.
    machine.send("in/a.ndjson", &records(50, 1, "a", now() + 2 * HOUR), 51);
    machine.send("in/a.ndjson", &records(51, 1, "a", now() + HOUR), 52);
    machine.set(9 * HOUR);
    saved(5);
    child.kill().unwrap();
    child.wait().unwrap();
    // The clock of the next process is behind.
    append(&machine.workspace, "in/a.ndjson", &records(52, 1, "a", now() + 2 * HOUR));
    let child = machine.start(0);
    machine.send("in/a.ndjson", "", 53);
    let ended = stop(child);
    ended.expect(0, &[]);
    let rows = machine.rows();
    assert_eq!(marked(&rows, "anomal.late"), [51]);
    assert_eq!(summary(&ended)["late"], 1);
}
