//! The summary of a report: counts, input, settings and the suspects.

use anomal_core::{Result, proto::Report};
use askama::Template;

use super::{
    Content, Markup, ReportContext,
    format::{numbers, text},
    layout::frame::ReportBar,
    suspects::{self, SuspectsParams},
};
use crate::view::{Page, Record};

struct Figure {
    value: String,
    label: &'static str,
    note: String,
    /// `found` marks rows to look at.
    class: &'static str,
}

struct FeatureRow {
    name: Markup,
    kind: &'static str,
    origin: Markup,
    weight: String,
}

struct FilterRow {
    name: Markup,
    rows: String,
}

struct Note {
    message: Markup,
    path: Option<Markup>,
    count: Option<String>,
}

#[derive(Template)]
#[template(path = "summary.html")]
struct Summary {
    level: u8,
    lede: String,
    figures: Vec<Figure>,
    engine: Option<Markup>,
    threshold: Option<Markup>,
    input: Markup,
    time: Markup,
    expires: Option<Markup>,
    duration: String,
    version: Markup,
    size: Option<String>,
    filters: Vec<FilterRow>,
    features: Vec<FeatureRow>,
    notes: Vec<Note>,
    pdf: Option<String>,
    html: Option<String>,
    suspects: Markup,
}

/// The page. `page`: the suspects on it.
pub fn page(
    context: &ReportContext<'_>,
    params: &SuspectsParams,
    page: &Page<Record>,
) -> Result<Content> {
    let suspects = suspects::section(context, params, page)?;
    Ok(Content {
        title: "Summary".to_owned(),
        bar: Some(ReportBar::new(context, "")),
        body: section(context, suspects)?,
    })
}

/// The section, with the section of suspects in it.
pub fn section(context: &ReportContext<'_>, suspects: Markup) -> Result<Markup> {
    let report = context.report;
    Markup::from_template(&Summary {
        level: context.level,
        lede: lede(report),
        figures: figures(report),
        engine: text::optional_name(&report.engine),
        threshold: text::optional_name(&report.threshold),
        input: text::name(&report.input),
        time: numbers::time(&report.create_time),
        expires: (!report.expire_time.is_empty()).then(|| numbers::time(&report.expire_time)),
        duration: numbers::seconds(report.duration_seconds),
        version: text::name(&report.version),
        size: (report.bytes > 0).then(|| bytes(report.bytes)),
        filters: report
            .filters
            .iter()
            .map(|f| FilterRow { name: text::name(&f.name), rows: numbers::count(f.rows) })
            .collect(),
        features: features(report),
        notes: notes(context),
        pdf: context.links.download("report.pdf"),
        html: context.links.download("report.html"),
        suspects,
    })
}

/// The result in one or two sentences.
fn lede(report: &Report) -> String {
    if report.results == 0 {
        return "No row was analysed: all were rejected or filtered out.".to_owned();
    }
    let rows = numbers::counted(report.results, "row", "rows");
    let flagged = match report.flagged {
        0 => "no flag hit any".to_owned(),
        rows => format!("{} hit by a flag", numbers::counted(rows, "was", "were")),
    };
    if report.engine.is_empty() {
        return format!("Of {rows}, {flagged}. Nothing was classified.");
    }
    let suspicious = match report.suspicious {
        0 => "none is suspicious".to_owned(),
        rows => format!("{} suspicious", numbers::counted(rows, "is", "are")),
    };
    format!("Of {rows}, {suspicious} and {flagged}.")
}

fn figures(report: &Report) -> Vec<Figure> {
    let figure = |value: u64, label, note: String, class| Figure {
        value: numbers::count(value),
        label,
        note,
        class,
    };
    let of_rows = |part| format!("{} of the rows", numbers::share(part, report.rows));
    let of_results =
        |part| format!("{} of the analysed rows", numbers::share(part, report.results));
    let mut figures = vec![
        figure(report.rows, "rows read", String::new(), ""),
        figure(report.rejected, "rejected", of_rows(report.rejected), ""),
        figure(report.filtered, "filtered out", of_rows(report.filtered), ""),
        figure(report.results, "analysed", of_rows(report.results), ""),
    ];
    if !report.engine.is_empty() {
        figures.push(figure(
            report.suspicious,
            "suspicious",
            of_results(report.suspicious),
            "found",
        ));
    }
    figures.push(figure(report.flagged, "flagged", of_results(report.flagged), "found"));
    figures
}

fn features(report: &Report) -> Vec<FeatureRow> {
    let feature = |feature: &anomal_core::proto::FeatureColumn| FeatureRow {
        name: text::name(&feature.name),
        kind: numbers::kind(feature.kind()),
        origin: text::name(&feature.origin),
        weight: numbers::number(feature.weight),
    };
    report.features.iter().map(feature).collect()
}

fn notes(context: &ReportContext<'_>) -> Vec<Note> {
    let of_analysis = context.analysis.map_or(&[][..], |analysis| &analysis.diagnostics);
    let mut notes: Vec<Note> = Vec::new();
    for diagnostic in context.report.diagnostics.iter().chain(of_analysis) {
        let note = Note {
            message: text::bdi(&diagnostic.message, 4 * text::CELL),
            path: (!diagnostic.path.is_empty()).then(|| text::name(&diagnostic.path)),
            count: (diagnostic.count > 0)
                .then(|| numbers::counted(diagnostic.count, "value", "values")),
        };
        if notes.iter().all(|other| other.message != note.message || other.path != note.path) {
            notes.push(note);
        }
    }
    notes
}

fn bytes(bytes: u64) -> String {
    match bytes as f64 {
        small if small < 1e3 => format!("{bytes}\u{a0}bytes"),
        kilo if kilo < 1e6 => format!("{:.0}\u{a0}kB", kilo / 1e3),
        mega if mega < 1e9 => format!("{:.1}\u{a0}MB", mega / 1e6),
        giga => format!("{:.1}\u{a0}GB", giga / 1e9),
    }
}
