//! Incidents as documents, each once, in an index of their own, so that no count of rows counts an incident.

use std::net::IpAddr;

use anomal_core::Result;
use anomal_dataflow::{Sink, WriteOutcome};
use anomal_spec::{ElasticsearchOutput, EntityKind, Severity};
use polars::prelude::TimeUnit;
use serde_json::{Map, Value, json};

use super::ElasticsearchSink;
use crate::{
    elasticsearch::document::{DocumentIds, RunFields, ecs},
    remote::Access,
    run_info::RunInfo,
    text,
};

/// Values of a side, and of `related`, that a document lists.
const LISTED: usize = 100;
/// Bytes of a value that servers index as a keyword.
const LONGEST: usize = 1_000;

/// An incident of a run.
#[derive(Clone, Debug, Default)]
pub struct IncidentDocument {
    pub number: u64,
    pub key: String,
    pub keys: Vec<String>,
    pub title: String,
    pub severity: Severity,
    /// 1..100.
    pub risk: i64,
    /// The parts of the risk by their names.
    pub parts: Vec<(&'static str, i64)>,
    /// The first and the last time of its rows, and those of its core, in microseconds since the epoch.
    pub times: Option<[i64; 4]>,
    pub flags: Vec<String>,
    pub actors: Vec<IncidentEntity>,
    pub targets: Vec<IncidentEntity>,
    /// Where there is one actor or target: the column that it is from, and the value.
    pub fields: Vec<(String, String)>,
    pub rows: u64,
    pub suspicious: u64,
    pub findings: u64,
    pub together: Vec<&'static str>,
}

/// A thing that an incident is about.
#[derive(Clone, Debug)]
pub struct IncidentEntity {
    pub kind: EntityKind,
    pub value: String,
    pub rows: u64,
}

/// The index of the incidents of a job.
pub fn index(job: &str) -> String {
    format!("anomal-incidents-{job}")
}

/// Writes the documents that the index does not have yet.
///
/// # Errors
/// Those of an output for rows.
pub fn write_incidents(
    output: &ElasticsearchOutput,
    access: &Access<'_>,
    run: &RunInfo,
    incidents: &[IncidentDocument],
) -> Result<WriteOutcome> {
    // A file of refused documents of its own, or it would replace that of rows.
    let refused = output
        .dead_letter
        .as_ref()
        .map_or_else(|| run.refused.clone(), |it| it.path.clone().into());
    let auth =
        output.dead_letter.as_ref().map_or_else(|| run.refused_auth.clone(), |it| it.auth.clone());
    let run_of_incidents = RunInfo {
        refused: format!("{}.incidents", refused.display()).into(),
        refused_auth: auth,
        ..run.clone()
    };
    // The pipeline is for rows.
    let output = ElasticsearchOutput { dead_letter: None, pipeline: None, ..output.clone() };
    let mut sink =
        ElasticsearchSink::open(&output, access, &run_of_incidents, index(&run.job), false)?;
    let (mut ids, fields) = (DocumentIds::new(run), RunFields::new(run, &[]));
    for incident in incidents {
        let id = ids.incident(incident.number).to_owned();
        let document = document(incident, run, &fields);
        sink.push(incident.number, &id, |out| out.extend_from_slice(document.as_bytes()))?;
    }
    let prepared = sink.prepare(0)?;
    sink.commit(prepared)
}

fn instant(micros: i64) -> String {
    text::instant(micros, TimeUnit::Microseconds)
}

fn document(incident: &IncidentDocument, run: &RunInfo, fields: &RunFields) -> String {
    let id = format!("{}-{}", run.run, incident.number);
    let title = &incident.title;
    let parts: Vec<String> =
        incident.parts.iter().map(|(name, part)| format!("{name} {part}")).collect();
    let mut event = json!({
        "kind": "alert",
        "category": ["intrusion_detection"],
        "type": ["info"],
        "module": "anomal",
        "dataset": "anomal.incidents",
        "id": id,
        "created": instant(run.started),
        "severity": match incident.severity {
            Severity::High => 73,
            Severity::Medium => 47,
            Severity::Low => 21,
        },
        "risk_score": incident.risk,
        "risk_score_norm": incident.risk,
        "reason": title,
    });
    let mut ours = json!({
        "id": id,
        "number": incident.number,
        "key": incident.key,
        "keys": incident.keys,
        "title": title,
        "severity": incident.severity,
        "risk": incident.risk,
        "parts": incident.parts.iter().map(|(name, part)| ((*name).to_owned(), json!(part))).collect::<Map<_, _>>(),
        "actors": entities(&incident.actors),
        "targets": entities(&incident.targets),
        "rows": incident.rows,
        "suspicious": incident.suspicious,
        "findings": incident.findings,
        "together": incident.together,
    });
    let mut time = run.started;
    if let Some([first, last, core_start, core_end]) = incident.times {
        time = core_start;
        event["start"] = instant(first).into();
        event["end"] = instant(last).into();
        ours["core_start"] = instant(core_start).into();
        ours["core_end"] = instant(core_end).into();
    }
    if let Some(page) = fields.page.as_ref().and_then(|page| page.strip_suffix("rows/")) {
        event["url"] = format!("{page}incidents/{}", incident.number).into();
    }
    let mut document = json!({
        "@timestamp": instant(time),
        "message": format!("{title}; risk {}: {}", incident.risk, parts.join(", ")),
        "event": event,
        "related": related(incident),
    });
    if !incident.flags.is_empty() {
        document["rule"] = json!({"name": incident.flags, "ruleset": "anomal"});
    }
    for (column, value) in &incident.fields {
        let name =
            if column == "dns.question.name" { "dns.question.registered_domain" } else { column };
        let fits = match ecs::field_type(name) {
            Some(ecs::FieldType::Ip) => value.parse::<IpAddr>().is_ok(),
            Some(ecs::FieldType::Keyword) => value.len() <= LONGEST,
            _ => false,
        };
        if fits {
            put(&mut document, name, value);
        }
    }
    let text = document.to_string();
    let open = text.strip_suffix('}').unwrap_or_default();
    let (observer, of_run) =
        (String::from_utf8_lossy(&fields.observer), String::from_utf8_lossy(&fields.ours));
    format!("{open},{observer},\"anomal\":{{{of_run},\"incident\":{ours}}}}}")
}

fn entities(entities: &[IncidentEntity]) -> Vec<Value> {
    let entity = |entity: &IncidentEntity| json!({"kind": entity.kind, "value": entity.value, "rows": entity.rows});
    entities.iter().take(LISTED).map(entity).collect()
}

fn related(incident: &IncidentDocument) -> Value {
    let (mut addresses, mut users, mut hosts) = (Vec::new(), Vec::new(), Vec::new());
    for entity in incident.actors.iter().chain(&incident.targets) {
        let list = match entity.kind {
            _ if entity.value.parse::<IpAddr>().is_ok() => &mut addresses,
            EntityKind::User => &mut users,
            EntityKind::Host | EntityKind::Domain => &mut hosts,
            _ => continue,
        };
        if list.len() < LISTED && !list.contains(&&entity.value) {
            list.push(&entity.value);
        }
    }
    let lists = [("ip", addresses), ("user", users), ("hosts", hosts)];
    let lists = lists.into_iter().filter(|(_, values)| !values.is_empty());
    lists.map(|(name, values)| (name.to_owned(), json!(values))).collect::<Map<_, _>>().into()
}

/// Sets a field below its parents.
fn put(document: &mut Value, field: &str, value: &str) {
    let mut place = document;
    for name in field.split('.') {
        place = &mut place[name];
    }
    *place = value.into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_info::ReportInfo;

    #[test]
    fn a_document_says_what_happened_to_whom_and_when() {
        let run = RunInfo {
            job: "dns".into(),
            run: "r1".into(),
            report: Some(ReportInfo { id: "u".into(), address: Some("https://a/".into()) }),
            ..RunInfo::default()
        };
        let entity = |kind, value: &str| IncidentEntity { kind, value: value.into(), rows: 2 };
        let incident = IncidentDocument {
            number: 1,
            key: "9f3c".into(),
            keys: vec!["9f3c".into()],
            title: "10.0.0.1: <b>\"21\" names".into(),
            severity: Severity::High,
            risk: 90,
            parts: vec![("flag", 60), ("score", 30)],
            times: Some([0, 3_000_000, 1_000_000, 2_000_000]),
            flags: vec!["tunnel".into()],
            actors: vec![entity(EntityKind::Host, "10.0.0.1")],
            targets: vec![entity(EntityKind::Domain, "a.example")],
            fields: vec![
                ("source.ip".into(), "10.0.0.1".into()),
                ("dns.question.name".into(), "a.example".into()),
                ("destination.ip".into(), "none".into()),
                ("my.own".into(), "x".into()),
            ],
            rows: 2,
            suspicious: 1,
            findings: 1,
            together: vec!["one finding"],
        };
        let text = document(&incident, &run, &RunFields::new(&run, &[]));
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["@timestamp"], "1970-01-01T00:00:01Z");
        assert_eq!(document["event"]["end"], "1970-01-01T00:00:03Z");
        assert_eq!(document["event"]["url"], "https://a/reports/u/incidents/1");
        assert_eq!(document["event"]["dataset"], "anomal.incidents");
        assert_eq!(document["anomal"]["incident"]["id"], "r1-1");
        assert_eq!(document["anomal"]["incident"]["parts"], json!({"flag": 60, "score": 30}));
        assert_eq!(document["anomal"]["job"], "dns");
        assert_eq!(document["labels"]["job"], "dns");
        assert_eq!(document["source"], json!({"ip": "10.0.0.1"}));
        assert_eq!(document["dns"]["question"], json!({"registered_domain": "a.example"}));
        assert_eq!(document["related"], json!({"ip": ["10.0.0.1"], "hosts": ["a.example"]}));
        assert!(document.get("destination").is_none() && document.get("my").is_none());
        let message = "10.0.0.1: <b>\"21\" names; risk 90: flag 60, score 30";
        assert_eq!(document["message"], message);
        let ids = |number| DocumentIds::new(&run).incident(number).to_owned();
        assert!(ids(1) == ids(1) && ids(1) != ids(2) && ids(1) != DocumentIds::new(&run).id(1));
    }
}
