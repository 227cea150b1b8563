//! How a report was made: input, settings, counts, notes.

use anomal_core::{Result, proto::Report};
use askama::Template;

use super::{
    Content, Markup, ReportContext,
    format::{numbers, text},
    layout::frame::ReportBar,
};

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

struct RoleRow {
    role: Markup,
    column: Markup,
    origin: Markup,
}

struct FilterRow {
    name: Markup,
    rows: String,
}

/// A diagnostic of the run.
pub struct Note {
    message: Markup,
    path: Option<Markup>,
    count: Option<String>,
}

#[derive(Template)]
#[template(path = "run.html")]
struct Run {
    level: u8,
    roles: Vec<RoleRow>,
    unused: Vec<Markup>,
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
    /// The PDF with all suspects and charts, where the other has incidents instead.
    full_pdf: Option<String>,
    html: Option<String>,
}

pub fn page(context: &ReportContext<'_>) -> Result<Content> {
    Ok(Content {
        title: "Run".to_owned(),
        bar: Some(ReportBar::new(context, "run")),
        body: section(context)?,
    })
}

pub fn section(context: &ReportContext<'_>) -> Result<Markup> {
    let report = context.report;
    Markup::from_template(&Run {
        level: context.level,
        roles: roles(report),
        unused: unused(report),
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
        full_pdf: context
            .links
            .download("report.pdf")
            .filter(|_| context.incidents.is_some())
            .map(|href| format!("{href}?full=yes")),
        html: context.links.download("report.html"),
    })
}

/// The columns with a role.
fn roles(report: &Report) -> Vec<RoleRow> {
    let Some(roles) = &report.roles else { return Vec::new() };
    let role = |role: &str, column: &str, origin: &str| RoleRow {
        role: text::name(role),
        column: text::name(column),
        origin: text::name(origin),
    };
    let mut rows = Vec::new();
    if !roles.time_column.is_empty() {
        rows.push(role("time", &roles.time_column, &roles.time_origin));
    }
    for entity in &roles.entities {
        let side = if entity.is_actor { "acts" } else { "is acted on" };
        rows.push(role(&format!("{}, which {side}", entity.one), &entity.column, &entity.origin));
    }
    rows
}

/// Roles that were given up.
fn unused(report: &Report) -> Vec<Markup> {
    let unused = report.roles.as_ref().map_or(&[][..], |roles| &roles.unused);
    unused.iter().map(|words| text::bdi(words, 4 * text::CELL)).collect()
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

/// The diagnostics of the run and of the classification, each once.
pub fn notes(context: &ReportContext<'_>) -> Vec<Note> {
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
