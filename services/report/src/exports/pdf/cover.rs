//! The first page: what was run on what, and what came out.

use anomal_core::proto::{Diagnostic, FeatureColumn, FeatureKind, Report, report::FlagCount};
use serde::Serialize;

use super::{data::severity, number, text};
use crate::view::ReportDocument;

/// Of each list on the page: more would make it no first page.
const FEATURES: usize = 40;
const FILTERS: usize = 20;
const FLAGS: usize = 40;
const NOTES: usize = 12;

#[derive(Serialize)]
pub struct Cover {
    figures: Vec<Figure>,
    /// Name and value.
    facts: Vec<(&'static str, String)>,
    features: Vec<Feature>,
    more_features: Option<String>,
    filters: Vec<(String, String)>,
    more_filters: Option<String>,
    flags: Vec<Flag>,
    more_flags: Option<String>,
    notes: Vec<String>,
    more_notes: Option<String>,
}

#[derive(Serialize)]
struct Figure {
    label: &'static str,
    value: String,
    /// How much of all rows it is.
    share: String,
    /// Whether it is what the reader looks for.
    strong: bool,
}

#[derive(Serialize)]
struct Feature {
    name: String,
    kind: &'static str,
    weight: String,
    /// Of the largest weight, 0..1.
    share: f64,
    origin: String,
}

#[derive(Serialize)]
struct Flag {
    name: String,
    severity: &'static str,
    rows: String,
    hit: bool,
}

pub fn of(whole: &ReportDocument) -> Cover {
    let report = &whole.report;
    let (features, more_features) = some(&report.features, FEATURES, "feature", "features");
    let (filters, more_filters) = some(&report.filters, FILTERS, "filter", "filters");
    let (flags, more_flags) = some(&report.flags, FLAGS, "flag", "flags");
    let notes = notes(whole);
    let (notes, more_notes) = some(&notes, NOTES, "note", "notes");
    let heaviest = report.features.iter().map(|feature| feature.weight).fold(0.0, f64::max);
    Cover {
        figures: figures(report),
        facts: facts(report),
        features: features.iter().map(|column| feature(column, heaviest)).collect(),
        more_features,
        filters: filters
            .iter()
            .map(|filter| (text::value(&filter.name), number::rows(filter.rows)))
            .collect(),
        more_filters,
        flags: flags.iter().map(flag).collect(),
        more_flags,
        notes: notes.to_vec(),
        more_notes,
    }
}

/// The first of a list, and words for the others, if any.
pub fn some<'a, T>(
    list: &'a [T],
    limit: usize,
    one: &str,
    many: &str,
) -> (&'a [T], Option<String>) {
    let shown = list.get(..limit).unwrap_or(list);
    let rest = (list.len() - shown.len()) as u64;
    let more = (rest > 0).then(|| format!("and {} more", number::counted(rest, one, many)));
    (shown, more)
}

fn figures(report: &Report) -> Vec<Figure> {
    [
        ("Rows", report.rows, false),
        ("Rejected", report.rejected, false),
        ("Filtered out", report.filtered, false),
        ("Results", report.results, false),
        ("Suspicious", report.suspicious, true),
        ("Flagged", report.flagged, true),
    ]
    .map(|(label, rows, strong)| Figure {
        label,
        value: number::count(rows),
        share: if label == "Rows" || report.rows == 0 {
            String::new()
        } else {
            number::percent(rows as f64 / report.rows as f64)
        },
        strong,
    })
    .into()
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let classified = !report.engine.is_empty();
    [
        ("Input", text::value(&report.input)),
        (
            "Engine",
            if classified { text::value(&report.engine) } else { "none: flags only".to_owned() },
        ),
        ("Threshold", text::value(&report.threshold)),
        ("Namespace", text::value(&report.namespace)),
        ("Took", number::duration(report.duration_seconds)),
        ("Report", text::value(&report.id)),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

fn feature(column: &FeatureColumn, heaviest: f64) -> Feature {
    Feature {
        name: text::value(&column.name),
        kind: kind(column.kind()),
        weight: number::float(column.weight),
        share: if heaviest > 0.0 { (column.weight / heaviest).clamp(0.0, 1.0) } else { 0.0 },
        origin: text::value(&column.origin),
    }
}

pub fn kind(kind: FeatureKind) -> &'static str {
    match kind {
        FeatureKind::Numeric => "numeric",
        FeatureKind::Categorical => "categorical",
        FeatureKind::Boolean => "boolean",
        FeatureKind::Unspecified => "",
    }
}

fn flag(flag: &FlagCount) -> Flag {
    Flag {
        name: text::value(&flag.name),
        severity: severity(flag.severity()),
        rows: number::rows(flag.rows),
        hit: flag.rows > 0,
    }
}

/// Of the run and of the classification, each once.
fn notes(whole: &ReportDocument) -> Vec<String> {
    let analysis =
        whole.analysis.as_ref().map(|analysis| analysis.diagnostics.as_slice()).unwrap_or_default();
    let mut notes: Vec<String> = Vec::new();
    for found in whole.report.diagnostics.iter().chain(analysis).map(note) {
        if !notes.contains(&found) {
            notes.push(found);
        }
    }
    notes
}

fn note(diagnostic: &Diagnostic) -> String {
    let mut note = text::sentence(&diagnostic.message);
    if !diagnostic.path.is_empty() {
        note = format!("{}: {note}", text::value(&diagnostic.path));
    }
    if diagnostic.count > 1 {
        note = format!("{note} ({} times)", number::count(diagnostic.count));
    }
    note
}
