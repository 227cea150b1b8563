//! The page of one row.

use anomal_core::{
    Result,
    proto::{
        Column, FeatureColumn, FeatureGroup, Severity, report::FlagCount,
        suspect_neighbors::Neighbor,
    },
    words,
};
use askama::Template;

use super::{
    Content, Markup, ReportContext,
    density::FIVE_NUMBERS,
    format::{labels, numbers, text},
    incident_lines,
    layout::frame::ReportBar,
    suspect_table,
    verdicts::capital,
};
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

struct FeatureRow {
    name: Markup,
    value: Markup,
    /// Median and quartiles of a number, or the frequency of the value.
    usual: String,
    chart: Markup,
    contribution: Option<String>,
    weight: String,
}

struct Field {
    name: Markup,
    value: Markup,
    /// Long enough to need a scrolling box.
    long: bool,
    plain: String,
    truncated: bool,
}

struct NeighborRow {
    row: String,
    href: Option<String>,
    distance: String,
    values: Vec<Cell>,
}

struct Cell {
    value: Markup,
    differs: bool,
}

struct NeighborGroup {
    title: &'static str,
    rows: Vec<NeighborRow>,
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
    explanation: Option<Markup>,
    reasons_chart: Markup,
    reasons: Vec<suspect_table::ReasonShare>,
    features: Vec<FeatureRow>,
    fields: Vec<Field>,
    /// Of the features: alone, and as markup.
    names: Vec<(String, Markup)>,
    own_values: Vec<Cell>,
    neighbors: Vec<NeighborGroup>,
    reasons_help: String,
    quartiles_help: String,
    neighbors_help: String,
    /// Link and title of its incident.
    incident: Option<(String, Markup)>,
    back: String,
}

/// The neighbours of a row: the nearest normal rows and the nearest suspicious rows.
pub fn neighbors<'a>(context: &ReportContext<'a>, row: u64) -> (&'a [Neighbor], &'a [Neighbor]) {
    context
        .analysis
        .and_then(|analysis| analysis.suspects.iter().find(|suspect| suspect.row == row))
        .map_or((&[], &[]), |suspect| (&suspect.normal, &suspect.suspicious))
}

/// The page. `records`: those of the row's [`neighbors`], as far as they exist.
pub fn page(context: &ReportContext<'_>, record: &Record, records: &[Record]) -> Result<Content> {
    let row = numbers::count(record.row);
    let body = Markup::from_template(&Row {
        suspicious: record.suspicious,
        classified: record.score.is_some(),
        score: record.score.map(|score| numbers::fixed(score, 3)),
        rank: record.rank.map(|lower| capital(&words::rank(lower, context.report.results))),
        cluster: record.cluster,
        flags: record.flags.iter().map(|name| flag(context, name)).collect(),
        explanation: record.explanation.as_deref().map(|all| text::bdi(all, 10 * text::CELL)),
        reasons_chart: if record.reasons.is_empty() {
            Markup::default()
        } else {
            Markup::svg(charts::reasons(&labels::reasons(&record.reasons)))
        },
        reasons: suspect_table::reasons(record),
        features: features(context, record),
        fields: fields(context, record),
        names: (context.report.features.iter())
            .map(|feature| (text::shorten(&feature.name, 60), text::name(&feature.name)))
            .collect(),
        own_values: (context.report.features.iter().zip(&record.features))
            .map(|(feature, value)| cell(feature, value, value, 0.0))
            .collect(),
        neighbors: neighbor_groups(context, record, records),
        reasons_help: context.links.help("reasons"),
        quartiles_help: context.links.help("quartiles"),
        neighbors_help: context.links.help("nearest-rows"),
        incident: record.incident.and_then(|number| {
            let title = context.incident(number).map_or_else(
                || Markup::trusted(format!("Incident {}", numbers::count(number))),
                |incident| text::bdi(incident_lines::title(incident), text::CELL),
            );
            Some((context.links.incident(number)?, title))
        }),
        back: context.links.section("suspects"),
        row: row.clone(),
    })?;
    Ok(Content {
        title: format!("Row {row}"),
        bar: Some(ReportBar::new(context, "suspects")),
        body,
    })
}

fn flag(context: &ReportContext<'_>, name: &str) -> Flag {
    let flags = &context.report.flags;
    let index = flags.iter().position(|flag| flag.name == name);
    let flag = index.and_then(|index| flags.get(index));
    let severity = flag.map_or(Severity::Unspecified, FlagCount::severity);
    Flag {
        name: text::name(name),
        class: numbers::severity_class(severity),
        severity: numbers::severity(severity),
        description: flag
            .filter(|flag| !flag.description.is_empty())
            .map(|flag| text::bdi(&flag.description, 4 * text::CELL)),
        href: index.map_or_else(
            || context.links.section("flags"),
            |index| format!("{}#flag-{index}", context.links.section("flags")),
        ),
    }
}

fn features(context: &ReportContext<'_>, record: &Record) -> Vec<FeatureRow> {
    let summaries = context.analysis.map_or(&[][..], |analysis| &analysis.features);
    let mut features: Vec<(f64, FeatureRow)> = context
        .report
        .features
        .iter()
        .enumerate()
        .map(|(index, feature)| {
            let missing = Value::default();
            let value = record.features.get(index).unwrap_or(&missing);
            let summary = summaries.get(index);
            let all = context.feature_group(index);
            let numeric = summary.is_some_and(|summary| !summary.edges.is_empty());
            let categories = summary.map_or(&[][..], |summary| &summary.categories);
            let share = record.contributions.get(index).copied();
            let row = FeatureRow {
                name: text::name(&feature.name),
                value: text::cell(in_words(feature, value).as_deref()),
                usual: all.map_or_else(String::new, |all| {
                    if numeric { quartiles(all) } else { frequency(value, categories, all) }
                }),
                chart: match all {
                    Some(all) if numeric => {
                        Markup::svg(charts::quartiles(measured(feature, value), all))
                    }
                    _ => Markup::default(),
                },
                contribution: share.map(numbers::percent),
                weight: numbers::number(feature.weight),
            };
            (share.unwrap_or(0.0), row)
        })
        .collect();
    // The largest contribution first.
    features.sort_by(|a, b| b.0.total_cmp(&a.0));
    features.into_iter().map(|(_, feature)| feature).collect()
}

/// The median and the middle half of all rows.
pub(super) fn quartiles(all: &FeatureGroup) -> String {
    let [_, low, median, high, _] = FIVE_NUMBERS.map(|index| all.quantiles.get(index).copied());
    match (low, median, high) {
        (Some(low), Some(median), Some(high)) => format!(
            "{} ({} to {})",
            numbers::number(median),
            numbers::number(low),
            numbers::number(high)
        ),
        _ => String::new(),
    }
}

/// The number of rows with the same value.
fn frequency(value: &Value, categories: &[String], all: &FeatureGroup) -> String {
    let index = categories.iter().position(|known| Some(known) == value.text.as_ref());
    match index.and_then(|index| all.counts.get(index)) {
        Some(&count) => {
            format!("in {} of {} rows", numbers::count(count), numbers::count(all.count))
        }
        None if value.text.is_none() => String::new(),
        None => "a rare value".to_owned(),
    }
}

fn fields(context: &ReportContext<'_>, record: &Record) -> Vec<Field> {
    let field = |(index, column): (usize, &Column)| {
        let value = record.source.get(index).and_then(Option::as_deref);
        Field {
            name: text::name(&column.name),
            value: text::full_value(value),
            long: value.is_some_and(|value| text::truncate(value, 4 * text::CELL).1),
            plain: text::shorten(&column.name, text::CELL),
            truncated: value.is_some_and(|value| text::truncate(value, text::ROW_PAGE).1),
        }
    };
    context.report.columns.iter().enumerate().map(field).collect()
}

fn neighbor_groups(
    context: &ReportContext<'_>,
    record: &Record,
    records: &[Record],
) -> Vec<NeighborGroup> {
    let (normal, suspicious) = neighbors(context, record.row);
    let group = |title, neighbors: &[Neighbor]| NeighborGroup {
        title,
        rows: neighbors
            .iter()
            .map(|neighbor| neighbor_row(context, record, neighbor, records))
            .collect(),
    };
    [group("Nearest normal rows", normal), group("Nearest suspicious rows", suspicious)]
        .into_iter()
        .filter(|group| !group.rows.is_empty())
        .collect()
}

fn neighbor_row(
    context: &ReportContext<'_>,
    own: &Record,
    neighbor: &Neighbor,
    records: &[Record],
) -> NeighborRow {
    let record = records.iter().find(|record| record.row == neighbor.row);
    NeighborRow {
        row: numbers::count(neighbor.row),
        href: context.links.row(neighbor.row),
        distance: numbers::fixed(neighbor.distance, 3),
        values: record.map_or_else(Vec::new, |record| {
            let features = context.report.features.iter().enumerate();
            let values = features.zip(&record.features).zip(&own.features);
            values
                .map(|(((index, feature), value), own)| {
                    cell(feature, value, own, tolerance(context, index))
                })
                .collect()
        }),
    }
}

/// A value, marked if it differs from the row's own by more than the tolerance.
fn cell(feature: &FeatureColumn, value: &Value, own: &Value, tolerance: f64) -> Cell {
    let differs = match (value.number, own.number) {
        (Some(value), Some(own)) => (value - own).abs() > tolerance,
        _ => value.text != own.text,
    };
    Cell { value: text::cell(in_words(feature, value).as_deref()), differs }
}

fn in_words(feature: &FeatureColumn, value: &Value) -> Option<String> {
    value.text.as_deref().map(|text| words::feature(feature, text))
}

/// The number of a value, unless it stands for something else.
fn measured(feature: &FeatureColumn, value: &Value) -> Option<f64> {
    let is_named = |number: &f64| feature.named.iter().any(|named| named.number == *number);
    value.number.filter(|number| !is_named(number))
}

/// A tenth of the range from the 5 % to the 95 % quantile of all rows.
fn tolerance(context: &ReportContext<'_>, feature: usize) -> f64 {
    let all = context.feature_group(feature);
    match all.map_or(&[][..], |all| &all.quantiles) {
        [_, _, low, _, _, _, high, ..] => (high - low) / 10.0,
        _ => 0.0,
    }
}
