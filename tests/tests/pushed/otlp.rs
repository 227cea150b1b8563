//! Logs of OpenTelemetry, over HTTP and gRPC.

use std::{ops::Range, time::Duration};

use anomal_tests::{Workspace, http::Answer, tls::Authority};
use opentelemetry_proto::tonic::{
    collector::logs::v1::{
        ExportLogsServiceRequest, ExportLogsServiceResponse, logs_service_client::LogsServiceClient,
    },
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
};
use prost::Message;
use serde_json::Value;
use tokio::runtime::Runtime;
use tonic::{
    Code, Request, Status,
    codec::CompressionEncoding,
    transport::{Certificate, Channel, ClientTlsConfig},
};
use tonic_types::{RpcStatusExt, StatusExt};

use super::{
    http::gzip,
    job::{catch_up, hold, rejected, results, summary, wait},
    running::Running,
};

pub const PROTOBUF: &str = "content-type: application/x-protobuf";
const JSON: &str = "content-type: application/json";

/// A job over logs. `input`: further settings of the door.
pub fn workspace(input: &str, journal: &str) -> Workspace {
    let job = format!(
        "\
input:
  http: {{listen: \"127.0.0.1:0\", types: {{attributes.id: integer, attributes.size: integer}}, {input}}}
timeColumn: \"@timestamp\"
features:
  - {{type: field, name: attributes.size}}
  - {{type: field, name: severity_text, kind: categorical}}
classification: {{engine: HBOS, seed: 7}}
stream: {{warmUp: {{rows: 50}}, journal: {{{journal}}}, state: {{checkpoint: {{every: 1s, to: state}}}}}}
outputs: [{{ndjson: {{path: results.ndjson, rotate: 64Ki}}}}]
"
    );
    Workspace::with_files(&[("job.yaml", job.as_bytes())])
}

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any(value)), ..KeyValue::default() }
}

pub fn logs(ids: Range<i64>) -> ExportLogsServiceRequest {
    let record = |id: i64| LogRecord {
        time_unix_nano: 1_767_225_600_000_000_000 + u64::try_from(id).unwrap() * 1_000_000,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(any(Any::StringValue(format!("line {id}")))),
        attributes: vec![
            attribute("id", Any::IntValue(id)),
            attribute("size", Any::IntValue(100 + id * 37 % 900)),
        ],
        trace_id: vec![0xab; 16],
        span_id: vec![0xcd; 8],
        ..LogRecord::default()
    };
    let scope = InstrumentationScope { name: "shop.cart".to_owned(), ..Default::default() };
    let records = ScopeLogs {
        scope: Some(scope),
        log_records: ids.map(record).collect(),
        ..ScopeLogs::default()
    };
    let attributes = vec![attribute("service.name", Any::StringValue("shop".to_owned()))];
    let resource = Resource { attributes, ..Resource::default() };
    let logs = ResourceLogs {
        resource: Some(resource),
        scope_logs: vec![records],
        ..ResourceLogs::default()
    };
    ExportLogsServiceRequest { resource_logs: vec![logs] }
}

/// The ids of the results, in order.
pub fn ids(workspace: &Workspace) -> Vec<i64> {
    let mut ids: Vec<i64> =
        results(workspace).iter().map(|row| row["attributes.id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

fn post(running: &Running, headers: &[&str], body: &[u8]) -> Answer {
    running.ask("POST", "/v1/logs", headers, body)
}

/// Sends by gRPC, with a token.
async fn export(
    address: &str,
    token: Option<&str>,
    logs: ExportLogsServiceRequest,
) -> Result<ExportLogsServiceResponse, Status> {
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    export_by(channel, token, logs).await
}

async fn export_by(
    channel: Channel,
    token: Option<&str>,
    logs: ExportLogsServiceRequest,
) -> Result<ExportLogsServiceResponse, Status> {
    let mut client = LogsServiceClient::new(channel)
        .send_compressed(CompressionEncoding::Gzip)
        .max_encoding_message_size(1 << 30);
    let mut request = Request::new(logs);
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    client.export(request).await.map(tonic::Response::into_inner)
}

const ARGUMENTS: [&str; 5] = ["run", "job.yaml", "-v", "--summary", "json"];

#[test]
fn logs_come_in_protocol_buffers_in_json_and_by_grpc() {
    let workspace = workspace("grpc: \"127.0.0.1:0\"", "");
    let running = Running::with_doors(&workspace, &ARGUMENTS, 2);
    let answer = post(&running, &[PROTOBUF], &logs(0..60).encode_to_vec());
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
    let body = gzip(logs(60..80).encode_to_vec());
    assert_eq!(post(&running, &[PROTOBUF, "content-encoding: gzip"], &body).status, 200);
    let json = r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1767225600000000000",
        "severityText": "WARN", "body": {"kvlistValue": {"values": [{"key": "user", "value": {"stringValue": "kim"}}]}},
        "attributes": [{"key": "id", "value": {"intValue": "80"}}, {"key": "size", "value": {"intValue": 7}}]}]}]}]}"#;
    let answer = post(&running, &[JSON], json.as_bytes());
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    let runtime = Runtime::new().unwrap();
    let grpc = &running.addresses[1];
    let sent = runtime.block_on(async {
        tokio::join!(export(grpc, None, logs(81..100)), export(grpc, None, logs(100..120)))
    });
    assert!(sent.0.unwrap().partial_success.is_none() && sent.1.unwrap().partial_success.is_none());
    let large = "x".repeat(17 << 20);
    let mut request = logs(120..122);
    request.resource_logs[0].scope_logs[0].log_records[1].severity_text = large;
    let partial = runtime.block_on(export(grpc, None, request)).unwrap().partial_success;
    let partial = partial.unwrap();
    assert_eq!((partial.rejected_log_records, partial.error_message.contains("16 MiB")), (1, true));
    wait(|| results(&workspace).len() == 121);
    let ended = running.terminate();
    ended.expect(0, &[]);
    let counts = summary(&ended);
    assert_eq!((&counts["rows"], &counts["rejected"]), (&122.into(), &1.into()));
    assert_eq!((ids(&workspace), rejected(&workspace).len()), ((0..121).collect(), 1));
    let rows = results(&workspace);
    let row = rows.iter().find(|row| row["attributes.id"] == 7).unwrap();
    for (name, expected) in [
        ("body", Value::from("line 7")),
        ("severity_number", 9.into()),
        ("resource.attributes.service.name", "shop".into()),
        ("scope.name", "shop.cart".into()),
        ("trace_id", "ab".repeat(16).into()),
        ("span_id", "cd".repeat(8).into()),
    ] {
        assert_eq!(row[name], expected, "{name} of {row}");
    }
    assert!(row["@timestamp"].as_str().unwrap().starts_with("2026-01-01T00:00:00.007"), "{row}");
}

#[test]
fn what_is_not_taken_has_a_status_that_senders_know() {
    let settings =
        "grpc: \"127.0.0.1:0\", auth: {secretRef: {name: agents}}, maxBody: 64Ki, doors: [otlp]";
    let workspace = workspace(settings, "maxBytes: 1Mi");
    workspace.write("secrets/agents/token", b"t0ken");
    let arguments = [&ARGUMENTS[..], &["--secrets", "secrets"]].concat();
    let running = Running::with_doors(&workspace, &arguments, 2);
    let token = "authorization: Bearer t0ken";
    let body = logs(0..1).encode_to_vec();
    let refused = |headers: &[&str], body: &[u8], status: u16, code: i32| {
        let answer = post(&running, headers, body);
        assert_eq!(answer.status, status, "{}", answer.text());
        let found = if headers.contains(&PROTOBUF) {
            tonic_types::Status::decode(&answer.body[..]).unwrap().code
        } else {
            let json: Value = serde_json::from_str(&answer.text()).unwrap();
            i32::try_from(json["code"].as_i64().unwrap()).unwrap()
        };
        assert_eq!(found, code);
    };
    refused(&[PROTOBUF], &body, 401, Code::Unauthenticated.into());
    refused(&[JSON, "authorization: Bearer t"], b"{}", 401, Code::Unauthenticated.into());
    refused(&[token, PROTOBUF], b"no", 400, Code::InvalidArgument.into());
    refused(&[token, JSON], b"{\"resourceLogs\": 1}", 400, Code::InvalidArgument.into());
    refused(&[token, "content-type: text/plain"], b"", 415, Code::InvalidArgument.into());
    refused(&[token, PROTOBUF], &vec![0; 70_000], 413, Code::ResourceExhausted.into());
    let answer = running.post(&[token], b"{}");
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("POST /v1/logs"), "{}", answer.text());
    let runtime = Runtime::new().unwrap();
    let failed = |token: Option<&str>, logs: ExportLogsServiceRequest| {
        runtime.block_on(export(&running.addresses[1], token, logs)).unwrap_err()
    };
    assert_eq!(failed(None, logs(0..1)).code(), Code::Unauthenticated);
    assert_eq!(failed(Some("t"), logs(0..1)).code(), Code::Unauthenticated);
    // It is as large the next time, so that nothing is said of a next time.
    let large = failed(Some("t0ken"), logs(0..5_000));
    assert_eq!(large.code(), Code::ResourceExhausted);
    assert!(large.get_details_retry_info().is_none());
    let sent = runtime.block_on(export(&running.addresses[1], Some("t0ken"), logs(0..1)));
    sent.unwrap();
    wait(|| results(&workspace).len() == 1);
    running.terminate().expect(0, &[]);
}

#[test]
fn a_full_journal_says_when_to_come_back() {
    let workspace = workspace("grpc: \"127.0.0.1:0\", maxBody: 64Ki", "maxBytes: 1Mi");
    let running = Running::with_doors(&workspace, &ARGUMENTS, 2);
    assert_eq!(post(&running, &[PROTOBUF], &logs(0..60).encode_to_vec()).status, 200);
    wait(|| results(&workspace).len() == 60);
    let held = hold(&workspace);
    let mut sent = 60;
    let refused = loop {
        let answer = post(&running, &[PROTOBUF], &logs(sent..sent + 100).encode_to_vec());
        if answer.status != 200 {
            break answer;
        }
        sent += 100;
        assert!(sent < 100_000, "the journal is never full");
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    let status = tonic_types::Status::decode(&refused.body[..]).unwrap();
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
    let json = post(
        &running,
        &[JSON],
        r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [{}]}]}]}"#.as_bytes(),
    );
    // A small request may fit still.
    assert!(json.status == 200 || json.text().contains("\"retryDelay\":\"1s\""), "{}", json.text());
    let small = i64::from(json.status == 200);
    let runtime = Runtime::new().unwrap();
    let export_more =
        || runtime.block_on(export(&running.addresses[1], None, logs(sent..sent + 100)));
    let status = export_more().unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let retry = status.get_details_retry_info().unwrap().retry_delay;
    assert_eq!(retry, Some(Duration::from_secs(1)));
    held.release();
    wait(|| export_more().is_ok());
    sent += 100;
    let rows = usize::try_from(sent + small).unwrap();
    wait(|| results(&workspace).len() == rows);
    running.terminate().expect(0, &[]);
    let last = catch_up(&workspace);
    assert_eq!(summary(&last)["rows"], rows);
}

#[test]
fn grpc_has_the_certificate_of_the_door() {
    let authority = Authority::new();
    let (certificate, key) = authority.certificate("localhost");
    let workspace = workspace("grpc: \"127.0.0.1:0\", tls: {cert: tls.crt, key: tls.key}", "");
    workspace.write("tls.crt", certificate.as_bytes());
    workspace.write("tls.key", key.as_bytes());
    let running = Running::with_doors(&workspace, &ARGUMENTS, 2);
    let port = running.addresses[1].rsplit_once(':').unwrap().1;
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()));
    let runtime = Runtime::new().unwrap();
    let sent = runtime.block_on(async {
        let endpoint = Channel::from_shared(format!("https://localhost:{port}")).unwrap();
        let channel = endpoint.tls_config(tls).unwrap().connect_lazy();
        export_by(channel, None, logs(0..5)).await
    });
    sent.unwrap();
    assert!(runtime.block_on(export(&running.addresses[1], None, logs(0..5))).is_err());
    wait(|| results(&workspace).len() == 5);
    running.terminate().expect(0, &[]);
    assert_eq!(ids(&workspace), [0, 1, 2, 3, 4]);
}

#[test]
fn settings_that_do_not_fit_are_refused_with_a_remedy() {
    let wrong = |input: &str, parts: &[&str]| {
        workspace(input, "").anomal(&["validate", "job.yaml"]).expect(2, parts);
    };
    wrong("grpc: \"4317\"", &["input.http.grpc", "host:port"]);
    wrong("grpc: \"0.0.0.0:4317\", doors: [ndjson]", &["input.http", "add `otlp` to `doors`"]);
    wrong("doors: [otpl]", &["input.http.doors", "otlp"]);
    wrong("dedupe: {window: 1h}", &["input.http.dedupe", "either `field`"]);
    wrong("dedupe: {field: a, header: b}", &["input.http.dedupe", "either `field`"]);
    wrong("dedupe: {header: \"a b\"}", &["input.http.dedupe.header"]);
}
