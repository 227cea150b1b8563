//! One row, whole.

use anomal_core::{
    Result,
    proto::{FeatureGroup, Group, Severity, suspect_neighbors::Neighbor},
};
use askama::Template;

use super::{Content, Markup, Shown, density::FIVE, drawn, frame, numbers, suspects, text, words};
use crate::{
    charts,
    view::{Record, Value},
};

struct Flag {
    name: Markup,
    class: &'static str,
    severity: &'static str,
    description: Option<Markup>,
    href: String,
}

struct Feature {
    name: Markup,
    value: Markup,
    /// Quartiles and median, where it is a number, or how common the value is.
    usual: String,
    picture: Markup,
    contribution: Option<String>,
    weight: String,
}

struct Field {
    name: Markup,
    value: Markup,
    /// Long enough to scroll in a box of its own.
    long: bool,
    plain: String,
    cut: bool,
}

struct Near {
    row: String,
    href: Option<String>,
    distance: String,
    values: Vec<Cell>,
}

struct Cell {
    value: Markup,
    differs: bool,
}

struct Neighbors {
    title: &'static str,
    lines: Vec<Near>,
}

#[derive(Template)]
#[template(path = "row.html")]
struct Row {
    row: String,
    suspicious: bool,
    classified: bool,
    score: Option<String>,
    rank: Option<String>,
    cluster: Option<u32>,
    flags: Vec<Flag>,
    words: Option<Markup>,
    bars: Markup,
    reasons: Vec<suspects::Why>,
    features: Vec<Feature>,
    fields: Vec<Field>,
    names: Vec<Markup>,
    own: Vec<Cell>,
    neighbors: Vec<Neighbors>,
    reasons_help: String,
    quartiles_help: String,
    neighbors_help: String,
    back: String,
}

/// The rows that a row's page shows beside it: the nearest normal ones and the nearest suspects.
pub fn near<'a>(shown: &Shown<'a>, row: u64) -> (&'a [Neighbor], &'a [Neighbor]) {
    shown
        .analysis
        .and_then(|analysis| analysis.suspects.iter().find(|suspect| suspect.row == row))
        .map_or((&[], &[]), |suspect| (&suspect.normal, &suspect.suspicious))
}

/// The page. `neighbors` are the records of [`near`], as far as they could be read.
pub fn page(shown: &Shown<'_>, record: &Record, neighbors: &[Record]) -> Result<Content> {
    let row = numbers::count(record.row);
    let body = Markup::of(&Row {
        suspicious: record.suspicious,
        classified: record.score.is_some(),
        score: record.score.map(|score| numbers::fixed(score, 3)),
        rank: record.rank.map(words::rank),
        cluster: record.cluster,
        flags: record.flags.iter().map(|name| flag(shown, name)).collect(),
        words: record.explanation.as_deref().map(|words| text::bdi(words, 10 * text::CELL)),
        bars: if record.reasons.is_empty() {
            Markup::default()
        } else {
            Markup::svg(charts::reasons(&drawn::reasons(&record.reasons)))
        },
        reasons: suspects::reasons(record),
        features: features(shown, record),
        fields: fields(shown, record),
        names: shown.report.features.iter().map(|one| text::name(&one.name)).collect(),
        own: record.features.iter().map(|one| cell(one, one, 0.0)).collect(),
        neighbors: sides(shown, record, neighbors),
        reasons_help: shown.links.help("reasons"),
        quartiles_help: shown.links.help("quartiles"),
        neighbors_help: shown.links.help("nearest-rows"),
        back: shown.links.section(""),
        row: row.clone(),
    })?;
    Ok(Content { title: format!("Row {row}"), bar: Some(frame::Bar::of(shown, "row")), body })
}

fn flag(shown: &Shown<'_>, name: &str) -> Flag {
    let flags = &shown.report.flags;
    let place = flags.iter().position(|flag| flag.name == name);
    let known = place.and_then(|place| flags.get(place));
    let severity =
        known.map_or(Severity::Unspecified, anomal_core::proto::report::FlagCount::severity);
    Flag {
        name: text::name(name),
        class: if severity == Severity::Unspecified { "none" } else { numbers::severity(severity) },
        severity: numbers::severity(severity),
        description: known
            .filter(|flag| !flag.description.is_empty())
            .map(|flag| text::bdi(&flag.description, 4 * text::CELL)),
        href: place.map_or_else(
            || shown.links.section("flags"),
            |place| format!("{}#flag-{place}", shown.links.section("flags")),
        ),
    }
}

fn features(shown: &Shown<'_>, record: &Record) -> Vec<Feature> {
    let summaries = shown.analysis.map_or(&[][..], |analysis| &analysis.features);
    let mut features: Vec<(f64, Feature)> = shown
        .report
        .features
        .iter()
        .enumerate()
        .map(|(place, feature)| {
            let nothing = Value::default();
            let value = record.features.get(place).unwrap_or(&nothing);
            let summary = summaries.get(place);
            let all =
                summary.and_then(|one| one.groups.iter().find(|group| group.group() == Group::All));
            let numeric = summary.is_some_and(|one| !one.edges.is_empty());
            let categories = summary.map_or(&[][..], |one| &one.categories);
            let share = record.contributions.get(place).copied();
            let line = Feature {
                name: text::name(&feature.name),
                value: text::cell(value.text.as_deref()),
                usual: all.map_or_else(String::new, |all| {
                    if numeric { five(all) } else { common(value, categories, all) }
                }),
                picture: match all {
                    Some(all) if numeric => Markup::svg(charts::quartiles(value.number, all)),
                    _ => Markup::default(),
                },
                contribution: share.map(numbers::percent),
                weight: numbers::number(feature.weight),
            };
            (share.unwrap_or(0.0), line)
        })
        .collect();
    // What says most of the row is first.
    features.sort_by(|a, b| b.0.total_cmp(&a.0));
    features.into_iter().map(|(_, feature)| feature).collect()
}

/// Median and the middle half of all rows.
fn five(all: &FeatureGroup) -> String {
    let [_, low, middle, high, _] = FIVE.map(|at| all.quantiles.get(at).copied());
    match (low, middle, high) {
        (Some(low), Some(middle), Some(high)) => format!(
            "{} ({} to {})",
            numbers::number(middle),
            numbers::number(low),
            numbers::number(high)
        ),
        _ => String::new(),
    }
}

/// How many rows have the same value.
fn common(value: &Value, categories: &[String], all: &FeatureGroup) -> String {
    let place = categories.iter().position(|known| Some(known) == value.text.as_ref());
    match place.and_then(|place| all.counts.get(place)) {
        Some(&count) => {
            format!("in {} of {} rows", numbers::count(count), numbers::count(all.count))
        }
        None if value.text.is_none() => String::new(),
        None => "a rare value".to_owned(),
    }
}

fn fields(shown: &Shown<'_>, record: &Record) -> Vec<Field> {
    let field = |(place, column): (usize, &anomal_core::proto::Column)| {
        let value = record.source.get(place).and_then(Option::as_deref);
        Field {
            name: text::name(&column.name),
            value: text::whole(value),
            long: value.is_some_and(|value| text::cut(value, 4 * text::CELL).1),
            plain: text::short(&column.name, text::CELL),
            cut: value.is_some_and(|value| text::cut(value, text::WHOLE).1),
        }
    };
    shown.report.columns.iter().enumerate().map(field).collect()
}

fn sides(shown: &Shown<'_>, record: &Record, neighbors: &[Record]) -> Vec<Neighbors> {
    let (normal, suspicious) = near(shown, record.row);
    let side = |title, near: &[Neighbor]| Neighbors {
        title,
        lines: near.iter().map(|one| line(shown, record, one, neighbors)).collect(),
    };
    [side("Nearest normal rows", normal), side("Nearest suspicious rows", suspicious)]
        .into_iter()
        .filter(|side| !side.lines.is_empty())
        .collect()
}

fn line(shown: &Shown<'_>, own: &Record, near: &Neighbor, neighbors: &[Record]) -> Near {
    let values = neighbors.iter().find(|other| other.row == near.row);
    Near {
        row: numbers::count(near.row),
        href: shown.links.row(near.row),
        distance: numbers::fixed(near.distance, 3),
        values: values.map_or_else(Vec::new, |other| {
            let values = other.features.iter().zip(&own.features).enumerate();
            values.map(|(place, (other, own))| cell(other, own, little(shown, place))).collect()
        }),
    }
}

/// Numbers nearer than `little` do not differ to speak of.
fn cell(value: &Value, own: &Value, little: f64) -> Cell {
    let differs = match (value.number, own.number) {
        (Some(value), Some(own)) => (value - own).abs() > little,
        _ => value.text != own.text,
    };
    Cell { value: text::cell(value.text.as_deref()), differs }
}

/// A tenth of what the middle nine tenths of all rows span.
fn little(shown: &Shown<'_>, place: usize) -> f64 {
    let summary = shown.analysis.and_then(|analysis| analysis.features.get(place));
    let all = summary.and_then(|one| one.groups.iter().find(|group| group.group() == Group::All));
    match all.map_or(&[][..], |all| &all.quantiles) {
        [_, _, low, _, _, _, high, ..] => (high - low) / 10.0,
        _ => 0.0,
    }
}
