//! A job and its records.

use anomal_tests::{RunOutput, Workspace};

/// `BROKER`, `TOPIC` and further settings of the input are replaced.
const JOB: &str = "\
input:
  kafka: {brokers: [\"BROKER\"], topics: [TOPIC], types: {id: integer, size: integer}, SETTINGS}
features:
  - {type: field, name: size}
  - {type: field, name: method, kind: categorical}
flags:
  - {type: direct, name: large, expression: size > 900, severity: high}
classification: {engine: HBOS, seed: 7}
stream:
  warmUp: {rows: 200}
  state: {checkpoint: {every: 1s, to: state}}
outputs:
  - ndjson: {path: results.ndjson, rotate: 64Ki}
";

pub const SYSLOG: &str = "\
input:
  kafka: {brokers: [\"BROKER\"], topics: [syslog], format: syslog}
features:
  - {type: expression, name: length, expression: LENGTH(message)}
stream: {state: {checkpoint: {to: state}}}
outputs:
  - ndjson: {path: results.ndjson, rotate: 64Ki}
";

pub fn job(broker: &str, topic: &str, settings: &str) -> String {
    JOB.replace("BROKER", broker).replace("TOPIC", topic).replace("SETTINGS", settings)
}

pub fn workspace(broker: &str, topic: &str, settings: &str) -> Workspace {
    Workspace::with_files(&[("job.yaml", job(broker, topic, settings).as_bytes())])
}

/// A record, by its number.
pub fn line(id: u64) -> String {
    let spread = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let method = ["GET", "GET", "GET", "POST", "PUT"][usize::try_from(spread % 5).unwrap()];
    format!("{{\"id\":{id},\"size\":{},\"method\":\"{method}\"}}", spread % 1_000)
}

/// Runs the job to the end of its topics.
pub fn catch_up(workspace: &Workspace) -> RunOutput {
    workspace.anomal(&["run", "job.yaml", "--until-caught-up", "--summary", "json"])
}

pub fn summary(output: &RunOutput) -> serde_json::Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"))
}

/// All results, in order.
pub fn results(workspace: &Workspace) -> Vec<serde_json::Value> {
    let names = workspace.files().into_iter().filter(|name| name.starts_with("results-"));
    let text: String = names.map(|name| workspace.read(&name)).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The ids of all results, sorted.
pub fn ids(workspace: &Workspace) -> Vec<u64> {
    let rows = results(workspace);
    // Cells of CSV are texts.
    let id = |row: &serde_json::Value| row["id"].to_string().trim_matches('"').parse().unwrap();
    let mut ids: Vec<u64> = rows.iter().map(id).collect();
    ids.sort_unstable();
    ids
}
