//! What was analysed, and the suspects.

use anomal_core::{Result, proto::Report};
use askama::Template;

use super::{
    Content, Markup, Shown, frame, numbers,
    suspects::{self, Asked},
    text,
};
use crate::view::{Page, Record};

struct Figure {
    value: String,
    label: &'static str,
    note: String,
    /// `found` for what there is to look at.
    class: &'static str,
}

struct Feature {
    name: Markup,
    kind: &'static str,
    origin: Markup,
    weight: String,
}

struct Filter {
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
    took: String,
    version: Markup,
    size: Option<String>,
    filters: Vec<Filter>,
    features: Vec<Feature>,
    notes: Vec<Note>,
    pdf: Option<String>,
    html: Option<String>,
    suspects: Markup,
}

/// The page.
pub fn page(shown: &Shown<'_>, asked: &Asked, found: &Page<Record>) -> Result<Content> {
    let suspects = suspects::section(shown, asked, found)?;
    Ok(Content {
        title: "Summary".to_owned(),
        bar: Some(frame::Bar::of(shown, "")),
        body: section(shown, suspects)?,
    })
}

/// The section; `suspects` stands in it.
pub fn section(shown: &Shown<'_>, suspects: Markup) -> Result<Markup> {
    let report = shown.report;
    let part = |text: &str| (!text.is_empty()).then(|| text::name(text));
    Markup::of(&Summary {
        level: shown.level,
        lede: lede(report),
        figures: figures(report),
        engine: part(&report.engine),
        threshold: part(&report.threshold),
        input: text::name(&report.input),
        time: numbers::time(&report.create_time),
        expires: (!report.expire_time.is_empty()).then(|| numbers::time(&report.expire_time)),
        took: numbers::seconds(report.duration_seconds),
        version: text::name(&report.version),
        size: (report.bytes > 0).then(|| bytes(report.bytes)),
        filters: report
            .filters
            .iter()
            .map(|f| Filter { name: text::name(&f.name), rows: numbers::count(f.rows) })
            .collect(),
        features: features(report),
        notes: notes(shown),
        pdf: shown.links.download("report.pdf"),
        html: shown.links.download("report.html"),
        suspects,
    })
}

/// The result in a sentence or two.
fn lede(report: &Report) -> String {
    if report.results == 0 {
        return "Nothing was left to analyse: every row was rejected or filtered.".to_owned();
    }
    let rows = numbers::counted(report.results, "row", "rows");
    let be = |number: u64| if number == 1 { "is" } else { "are" };
    let was = |number: u64| if number == 1 { "was" } else { "were" };
    let flagged = match report.flagged {
        0 => "no flag hit any".to_owned(),
        one => format!("{} {} hit by a flag", numbers::count(one), was(one)),
    };
    if report.engine.is_empty() {
        return format!("Of {rows}, {flagged}. Nothing was classified.");
    }
    let suspicious = match report.suspicious {
        0 => "none is suspicious".to_owned(),
        some => format!("{} {} suspicious", numbers::count(some), be(some)),
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
    let of_results = |part| format!("{} of the analysed", numbers::share(part, report.results));
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

fn features(report: &Report) -> Vec<Feature> {
    let feature = |feature: &anomal_core::proto::FeatureColumn| Feature {
        name: text::name(&feature.name),
        kind: numbers::kind(feature.kind()),
        origin: text::name(&feature.origin),
        weight: numbers::number(feature.weight),
    };
    report.features.iter().map(feature).collect()
}

fn notes(shown: &Shown<'_>) -> Vec<Note> {
    let of_analysis = shown.analysis.map_or(&[][..], |analysis| &analysis.diagnostics);
    let mut notes: Vec<Note> = Vec::new();
    for diagnostic in shown.report.diagnostics.iter().chain(of_analysis) {
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
