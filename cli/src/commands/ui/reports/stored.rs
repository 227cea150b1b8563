//! A report of the store: what is shown of it.

use std::collections::HashMap;

use anomal_connectors::text::grouped;
use anomal_core::{Error, proto::Severity};
use anomal_report::{
    OpenReport,
    verdicts::VerdictBook,
    view::{self, display_name, filter::Filter},
};
use anomal_tui::{
    Decision, FeatureInfo, FlagCount, Incident, Query, Reason, Record, Report, Rows, Suspect,
};

use super::{
    times::{instant, timeline},
    verdicts::decisions,
};
use crate::commands::ui::job::{short, typical};

/// Characters of a record in a line of a list.
const LINE: usize = 400;

/// A report as it is shown. `book`: the verdicts of its job, or why they can't be read.
pub fn report(open: &OpenReport, book: Result<VerdictBook, Error>) -> Report {
    let report = &open.report;
    let step = report.roles.as_ref().map_or(0, |roles| roles.time_step);
    let notes = book.as_ref().err().map(|error| format!("The verdicts can't be read: {error}"));
    let book = book.unwrap_or_default();
    let mut decided: HashMap<u64, Decision> = decisions(open, &book).into_iter().collect();
    let summaries = open.analysis.iter().flat_map(|analysis| &analysis.features);
    let summary = |name: &str| {
        summaries.clone().find(|summary| summary.feature.as_ref().is_some_and(|f| f.name == name))
    };
    let features = report.features.iter().map(|feature| {
        let summary = summary(&feature.name);
        FeatureInfo {
            name: feature.name.clone(),
            weight: feature.weight,
            distinct: summary.map_or(0, |summary| summary.distinct),
            missing: summary.map_or(0, |summary| summary.missing),
            typical: summary.map(typical).unwrap_or_default(),
        }
    });
    let flags = report.flags.iter().map(|flag| FlagCount {
        name: flag.name.clone(),
        severity: severity(flag.severity()).to_owned(),
        rows: flag.rows,
        description: if flag.message.is_empty() {
            flag.description.clone()
        } else {
            flag.message.replace("{count}", &grouped(flag.rows))
        },
    });
    let incidents = open.incidents.iter().flat_map(|table| &table.incidents);
    let incidents = incidents.map(|incident| {
        let span = incident.span.as_ref();
        Incident {
            number: incident.number,
            title: incident.title.clone(),
            severity: severity(incident.severity()).to_owned(),
            risk: incident.risk,
            rows: incident.rows,
            first: span.map(|span| instant(span.first, step)).unwrap_or_default(),
            last: span.map(|span| instant(span.last, step)).unwrap_or_default(),
            span: span.map(|span| (span.first, span.last)),
            decision: decided.remove(&incident.number),
        }
    });
    let rows_by_time = open.incidents.as_ref().and_then(|table| table.summary.timeline.as_ref());
    Report {
        is_file: false,
        notes: notes.into_iter().collect(),
        newest_verdict: book.number(),
        timeline: rows_by_time.and_then(|rows| timeline(rows, step)),
        incidents: incidents.collect(),
        id: report.id.clone(),
        title: display_name(report).to_owned(),
        input: report.input.clone(),
        created: report.create_time.clone(),
        engine: report.engine.clone(),
        threshold: report.threshold.clone(),
        rows: report.rows,
        suspicious: report.suspicious,
        flagged: report.flagged,
        suspects: report.suspects,
        flags: flags.collect(),
        features: features.collect(),
    }
}

/// # Errors
/// Those of the stored table.
pub fn rows(open: &OpenReport, query: &Query) -> Result<Rows, Error> {
    let page = open.lines(&view::Query {
        sort: query.sort.clone(),
        descending: query.descending,
        filter: Filter {
            search: query.search.clone(),
            incidents: query.incident.into_iter().collect(),
            flags: query.flag.iter().cloned().collect(),
            from: query.times.as_ref().map(|times| times.from),
            to: query.times.as_ref().map(|times| times.to),
            ..Filter::default()
        },
        offset: query.offset,
        limit: query.limit,
    })?;
    let rows = page.items.into_iter().map(|record| Suspect {
        row: record.row,
        score: record.score,
        severity: record.severity.map(severity).unwrap_or_default().to_owned(),
        flags: record.flags,
        why: record.explanation.unwrap_or_default(),
        record: line(&record.source),
        incident: record.incident,
    });
    Ok(Rows { offset: page.offset, total: page.total, rows: rows.collect() })
}

/// # Errors
/// `NotFound`; those of the stored table.
pub fn record(open: &OpenReport, row: u64) -> Result<Record, Error> {
    let report = &open.report;
    let missing = || Error::not_found(format!("row {row} is not among the results"));
    let record = open.record(row)?.ok_or_else(missing)?;
    let summaries: Vec<_> = open.analysis.iter().flat_map(|analysis| &analysis.features).collect();
    let reasons = record.reasons.iter().map(|reason| {
        let at = report.features.iter().position(|feature| feature.name == reason.feature);
        let value = at.and_then(|at| record.features.get(at));
        let text = value.and_then(|value| value.number.map(short).or_else(|| value.text.clone()));
        let summary = summaries.iter().find(|summary| {
            summary.feature.as_ref().is_some_and(|feature| feature.name == reason.feature)
        });
        Reason {
            feature: reason.feature.clone(),
            share: reason.share,
            value: text.unwrap_or_else(|| "missing".to_owned()),
            typical: summary.map(|summary| typical(summary)).unwrap_or_default(),
        }
    });
    let names = report.columns.iter().map(|column| column.name.clone());
    Ok(Record {
        row: record.row,
        score: record.score,
        rank: record.rank,
        suspicious: record.suspicious,
        severity: record.severity.map(severity).unwrap_or_default().to_owned(),
        flags: record.flags.clone(),
        explanation: record.explanation.clone().unwrap_or_default(),
        incident: record.incident,
        reasons: reasons.collect(),
        values: names
            .zip(record.source.iter().map(|value| value.clone().unwrap_or_default()))
            .collect(),
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Unspecified => "",
    }
}

/// Values of a record in a line.
pub fn line(values: &[Option<String>]) -> String {
    let mut line = String::new();
    for value in values.iter().flatten().filter(|value| !value.is_empty()) {
        if line.len() > LINE {
            break;
        }
        line.extend(value.chars().take(80));
        line.push_str("  ");
    }
    line
}
