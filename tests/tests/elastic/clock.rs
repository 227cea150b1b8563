//! A machine with a wrong clock: time ranges use the server's clock, and the same documents are written.

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
    // Waits use the monotonic clock, which stays right.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_COLOR", "1");
    command.current_dir(workspace.folder.path()).output().expect("anomal runs").into()
}

/// An index with one document per minute of the last two hours, and a job on the last hour.
fn recent_documents(server: &Server) -> (Workspace, String) {
    let (from, to) = (server.name("logs-clock"), server.name("clock"));
    let properties = json!({"@timestamp": {"type": "date"}, "n": {"type": "long"}});
    let index = json!({"mappings": {"properties": properties}});
    server.admin().put(&format!("/{from}"), &index);
    // Half a minute off, so that no document is at the edge of the hour.
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
fn wrong_clock_changes_neither_input_nor_output() {
    elastic::on_each_server(|server| {
        let (workspace, to) = recent_documents(server);
        let mut there = 0;
        for off in ["+2d", "-2d"] {
            let ran = run(&workspace, off);
            ran.expect(0, &[]);
            let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
            let rows = summary["rows"].as_u64().unwrap();
            // The server's last hour; on a slow machine the oldest minutes may have left it.
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
