use polars::prelude::*;
use serde_json::{Value, json};

use super::{object::LONG, *};
use crate::run_info::ReportInfo;

/// Row 0: suspicious and flagged; row 1: neither.
fn batch(source: Vec<Column>) -> Batch {
    let flags = Series::new("".into(), ["exfil", "b64"]);
    let flags = Column::new(
        "anomal.flags".into(),
        [flags, Series::new_empty("".into(), &DataType::String)],
    );
    let reasons = |names: &[&str], shares: &[f64]| {
        let fields = [Series::new("feature".into(), names), Series::new("share".into(), shares)];
        StructChunked::from_series("".into(), names.len(), fields.iter()).unwrap().into_series()
    };
    let reasons = Column::new(
        "anomal.reasons".into(),
        [reasons(&["client.bytes", "dns.type"], &[0.75, 0.25]), reasons(&[], &[])],
    );
    let results = DataFrame::new(
        2,
        vec![
            Column::new("anomal.score".into(), [Some(0.5), Some(f64::NAN)]),
            Column::new("anomal.rank".into(), [0.75, 0.25]),
            Column::new("anomal.cluster".into(), [Some(2_u32), None]),
            Column::new("anomal.suspicious".into(), [true, false]),
            Column::new("anomal.severity".into(), [Some("high"), None]),
            flags,
            reasons,
            Column::new("anomal.explanation".into(), [Some("client.bytes is 9"), None]),
            Column::new("anomal.features.client.bytes".into(), [Some(9.0), Some(1.0)]),
            Column::new("anomal.features.dns.type".into(), [Some("answer"), None]),
            Column::new("anomal.contributions.client.bytes".into(), [0.75, 0.0]),
            Column::new("anomal.contributions.dns.type".into(), [0.25, 0.0]),
        ],
    )
    .unwrap();
    let raw = DataFrame::new(2, source).unwrap();
    let mut batch = Batch::new(vec![7, 8], raw, DataFrame::default()).unwrap();
    batch.results = results;
    batch
}

fn source() -> Vec<Column> {
    vec![
        Column::new("@timestamp".into(), ["2022-11-02T13:04:05Z", "never"]),
        Column::new("source.ip".into(), ["10.0.0.1", "unknown"]),
        Column::new("client.ip".into(), ["10.0.0.1", ""]),
        Column::new("client.port".into(), ["53", "x"]),
        Column::new("dns.question.name".into(), ["a.example", "b.example"]),
        Column::new("event.dataset".into(), ["theirs", "theirs"]),
        Column::new("label".into(), ["x\"y", ""]),
    ]
}

fn run() -> RunInfo {
    RunInfo {
        job: "dns".into(),
        namespace: Some("soc".into()),
        run: "r1".into(),
        engine: Some("Gower".into()),
        time_column: Some("@timestamp".into()),
        report: Some(ReportInfo { id: "u".into(), address: Some("https://a/".into()) }),
        ..RunInfo::default()
    }
}

fn documents(run: &RunInfo, include: &[Include], source: Vec<Column>) -> [Value; 2] {
    typed_documents(run, include, source, DataFrame::default())
}

fn typed_documents(
    run: &RunInfo,
    include: &[Include],
    source: Vec<Column>,
    typed: DataFrame,
) -> [Value; 2] {
    let writer = DocumentWriter::new(run, include);
    let mut source = batch(source);
    source.typed = typed;
    let columns = writer.columns(&source).unwrap();
    [0, 1].map(|place| {
        let mut out = Vec::new();
        columns.put(place, "id", &mut out);
        serde_json::from_slice(&out)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)))
    })
}

#[test]
fn an_alert_has_all_fields() {
    let [alert, _] = documents(&run(), &[Include::Features], source());
    let expected = json!({
        "@timestamp": "2022-11-02T13:04:05Z",
        "ecs": {"version": "8.17.0"},
        "observer": {"vendor": "Anomal", "product": "anomal", "version": env!("CARGO_PKG_VERSION")},
        "labels": {"job": "dns"},
        "orchestrator": {
            "type": "kubernetes",
            "namespace": "soc",
            "resource": {"type": "AnomalyJob", "name": "dns"},
        },
        "event": {
            "kind": "alert",
            "category": ["intrusion_detection"],
            "type": ["info"],
            "module": "anomal",
            "dataset": "anomal.results",
            "id": "id",
            "created": "1970-01-01T00:00:00Z",
            "start": "2022-11-02T13:04:05Z",
            "end": "2022-11-02T13:04:05Z",
            "severity": 73,
            "risk_score": 0.5,
            "risk_score_norm": 75.0,
            "reason": "flagged by exfil, b64; client.bytes is 9",
            "url": "https://a/reports/u/rows/7",
        },
        "rule": {"name": ["exfil", "b64"], "ruleset": "anomal"},
        "source": {"ip": "10.0.0.1"},
        "client": {"ip": "10.0.0.1", "port": 53},
        "dns": {"question": {"name": "a.example"}},
        "related": {"ip": ["10.0.0.1"], "hosts": ["a.example"]},
        "anomal": {
            "job": "dns",
            "run": "r1",
            "engine": "Gower",
            "report": "u",
            "row": 7,
            "score": 0.5,
            "rank": 0.75,
            "cluster": 2,
            "suspicious": true,
            "severity": "high",
            "flags": ["exfil", "b64"],
            "explanation": "client.bytes is 9",
            "contributions": [
                {"feature": "client.bytes", "value": "9.0", "number": 9.0, "share": 0.75},
                {"feature": "dns.type", "value": "answer", "share": 0.25},
            ],
            "features": {"client_bytes": 9.0, "dns_type": "answer"},
            "source": {"event.dataset": "theirs", "label": "x\"y"},
        },
    });
    assert_eq!(alert, expected);
}

#[test]
fn a_row_without_findings_is_an_event_and_keeps_mismatched_values() {
    let run = RunInfo { job: "dns".into(), run: "r".into(), ..RunInfo::default() };
    let [_, event] = documents(&run, &[], source());
    assert_eq!(event["@timestamp"], "1970-01-01T00:00:00Z");
    assert_eq!(event["event"]["kind"], "event");
    let absent = ["rule", "orchestrator", "source", "client"];
    assert!(absent.iter().all(|name| event.get(name).is_none()), "{event}");
    let expected = json!({
        "@timestamp": "never",
        "event.dataset": "theirs",
        "source.ip": "unknown",
        "client.port": "x",
    });
    assert_eq!(event["anomal"]["source"], expected);
    assert_eq!(event["related"], json!({"hosts": ["b.example"]}));
    let absent = ["score", "cluster", "severity", "flags", "contributions", "features"];
    assert!(absent.iter().all(|name| event["anomal"].get(name).is_none()), "{event}");
}

/// The text of a time is in any format; what was read of it is the document's time.
#[test]
fn the_time_of_a_document_is_the_one_that_was_read() {
    let mut columns = source();
    columns[0] = Column::new("@timestamp".into(), ["1667394245", "02.11.2022 13:04:06"]);
    let times = [1_667_394_245_000_000, 1_667_394_246_000_000_i64];
    for name in ["@timestamp", "anomal.time.@timestamp"] {
        let typed = Column::new(name.into(), times);
        let typed = typed.cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
        let typed = DataFrame::new(2, vec![typed]).unwrap();
        let [alert, event] = typed_documents(&run(), &[], columns.clone(), typed);
        assert_eq!(alert["@timestamp"], "2022-11-02T13:04:05Z", "{name}");
        assert_eq!(alert["event"]["start"], "2022-11-02T13:04:05Z");
        assert_eq!(event["@timestamp"], "2022-11-02T13:04:06Z");
        assert!(event["anomal"]["source"].get("@timestamp").is_none(), "{event}");
    }
}

#[test]
fn all_contributions_are_included_on_request() {
    let [alert, event] = documents(&run(), &[Include::Contributions], source());
    let contributions = alert["anomal"]["contributions"].as_array().unwrap();
    assert_eq!(contributions.len(), 2);
    assert!(event["anomal"].get("contributions").is_none());
    assert!(alert["anomal"].get("features").is_none());
}

#[test]
fn values_too_long_for_a_keyword_are_stored_apart() {
    let mut columns = source();
    let long = "x".repeat(LONG);
    columns.push(Column::new("long".into(), [long.as_str(), "short"]));
    columns.push(Column::new("longer".into(), [long.as_str(), ""]));
    let [alert, event] = documents(&run(), &[Include::Features], columns);
    assert_eq!(alert["anomal"]["long"], json!({"source": {"long": long, "longer": long}}));
    assert_eq!(alert["anomal"]["source"], json!({"event.dataset": "theirs", "label": "x\"y"}));
    assert_eq!(event["anomal"]["source"]["long"], "short");
    assert!(event["anomal"].get("long").is_none());
}

#[test]
fn names_in_an_object_are_unique() {
    let mut columns = source();
    columns.push(Column::new("label\0".into(), ["p", "q"]));
    columns.push(Column::new("label_".into(), ["r", "s"]));
    columns.push(Column::new("".into(), ["t", "u"]));
    let [alert, _] = documents(&run(), &[], columns);
    let source = &alert["anomal"]["source"];
    assert_eq!([&source["label_"], &source["label__2"], &source["_"]], ["p", "r", "t"]);
}

#[test]
fn rows_have_their_incident_and_what_flags_found() {
    let fields = [
        Series::new("flag".into(), ["exfil", "exfil"]),
        Series::new("name".into(), ["target", "names"]),
        Series::new("number".into(), [None, Some(21.0)]),
        Series::new("text".into(), [Some("a\"b"), None]),
    ];
    let details = StructChunked::from_series("".into(), 2, fields.iter()).unwrap().into_series();
    let mut batch = batch(source());
    let mut columns = batch.results.columns().to_vec();
    columns.extend([
        Column::new("anomal.incident".into(), [Some(3_u64), None]),
        Column::new("anomal.incidents.key".into(), [Some("9f3c"), None]),
        Column::new("anomal.incidents.title".into(), [Some("10.0.0.1: 21 names"), None]),
        Column::new("anomal.incidents.severity".into(), [Some("high"), None]),
        Column::new("anomal.incidents.risk".into(), [Some(90_i64), None]),
        Column::new("anomal.details".into(), [details.clone(), details.clear()]),
    ]);
    batch.results = DataFrame::new(2, columns).unwrap();
    let documents = |include: &[Include]| {
        let writer = DocumentWriter::new(&run(), include);
        let columns = writer.columns(&batch).unwrap();
        [0, 1].map(|place| {
            let mut out = Vec::new();
            columns.put(place, "id", &mut out);
            serde_json::from_slice::<Value>(&out).unwrap()
        })
    };
    let [alert, event] = documents(&[Include::Details]);
    let incident = json!({
        "id": "r1-3", "number": 3, "key": "9f3c", "title": "10.0.0.1: 21 names", "severity": "high", "risk": 90,
    });
    assert_eq!(alert["anomal"]["incident"], incident);
    let details = json!([
        {"flag": "exfil", "name": "target", "text": "a\"b"},
        {"flag": "exfil", "name": "names", "number": 21.0},
    ]);
    assert_eq!(alert["anomal"]["details"], details);
    assert!(event["anomal"].get("incident").is_none() && event["anomal"].get("details").is_none());
    assert!(documents(&[])[0]["anomal"].get("details").is_none());
}
