//! A job and its records.

use std::{collections::BTreeMap, ops::Range};

use anomal_tests::Workspace;
use serde_json::Value as Json;

pub const JOB: &str = "\
input:
  ndjson: {path: app.ndjson, badLines: skip, types: {id: integer, size: integer}}
features:
  - {type: field, name: size}
  - {type: field, name: ms}
  - {type: field, name: method, kind: categorical}
  - {type: expression, name: doubled, expression: size * 2}
flags:
  - {type: direct, name: large, expression: size > 9000, severity: high}
classification: {engine: HBOS, seed: 7}
stream:
  warmUp: {rows: 300}
  model: {refit: {rows: 1000, shadow: {rows: 400}}}
  follow: {idle: 1s}
  state: {checkpoint: {every: 1s, to: state}}
outputs:
  - ndjson: {path: results.ndjson, rotate: 64Ki, include: [features, contributions]}
";

/// A job on requests with a time, a size, a duration and a method. `more`: further features, the classification, and what
/// the stream has beside its state.
pub fn requests(more: &str) -> String {
    format!(
        "\
input:
  ndjson: {{path: app.ndjson, badLines: skip}}
timeColumn: time
features:
  - {{type: field, name: size}}
  - {{type: field, name: ms}}
  - {{type: field, name: method, kind: categorical}}
{more}  state: {{checkpoint: {{every: 1s, to: state}}}}
outputs:
  - ndjson: {{path: results.ndjson, rotate: 64Mi}}
"
    )
}

/// A record, by its number.
pub fn line(number: u64) -> String {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let size = if number.is_multiple_of(97) { 9_000 + spread % 1_000 } else { 100 + spread % 900 };
    let method = ["GET", "GET", "GET", "POST", "PUT"][usize::try_from(spread % 5).unwrap()];
    format!(
        "{{\"id\":{number},\"size\":{size},\"ms\":{}.25,\"method\":\"{method}\"}}\n",
        spread % 50
    )
}

pub fn lines(numbers: Range<u64>) -> String {
    numbers.map(line).collect()
}

/// All results, in order.
pub fn results(workspace: &Workspace) -> String {
    let names = workspace.files().into_iter().filter(|name| name.starts_with("results-"));
    // It may be gone since, where what was not saved is written again.
    let read = |name: String| std::fs::read_to_string(workspace.path(&name)).unwrap_or_default();
    names.map(read).collect()
}

/// Counts results again and again, and reads only files that have changed since.
#[derive(Default)]
pub struct ResultCount(BTreeMap<String, (u64, u64)>);

impl ResultCount {
    pub fn count(&mut self, workspace: &Workspace) -> u64 {
        let names = workspace.files().into_iter().filter(|name| name.starts_with("results-"));
        let before = std::mem::take(&mut self.0);
        for name in names {
            let path = workspace.path(&name);
            let bytes = path.metadata().map_or(0, |file| file.len());
            let lines = match before.get(&name) {
                Some((known, lines)) if *known == bytes => *lines,
                _ => std::fs::read_to_string(path).unwrap_or_default().lines().count() as u64,
            };
            self.0.insert(name, (bytes, lines));
        }
        self.0.values().map(|(_, lines)| lines).sum()
    }
}

/// The same as JSON.
pub fn rows(workspace: &Workspace) -> Vec<Json> {
    results(workspace).lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}
