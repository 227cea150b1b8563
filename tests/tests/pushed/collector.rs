//! A collector of OpenTelemetry that reads a file and sends it by gRPC and by HTTP, while the journal is full for a time.

use std::collections::BTreeMap;

use super::{
    job::{hold, results, summary, wait},
    otlp::workspace,
    running::Running,
    sender::{Sender, program},
};

/// Lines of the file: more than the journal holds.
const LINES: usize = 1_500;

fn settings(grpc: &str, http: &str) -> String {
    let retry =
        "retry_on_failure: {initial_interval: 200ms, max_interval: 1s, max_elapsed_time: 0s}";
    format!(
        "\
receivers:
  file_log:
    include: [in.log]
    start_at: beginning
    poll_interval: 100ms
    operators: [{{type: json_parser, severity: {{parse_from: attributes.level}}}}]
exporters:
  otlp_grpc: {{endpoint: \"{grpc}\", tls: {{insecure: true}}, {retry}}}
  otlp_http: {{endpoint: \"http://{http}\", {retry}}}
service:
  pipelines: {{logs: {{receivers: [file_log], exporters: [otlp_grpc, otlp_http]}}}}
  telemetry: {{metrics: {{level: none}}}}
"
    )
}

#[test]
fn loses_nothing_while_the_journal_is_full() {
    let Some(program) = program("ANOMAL_TEST_COLLECTOR") else { return };
    let workspace = workspace("grpc: \"127.0.0.1:0\", maxBody: 256Ki", "maxBytes: 1Mi");
    let running =
        Running::with_doors(&workspace, &["run", "job.yaml", "-v", "--summary", "json"], 2);
    let line = |id: usize| {
        let padding = "x".repeat(700);
        format!("{{\"id\":{id},\"size\":{},\"level\":\"info\",\"text\":\"{padding}\"}}\n", id % 97)
    };
    let lines = |ids: std::ops::Range<usize>| ids.map(line).collect::<String>();
    workspace.write("in.log", lines(0..100).as_bytes());
    let [http, grpc] = &running.addresses[..] else { panic!("two doors") };
    workspace.write("sender.yaml", settings(grpc, http).as_bytes());
    let sender = Sender::start(&workspace, &program, &["--config", "sender.yaml"]);
    wait(|| results(&workspace).len() == 200);
    // An output that can't be written holds the journal, and both are told to come back.
    let held = hold(&workspace);
    workspace.write("in.log", lines(0..LINES).as_bytes());
    wait(|| running.get("/v1/health").status == 503);
    let refused = || workspace.read("sender.log").matches("Exporting failed. Will retry").count();
    wait(|| refused() >= 2);
    held.release();
    wait(|| results(&workspace).len() == 2 * LINES);
    let log = workspace.read("sender.log");
    assert!(!log.contains("Dropping data"), "{log}");
    drop(sender);
    let ended = running.terminate();
    ended.expect(0, &[]);
    let counts = summary(&ended);
    assert_eq!((&counts["rows"], &counts["rejected"]), (&(2 * LINES).into(), &0.into()));
    let mut found = BTreeMap::<u64, usize>::new();
    for row in results(&workspace) {
        *found.entry(row["attributes.id"].as_u64().unwrap()).or_default() += 1;
        assert_eq!((&row["severity_text"], &row["severity_number"]), (&"info".into(), &9.into()));
        assert_eq!(row["attributes.log.file.name"], "in.log");
    }
    assert!(found.len() == LINES && found.values().all(|count| *count == 2), "{found:?}");
}
