//! Incidents, entities and groups of flags.

use anomal_core::{
    proto::{Incident, Severity},
    words,
};

use super::{severity, text};
use crate::{
    pages::{ReportContext, entities, incident, incident_lines, incidents, overview, verdicts},
    view::{
        Record, ReportDocument,
        incidents::{EntitySummary, FlagGroup},
    },
};

/// Incidents on the first page.
const FIRST: usize = 10;
/// Entities on the first page, and in their table.
const FIRST_ENTITIES: usize = 5;
const ENTITIES: usize = 30;
/// Incidents of low severity that are listed.
const LOW: usize = 60;
/// Groups of hits of an incident, and of a flag.
const GROUPS: usize = 5;
const FLAG_GROUPS: usize = 8;
/// Columns of a record that a row shows.
const COLUMNS: usize = 3;

pub struct Incidents {
    /// The time of the data, where it is known, and its rows.
    pub data: String,
    /// What was found, in a sentence or two.
    pub conclusion: String,
    pub counts: String,
    /// The number of incidents by severity.
    pub severities: [(&'static str, String); 3],
    /// How many were judged; none where that is not known.
    pub judged: Option<String>,
    pub first: Vec<IncidentLine>,
    /// `hosts 10.1.1.44 100 · 10.1.1.67 82`.
    pub first_entities: String,
    /// Those of high and medium severity.
    pub blocks: Vec<IncidentBlock>,
    pub low: Vec<IncidentLine>,
    /// How many are not listed.
    pub more: Option<String>,
    /// The noun of its values, and lines of value, risk, incidents, rows and time.
    pub entities: Option<(String, Vec<[String; 5]>)>,
    pub flags: Vec<FlagLines>,
}

pub struct IncidentLine {
    pub number: String,
    pub severity: &'static str,
    pub risk: String,
    pub title: String,
    pub rows: String,
    pub when: String,
    /// For the table of contents.
    pub flags: String,
}

pub struct IncidentBlock {
    pub line: IncidentLine,
    /// Time, rows, why its findings are one.
    pub about: String,
    /// `60 a flag of high severity …; 30 …`.
    pub risk: String,
    /// Flag, what it is about, details, rows.
    pub groups: Vec<[String; 4]>,
    /// Row, time, the record, score, the first reason.
    pub rows: Vec<[String; 5]>,
}

pub struct FlagLines {
    pub name: String,
    pub severity: &'static str,
    pub about: String,
    /// What it is about, details, rows, time, incident.
    pub groups: Vec<[String; 5]>,
    pub more: Option<String>,
}

impl Incidents {
    /// None where rows are not grouped.
    pub fn new(context: &ReportContext<'_>, whole: &ReportDocument) -> Option<Self> {
        let all = &whole.incidents.as_ref()?.incidents;
        let counts = context.report.incidents.as_ref()?;
        let overview::Conclusion { incident, words } = overview::conclude(context);
        let title = incident.map(|(_, title)| format!("{title} ")).unwrap_or_default();
        let (high, low): (Vec<&Incident>, Vec<&Incident>) =
            all.iter().partition(|incident| incident.severity() > Severity::Low);
        let blocks: Vec<IncidentBlock> = high
            .iter()
            .zip(&whole.incident_rows)
            .map(|(incident, rows)| block(context, whole, incident, rows))
            .collect();
        let rest_of_high = high.iter().skip(blocks.len());
        let low: Vec<IncidentLine> =
            rest_of_high.chain(&low).take(LOW).map(|incident| line(context, incident)).collect();
        let listed = (blocks.len() + low.len()) as u64;
        let rest = context.incident_count().saturating_sub(listed);
        Some(Self {
            data: [
                counts
                    .first
                    .zip(counts.last)
                    .map(|(first, last)| context.times().data(first, last)),
                Some(words::rows(context.report.results)),
            ]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" · "),
            conclusion: text::sentence(&format!("{title}{words}")),
            counts: overview::counts(context),
            severities: [("high", counts.high), ("medium", counts.medium), ("low", counts.low)]
                .map(|(name, count)| (name, format!("{} {name}", words::grouped(count)))),
            judged: incidents::judged(context).map(|(_, words)| format!("Incidents: {words}.")),
            first: all.iter().take(FIRST).map(|incident| line(context, incident)).collect(),
            first_entities: first_entities(context),
            more: (rest > 0).then(|| {
                words::counted(rest, "more incident is", "more incidents are")
                    + " in the report's pages."
            }),
            entities: entity_lines(context),
            flags: flags(context, whole),
            blocks,
            low,
        })
    }
}

fn line(context: &ReportContext<'_>, incident: &Incident) -> IncidentLine {
    let times = context.times();
    IncidentLine {
        number: words::grouped(incident.number),
        severity: severity(incident.severity()),
        risk: incident.risk.to_string(),
        title: text::value(incident_lines::title(incident)),
        rows: words::rows(incident.rows),
        when: incident.span.map_or_else(String::new, |span| times.short(span.core_start)),
        flags: text::value(&incident.flags.join(", ")),
    }
}

fn block(
    context: &ReportContext<'_>,
    whole: &ReportDocument,
    incident: &Incident,
    rows: &[Record],
) -> IncidentBlock {
    let mut about = Vec::new();
    about.extend(incident.span.map(|span| context.times().span(span.first, span.last)));
    about.push(words::rows(incident.rows));
    if incident.findings > 1 {
        about.push(format!("one because of {}", incident.together.join(", and ")));
    }
    about.extend(
        verdicts::mark(context, incident)
            .map(|mark| format!("judged: {}", text::value(&mark.words))),
    );
    let risk: Vec<String> = incident::risk(context, incident)
        .into_iter()
        .map(|(points, words)| format!("{points} {words}"))
        .collect();
    let groups = whole.groups.iter().flatten().filter(|group| group.incident == incident.number);
    IncidentBlock {
        line: line(context, incident),
        about: about.join(" · "),
        risk: text::sentence(&format!("Risk {}: {}.", incident.risk, risk.join("; "))),
        groups: groups.take(GROUPS).map(|group| incident_group(context, group)).collect(),
        rows: rows.iter().map(|record| row(context, record)).collect(),
    }
}

fn about(group: &FlagGroup) -> String {
    let parts: Vec<&str> =
        [&group.actor, &group.target].into_iter().flatten().map(String::as_str).collect();
    text::value(&parts.join(" → "))
}

fn details(group: &FlagGroup) -> String {
    let value = text::value(&words::shortened(&group.value, 60));
    match group.values {
        0 | 1 => value,
        values => format!("{value} and {} more", words::grouped(values - 1)),
    }
}

fn flag_name(context: &ReportContext<'_>, flag: usize) -> String {
    context.report.flags.get(flag).map_or_else(String::new, |flag| text::value(&flag.name))
}

fn incident_group(context: &ReportContext<'_>, group: &FlagGroup) -> [String; 4] {
    [flag_name(context, group.flag), about(group), details(group), words::rows(group.rows)]
}

fn row(context: &ReportContext<'_>, record: &Record) -> [String; 5] {
    let columns = crate::pages::suspect_table::default_columns(context);
    let record_text: Vec<String> = [&record.actor, &record.target]
        .into_iter()
        .flatten()
        .cloned()
        .chain(
            columns
                .iter()
                .filter_map(|place| record.source.get(*place)?.clone())
                .filter(|value| !value.is_empty())
                .take(COLUMNS),
        )
        .map(|value| words::shortened(&value, 50))
        .collect();
    let reason = record.reasons.first();
    [
        record.row.to_string(),
        record.time.map_or_else(String::new, |time| context.times().precise(time)),
        text::value(&record_text.join("  ")),
        record.score.map_or_else(String::new, words::number),
        reason.map_or_else(String::new, |reason| {
            text::value(&format!("{} {}", reason.feature, words::percent(reason.share)))
        }),
    ]
}

fn first_entities(context: &ReportContext<'_>) -> String {
    let Some((_, many)) = context.nouns(true) else { return String::new() };
    let top = entities::top(context);
    let listed: Vec<String> = top
        .iter()
        .take(FIRST_ENTITIES)
        .map(|entity| format!("{} {}", words::shortened(&entity.value, 40), entity.risk))
        .collect();
    if listed.is_empty() {
        return String::new();
    }
    text::sentence(&format!("{many} with the highest risk: {}", listed.join(" · ")))
}

fn entity_lines(context: &ReportContext<'_>) -> Option<(String, Vec<[String; 5]>)> {
    let (_, many) = context.nouns(true)?;
    let all = &context.incidents?.entities;
    let line = |entity: &EntitySummary| {
        let when =
            entity.span.map_or_else(String::new, |(first, last)| context.times().span(first, last));
        [
            text::value(&entity.value),
            entity.risk.to_string(),
            words::grouped(entity.incidents),
            format!("{} of {}", words::grouped(entity.evidence), words::grouped(entity.actor_rows)),
            when,
        ]
    };
    let lines: Vec<_> =
        all.iter().filter(|entity| entity.actor_rows > 0).take(ENTITIES).map(line).collect();
    (!lines.is_empty()).then(|| (text::name(many), lines))
}

fn flags(context: &ReportContext<'_>, whole: &ReportDocument) -> Vec<FlagLines> {
    let mut all: Vec<(usize, &anomal_core::proto::report::FlagCount)> =
        context.report.flags.iter().enumerate().collect();
    all.sort_by_key(|(_, flag)| std::cmp::Reverse(flag.severity));
    let lines = |(place, flag): (usize, &anomal_core::proto::report::FlagCount)| {
        let groups = whole.groups.get(place).map_or(&[][..], Vec::as_slice);
        let sums = context.incidents.and_then(|all| all.summary.flags.get(place));
        let total = sums.map_or(0, |sums| sums.groups);
        let shown = groups.len().min(FLAG_GROUPS) as u64;
        let count = words::rows(flag.rows);
        let message = flag.message.replace("{count}", &words::grouped(flag.rows));
        let words_of_flag = if message.is_empty() { &flag.description } else { &message };
        FlagLines {
            name: text::name(&flag.name),
            severity: severity(flag.severity()),
            about: text::sentence(&format!("{count}. {words_of_flag}")),
            groups: groups
                .iter()
                .take(FLAG_GROUPS)
                .map(|group| {
                    let when = group.span.map(|(first, last)| context.times().span(first, last));
                    [
                        about(group),
                        details(group),
                        words::grouped(group.rows),
                        when.unwrap_or_default(),
                        words::grouped(group.incident),
                    ]
                })
                .collect(),
            more: (shown < total)
                .then(|| format!("The first {shown} of {} groups.", words::grouped(total))),
        }
    };
    all.into_iter().map(lines).collect()
}
