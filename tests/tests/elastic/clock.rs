//! A machine whose clock is off: ranges of time are the server's, and what is written is the same.

use std::process::Command;

use anomal_tests::{
    RunOutput, Workspace,
    elastic::{self, RUNNER, Server},
    tool,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A run on a machine whose clock shows another time, such as `+2d`.
fn run(workspace: &Workspace, off: &str) -> RunOutput {
    let anomal = workspace.command(&[]);
    let mut command = Command::new(tool("ANOMAL_TEST_FAKETIME"));
    command.args(["-f", off]).arg(anomal.get_program());
    command.args(["run", "job.yaml", "--secrets", "secrets", "--run", "r", "--summary", "json"]);
    // Waiting is by the other clock.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_COLOR", "1");
    command.current_dir(workspace.folder.path()).output().expect("anomal runs").into()
}

/// An index with documents of the last two hours, one a minute, and a job of the last of them.
fn made(server: &Server) -> (Workspace, String) {
    let (from, to) = (server.name("logs-clock"), server.name("clock"));
    let properties = json!({"@timestamp": {"type": "date"}, "n": {"type": "long"}});
    let index = json!({"mappings": {"properties": properties}});
    server.admin().put(&format!("/{from}"), &index);
    // Between two minutes, so that the hour does not begin at one of them.
    let now = Timestamp::now() - SignedDuration::from_secs(30);
    let document =
        |n: i64| json!({"@timestamp": (now - SignedDuration::from_mins(n)).to_string(), "n": n});
    server.admin().load(&from, 0, &(0..120).map(document).collect::<Vec<Value>>());
    let settings = server.settings(RUNNER);
    let job = format!(
        "input: {{elasticsearch: {{{settings}, index: {from}, from: now-1h, to: now}}}}
timeColumn: \"@timestamp\"
flags:
  - {{type: direct, name: odd, expression: '\"n\" % 2 = 1', severity: low, description: Odd}}
outputs: [{{elasticsearch: {{{settings}, index: {to}, rows: all}}}}]
"
    );
    let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
    server.secrets(&workspace);
    (workspace, to)
}

#[test]
fn a_clock_that_is_off_changes_neither_what_is_read_nor_what_is_written() {
    elastic::on_each_server(|server| {
        let (workspace, to) = made(server);
        let mut there = 0;
        for off in ["+2d", "-2d"] {
            let ran = run(&workspace, off);
            ran.expect(0, &[]);
            let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
            let rows = summary["rows"].as_u64().unwrap();
            // The server's hour; a slow machine may have lost a minute of it by now.
            assert!((50..=60).contains(&rows), "{off}: {rows} rows");
            let output = &summary["outputs"][0];
            assert_eq!(output["rows"].as_u64(), Some(rows), "{output}");
            assert_eq!(output["existing"].as_u64().unwrap_or_default(), there.min(rows));
            there = rows.max(there);
            assert_eq!(server.admin().count(&to), there);
        }
        // The record's own time, not the machine's.
        let hour = json!({"range": {"@timestamp": {"gte": "now-2h", "lte": "now"}}});
        assert_eq!(server.admin().count_matching(&to, &hour), there);
    });
}
