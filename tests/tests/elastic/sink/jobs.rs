//! Jobs on generated records, and the counts in their summaries.

use std::process::{Child, Stdio};

use anomal_tests::{RunOutput, Workspace};
use serde_json::Value;

/// One of this many rows has enough bytes to be flagged.
pub const FLAGGED: usize = 100;

/// A log of DNS requests.
pub fn records(count: usize) -> String {
    let mut text = String::from(
        "@timestamp,source.ip,destination.port,network.bytes,dns.question.name,tests.note\n",
    );
    for row in 0..count {
        let bytes = if row % FLAGGED == 7 { 5000 } else { row % 100 };
        text.push_str(&format!(
            "2026-03-04T05:{:02}:{:02}Z,10.0.{}.{},53,{bytes},host-{row}.example.net,note {row}\n",
            row / 60 % 60,
            row % 60,
            row / 256 % 256,
            row % 256,
        ));
    }
    text
}

/// A job on these records that writes rows to one server; `output` contains the keys of its driver.
pub fn job(output: &str) -> String {
    format!(
        "input: {{csv: {{path: in.csv}}}}
timeColumn: \"@timestamp\"
flags:
  - {{type: direct, name: big, expression: '\"network.bytes\" > 1000', severity: high, description: Big}}
outputs: [{{elasticsearch: {{incidents: false, {output}}}}}]
"
    )
}

/// A folder with the job and its records.
pub fn workspace(count: usize, output: &str) -> Workspace {
    Workspace::with_files(&[
        ("job.yaml", job(output).as_bytes()),
        ("in.csv", records(count).as_bytes()),
    ])
}

pub const RUN: [&str; 6] = ["run", "job.yaml", "--secrets", "secrets", "--summary", "json"];

pub fn run(workspace: &Workspace) -> RunOutput {
    workspace.anomal(&RUN)
}

/// The numbers of written, existing and refused rows of a successful run.
#[track_caller]
pub fn counts(ran: &RunOutput) -> (u64, u64, u64) {
    ran.expect(0, &[]);
    let summary: Value = serde_json::from_str(&ran.stdout).expect("a summary");
    let output = &summary["outputs"][0];
    let count = |name: &str| output[name].as_u64().unwrap_or_default();
    (count("rows"), count("existing"), count("refused"))
}

/// Starts a run that continues while the test disturbs the server.
pub fn start(workspace: &Workspace) -> Child {
    let mut command = workspace.command(&RUN);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("anomal runs")
}

pub fn finish(child: Child) -> RunOutput {
    child.wait_with_output().expect("anomal ends").into()
}
