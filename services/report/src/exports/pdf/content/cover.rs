//! The first page: input, settings and results of the run.

use anomal_core::{
    proto::{Diagnostic, FeatureColumn, FeatureKind, Report, report::FlagCount},
    words,
};

use super::{severity, text};
use crate::view::ReportDocument;

/// Limits of the lists, so that they fit on about one page.
const FEATURES: usize = 40;
const FILTERS: usize = 20;
const FLAGS: usize = 40;
const NOTES: usize = 12;

pub struct Cover {
    pub figures: Vec<KeyFigure>,
    /// Name and value.
    pub facts: Vec<(&'static str, String)>,
    pub features: Vec<Feature>,
    pub more_features: Option<String>,
    pub filters: Vec<(String, String)>,
    pub more_filters: Option<String>,
    pub flags: Vec<Flag>,
    pub more_flags: Option<String>,
    pub notes: Vec<String>,
    pub more_notes: Option<String>,
    /// Input, detector and version in a line.
    pub how: String,
}

pub struct KeyFigure {
    pub label: &'static str,
    pub value: String,
    /// Share of all rows.
    pub share: String,
    /// Whether it is emphasized.
    pub strong: bool,
}

pub struct Feature {
    pub name: String,
    pub kind: &'static str,
    pub weight: String,
    /// The weight as a share of the largest one, 0..1.
    pub share: f64,
    pub origin: String,
}

pub struct Flag {
    pub name: String,
    pub severity: &'static str,
    pub rows: String,
    pub hit: bool,
}

impl Cover {
    pub fn new(whole: &ReportDocument) -> Self {
        let report = &whole.report;
        let (features, more_features) = some(&report.features, FEATURES, "feature", "features");
        let (filters, more_filters) = some(&report.filters, FILTERS, "filter", "filters");
        let (flags, more_flags) = some(&report.flags, FLAGS, "flag", "flags");
        let notes = notes(whole);
        let (notes, more_notes) = some(&notes, NOTES, "note", "notes");
        let heaviest = report.features.iter().map(|feature| feature.weight).fold(0.0, f64::max);
        Self {
            figures: figures(report),
            facts: facts(report),
            features: features.iter().map(|column| feature(column, heaviest)).collect(),
            more_features,
            filters: filters
                .iter()
                .map(|filter| (text::value(&filter.name), words::rows(filter.rows)))
                .collect(),
            more_filters,
            flags: flags.iter().map(flag).collect(),
            more_flags,
            notes: notes.to_vec(),
            more_notes,
            how: how(report),
        }
    }
}

fn how(report: &Report) -> String {
    let engine = if report.engine.is_empty() { "flags only" } else { &report.engine };
    let parts = [&report.input, engine, &report.threshold, &format!("Anomal {}", report.version)];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    text::sentence(&parts.map(text::value).collect::<Vec<_>>().join(" · "))
}

/// The first `limit` items, and a phrase for the rest, if any.
pub fn some<'a, T>(
    list: &'a [T],
    limit: usize,
    one: &str,
    many: &str,
) -> (&'a [T], Option<String>) {
    let shown = list.get(..limit).unwrap_or(list);
    let rest = (list.len() - shown.len()) as u64;
    let more = (rest > 0).then(|| format!("and {} more", words::counted(rest, one, many)));
    (shown, more)
}

fn figures(report: &Report) -> Vec<KeyFigure> {
    [
        ("Rows", report.rows, false),
        ("Rejected", report.rejected, false),
        ("Filtered out", report.filtered, false),
        ("Results", report.results, false),
        ("Suspicious", report.suspicious, true),
        ("Flagged", report.flagged, true),
    ]
    .map(|(label, rows, strong)| KeyFigure {
        label,
        value: words::grouped(rows),
        share: if label == "Rows" || report.rows == 0 {
            String::new()
        } else {
            words::percent(rows as f64 / report.rows as f64)
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
        ("Took", words::duration(report.duration_seconds)),
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
        weight: words::number(column.weight),
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
        rows: words::rows(flag.rows),
        hit: flag.rows > 0,
    }
}

/// Diagnostics of the run and of the classification, without duplicates.
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
        note = format!("{note} ({} times)", words::grouped(diagnostic.count));
    }
    note
}
