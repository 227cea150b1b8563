use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, KeyValueList, any_value::Value,
};
use prost::Message;
use serde_json::{Value as Json, json};

use super::*;

fn texts(request: &ExportLogsServiceRequest) -> Vec<Json> {
    let records = records(request, 1 << 20).unwrap();
    records.iter().map(|record| serde_json::from_slice(&record.text).unwrap()).collect()
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn member(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(any(value)), ..KeyValue::default() }
}

const REQUEST: &str = r#"{"resourceLogs": [{
    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}], "unknown": 1},
    "scopeLogs": [{
        "scope": {"name": "lib", "version": "1.2", "attributes": [{"key": "a", "value": {"boolValue": true}}]},
        "logRecords": [
            {"timeUnixNano": "1767225600123456789", "observedTimeUnixNano": 1767225601000000000, "severityNumber": 9,
             "severityText": "INFO", "eventName": "bought", "body": {"stringValue": "a \"text\"\n"}, "flags": 1,
             "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "droppedAttributesCount": 2,
             "attributes": [
                {"key": "http.status", "value": {"intValue": "503"}},
                {"key": "took", "value": {"doubleValue": 0.5}},
                {"key": "bad", "value": {"doubleValue": "NaN"}},
                {"key": "raw", "value": {"bytesValue": "AP8"}},
                {"key": "list", "value": {"arrayValue": {"values": [{"intValue": 1}, {"stringValue": "x"}]}}},
                {"key": "none", "value": null}
             ]},
            {"observedTimeUnixNano": "1767225601000000000", "body": {"kvlistValue": {"values":
                [{"key": "user", "value": {"kvlistValue": {"values": [{"key": "id", "value": {"intValue": -7}}]}}}]}}}
        ]}]
}, {"scopeLogs": [{"logRecords": [{}]}], "resource": null}]}"#;

#[test]
fn a_record_has_the_fields_of_its_log_record_its_scope_and_its_resource() {
    let request = from_json(REQUEST.as_bytes()).unwrap();
    let found = texts(&request);
    assert_eq!(
        found[0],
        json!({
            "@timestamp": "2026-01-01T00:00:00.123456789Z", "observed_timestamp": "2026-01-01T00:00:01Z",
            "severity_number": 9, "severity_text": "INFO", "event_name": "bought", "body": "a \"text\"\n",
            "trace_id": "5b8efff798038103d269b633813fc60c", "span_id": "eee19b7ec3c1b174", "flags": 1,
            "dropped_attributes_count": 2, "attributes.http.status": 503, "attributes.took": 0.5,
            "attributes.bad": "NaN", "attributes.raw": "AP8=", "attributes.list": [1, "x"], "attributes.none": null,
            "scope.name": "lib", "scope.version": "1.2", "scope.attributes.a": true,
            "resource.attributes.service.name": "shop",
        })
    );
    assert_eq!(found[1]["@timestamp"], "2026-01-01T00:00:01Z");
    assert_eq!(found[1]["body"], json!({"user": {"id": -7}}));
    assert_eq!(found[1]["resource.attributes.service.name"], "shop");
    let empty = found[2].as_object().unwrap();
    assert!(empty.len() == 10 && empty.values().all(Json::is_null), "{empty:?}");
    // Protocol Buffers have the same records.
    let again = ExportLogsServiceRequest::decode(&request.encode_to_vec()[..]).unwrap();
    assert_eq!(texts(&again), found);
}

#[test]
fn what_is_not_of_the_form_has_a_place() {
    for (wrong, part) in [
        ("{\"resourceLogs\": {}}", "line 1 column"),
        (
            "{\"resourceLogs\": [{\"scopeLogs\": [{\"logRecords\": [{\"traceId\": \"xy\"}]}]}]}",
            "hexadecimal",
        ),
        (
            "{\"resourceLogs\": [{\"scopeLogs\": [{\"logRecords\": [{\"traceId\": \"abc\"}]}]}]}",
            "hexadecimal",
        ),
        (
            "{\"resourceLogs\": [{\"scopeLogs\": [{\"logRecords\": [{\"flags\": \"x\"}]}]}]}",
            "no number",
        ),
        (
            "{\"resourceLogs\": [{\"scopeLogs\": [{\"logRecords\": [{\"timeUnixNano\": -1}]}]}]}",
            "no number",
        ),
        ("[", "EOF"),
    ] {
        let error = from_json(wrong.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(records(&from_json(b"{}").unwrap(), 0).unwrap().is_empty());
}

#[test]
fn records_have_a_limit_together() {
    let log =
        LogRecord { body: Some(any(Value::StringValue("x".repeat(100)))), ..LogRecord::default() };
    let large = member("large", Value::StringValue("y".repeat(1_000)));
    let resource = Resource { attributes: vec![large], ..Resource::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![log; 1_000], ..ScopeLogs::default() }];
    let logs = opentelemetry_proto::tonic::logs::v1::ResourceLogs {
        resource: Some(resource),
        scope_logs,
        ..Default::default()
    };
    let request = ExportLogsServiceRequest { resource_logs: vec![logs] };
    assert_eq!(records(&request, 2 << 20).unwrap().len(), 1_000);
    assert_eq!(records(&request, 1 << 20), Err(TooLarge));
}

#[test]
fn values_of_all_kinds_are_json() {
    let list = KeyValueList { values: vec![member("", Value::DoubleValue(f64::NEG_INFINITY))] };
    let array = ArrayValue { values: vec![AnyValue::default(), any(Value::KvlistValue(list))] };
    let log = LogRecord {
        body: Some(any(Value::ArrayValue(array))),
        time_unix_nano: u64::MAX,
        attributes: vec![
            member("", Value::BoolValue(false)),
            member("whole", Value::DoubleValue(-503.0)),
            member("large", Value::DoubleValue(1e300)),
        ],
        ..LogRecord::default()
    };
    let members = of_record(&log).finish();
    let record: Json = serde_json::from_slice(&members).unwrap();
    assert_eq!(record["body"], json!([null, {"": "-Infinity"}]));
    assert_eq!(record["attributes."], false);
    assert!(record["attributes.whole"].is_i64() && record["attributes.large"].is_f64(), "{record}");
    assert!(record["@timestamp"].as_str().unwrap().starts_with("2554-"), "{record}");
}
