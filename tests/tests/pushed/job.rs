//! A job, its records and its results.

use std::{
    ops::Range,
    path::PathBuf,
    time::{Duration, Instant},
};

use anomal_tests::{RunOutput, Workspace};
use serde_json::Value;

/// The job behind its input.
const JUDGED: &str = "\
features:
  - {type: field, name: size}
  - {type: field, name: method, kind: categorical}
flags:
  - {type: direct, name: large, expression: size > 9000, severity: high}
classification: {engine: HBOS, seed: 7}
outputs:
  - ndjson: {path: results.ndjson, rotate: 64Ki}
";

/// A workspace with a stream. `input` is the driver with its settings, `journal` settings of the journal.
pub fn workspace(input: &str, journal: &str) -> Workspace {
    let job = format!(
        "input: {{{input}}}\n{JUDGED}stream:\n  warmUp: {{rows: 300}}\n  journal: {{{journal}}}\n  state: {{checkpoint: \
         {{every: 1s, to: state}}}}\n"
    );
    Workspace::with_files(&[("job.yaml", job.as_bytes())])
}

/// The same job over a file.
pub fn of_file(lines: &str) -> Workspace {
    let job = format!(
        "input: {{ndjson: {{path: app.ndjson, badLines: skip, types: {{id: integer, size: integer}}}}}}\n{JUDGED}stream:\n  \
         warmUp: {{rows: 300}}\n  state: {{checkpoint: {{to: state}}}}\n"
    );
    Workspace::with_files(&[("job.yaml", job.as_bytes()), ("app.ndjson", lines.as_bytes())])
}

/// A record, by its number.
pub fn line(id: u64) -> String {
    let spread = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let size = if id.is_multiple_of(97) { 9_000 + spread % 1_000 } else { 100 + spread % 900 };
    let method = ["GET", "GET", "GET", "POST", "PUT"][usize::try_from(spread % 5).unwrap()];
    format!("{{\"id\":{id},\"size\":{size},\"method\":\"{method}\"}}\n")
}

pub fn lines(ids: Range<u64>) -> String {
    ids.map(line).collect()
}

/// All results, in order.
pub fn results(workspace: &Workspace) -> Vec<Value> {
    let names = workspace.files().into_iter().filter(|name| name.starts_with("results-"));
    let text: String = names.map(|name| workspace.read(&name)).collect();
    // The last line may be in the middle of being written.
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    text[..whole].lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// The records of the results.
pub fn ids(workspace: &Workspace) -> Vec<u64> {
    results(workspace).iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

/// Waits for something that another process does.
pub fn wait(until: impl Fn() -> bool) {
    let since = Instant::now();
    while !until() {
        assert!(since.elapsed() < Duration::from_mins(1), "it does not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Judges what is in the journal, and ends.
pub fn catch_up(workspace: &Workspace) -> RunOutput {
    workspace.anomal(&["run", "job.yaml", "--until-caught-up", "--summary", "json"])
}

pub fn summary(output: &RunOutput) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"))
}

/// The records that could not be read, in order.
pub fn rejected(workspace: &Workspace) -> Vec<Value> {
    let text = workspace.read("job.rejected.ndjson");
    text.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// An output that can't be written, which holds the journal.
pub struct Held {
    path: PathBuf,
    away: PathBuf,
}

/// Takes the newest file of the results away.
pub fn hold(workspace: &Workspace) -> Held {
    let newest = workspace.files().into_iter().rfind(|name| name.starts_with("results-")).unwrap();
    let held = Held { path: workspace.path(&newest), away: workspace.path("away") };
    std::fs::rename(&held.path, &held.away).unwrap();
    held
}

impl Held {
    /// Brings it back.
    pub fn release(self) {
        std::fs::rename(self.away, self.path).unwrap();
    }
}
