//! An incident with all that is known of it, for a ticket system: Markdown for people, JSON for programs.

mod defang;
mod markdown;

pub use markdown::escape_markdown;

use anomal_core::{
    Code, Error, Result,
    proto::{Incident, Verdict},
};
use serde::Serialize;

use crate::{
    OpenReport,
    pages::{Links, ReportContext, format::numbers, incident, verdicts::ShownVerdicts},
    verdicts::keys,
    view::{
        Query, Record,
        filter::{Filter, FilterQuery},
        incidents::FlagGroup,
    },
};
use defang::Defang;

/// Rows of a case, and groups of hits.
const ROWS: usize = 200;
const GROUPS: usize = 100;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Case {
    report: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    url: String,
    job: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace: String,
    input: String,
    created: String,
    version: String,
    number: u64,
    keys: Vec<String>,
    title: String,
    severity: &'static str,
    risk: u32,
    /// The parts of the risk with their reasons.
    parts: Vec<Part>,
    together: Vec<String>,
    flags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    rows: u64,
    suspicious: u64,
    found: Vec<Found>,
    /// The most suspicious first; at most 200.
    records: Vec<CaseRow>,
    verdict: String,
    /// All decisions about it, by number.
    verdicts: Vec<Verdict>,
    /// Whether addresses and domains are written so that no program follows them.
    defanged: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Part {
    points: String,
    reason: String,
}

/// What a flag has found about the same things.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    flag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    details: String,
    rows: u64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CaseRow {
    row: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    flags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
    /// Column and value.
    record: serde_json::Map<String, serde_json::Value>,
}

impl Case {
    /// # Errors
    /// `NotFound` if the report has no such incident; `Output` if it is damaged.
    pub fn new(
        open: &OpenReport,
        number: u64,
        verdicts: &ShownVerdicts,
        plain: bool,
    ) -> Result<Self> {
        let report = &open.report;
        let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let all = open.incidents.as_ref();
        let found = all.zip(place).and_then(|(all, place)| all.incidents.get(place));
        let incident: &Incident = found.ok_or_else(|| {
            Error::not_found(format!("the report {} has no incident {number}", report.id))
        })?;
        let links = Links::pages(&report.id);
        let query = FilterQuery::default();
        let context = ReportContext {
            report,
            analysis: open.analysis.as_ref(),
            view: &open.view,
            incidents: open.incidents.as_ref(),
            links: &links,
            query: &query,
            matches: None,
            verdicts: Some(verdicts),
            level: 1,
        };
        let names = report.columns.iter().map(|column| &column.name);
        let names = names.chain(report.features.iter().map(|feature| &feature.name));
        let defang = Defang::new(names.chain(report.flags.iter().map(|flag| &flag.name)), plain);
        let times = context.times();
        let filter = Filter { incidents: vec![number], ..Filter::default() };
        let rows = open.suspects(&Query { filter, limit: ROWS, ..Query::default() })?.items;
        let groups = open.incident_groups(number, GROUPS)?.items;
        let parts = incident::risk(&context, incident);
        let standing = verdicts.book.standing(incident);
        Ok(Self {
            report: report.id.clone(),
            url: match report.url.as_str() {
                "" => String::new(),
                url => format!("{url}/incidents/{number}"),
            },
            job: report.job.clone(),
            namespace: report.namespace.clone(),
            input: report.input.clone(),
            created: report.create_time.clone(),
            version: report.version.clone(),
            number,
            keys: keys(incident).to_vec(),
            title: defang.text(&incident.title),
            severity: numbers::severity(incident.severity()),
            risk: incident.risk,
            parts: parts
                .into_iter()
                .map(|(points, reason)| Part { points, reason: defang.text(&reason) })
                .collect(),
            together: if incident.findings > 1 { incident.together.clone() } else { Vec::new() },
            flags: incident.flags.clone(),
            first: incident.span.map(|span| times.parameter(span.first)),
            last: incident.span.map(|span| times.parameter(span.last)),
            rows: incident.rows,
            suspicious: incident.suspicious,
            found: groups.iter().map(|group| found_of(&context, &defang, group)).collect(),
            records: rows.iter().map(|record| case_row(&context, &defang, record)).collect(),
            verdict: standing.map_or("open", |it| it.judgement.name()).to_owned(),
            verdicts: verdicts
                .book
                .after(keys(incident), 0)
                .into_iter()
                .map(|verdict| Verdict { title: defang.text(&verdict.title), ..verdict.clone() })
                .collect(),
            defanged: !plain,
        })
    }

    /// # Errors
    /// `Internal`.
    pub fn json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| {
            Error::new(Code::Internal, "CASE", format!("a case as JSON: {error}"))
        })?;
        Ok(format!("{text}\n"))
    }
}

fn found_of(context: &ReportContext<'_>, defang: &Defang, group: &FlagGroup) -> Found {
    Found {
        flag: context.report.flags.get(group.flag).map_or_else(String::new, |it| it.name.clone()),
        actor: group.actor.as_deref().map(|actor| defang.value(actor)),
        target: group.target.as_deref().map(|target| defang.value(target)),
        details: defang.text(&group.value),
        rows: group.rows,
    }
}

fn case_row(context: &ReportContext<'_>, defang: &Defang, record: &Record) -> CaseRow {
    let columns = context.report.columns.iter().zip(&record.source);
    let record_of = columns.map(|(column, value)| {
        let value = value.as_deref().map(|value| defang.value(value));
        (column.name.clone(), value.into())
    });
    CaseRow {
        row: record.row,
        time: record.time.map(|time| context.times().parameter(time)),
        actor: record.actor.as_deref().map(|actor| defang.value(actor)),
        target: record.target.as_deref().map(|target| defang.value(target)),
        score: record.score,
        flags: record.flags.clone(),
        explanation: record.explanation.as_deref().map(|words| defang.text(words)),
        record: record_of.collect(),
    }
}
