//! Section "Behaviour": what sets suspicious rows apart.

use std::cmp::Ordering;

use anomal_core::proto::{Analysis, Correlation, FeatureSummary, Group, correlation::Method};
use serde::Serialize;

use super::{
    cover::{kind, some},
    data::chart,
    number, text,
    world::Files,
};
use crate::charts;

/// Features that have a line and a chart.
const FEATURES: usize = 60;
/// Characters of a value that its chart is given,
const CATEGORY: usize = 60;
/// and that stands in the table.
const TYPICAL: usize = 40;
/// Correlations told in words.
const PAIRS: usize = 10;
/// Correlations nearer to zero than this are not worth words.
const WORTH: f64 = 0.3;
/// The median, among the quantiles of a group.
const MEDIAN: usize = 4;

#[derive(Serialize)]
pub struct Behaviour {
    contributions: Option<String>,
    table: Vec<Line>,
    more: Option<String>,
    densities: Vec<Density>,
    correlations: Option<String>,
    /// Two features, how they are related, how much; the strongest first.
    pairs: Vec<[String; 4]>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    kind: &'static str,
    weight: String,
    missing: String,
    distinct: String,
    /// Mean share of the reasons over all rows and over suspicious ones.
    all: String,
    suspicious: String,
    /// Median or most frequent value.
    normally: String,
    suspiciously: String,
}

#[derive(Serialize)]
struct Density {
    name: String,
    chart: String,
}

/// None where nothing is known of any feature.
pub fn of(analysis: &Analysis, files: &mut Files) -> Option<Behaviour> {
    if analysis.features.is_empty() {
        return None;
    }
    let (shown, more) = some(&analysis.features, FEATURES, "feature", "features");
    let features: Vec<FeatureSummary> = shown.iter().map(printable).collect();
    let contributed =
        features.iter().any(|f| f.mean_contribution > 0.0 || f.mean_contribution_suspicious > 0.0);
    let names: Vec<String> = features.iter().map(name).collect();
    let correlations: Vec<Correlation> = analysis.correlations.iter().map(named).collect();
    let related = names.len() > 1 && correlations.iter().any(|found| found.value.is_some());
    Some(Behaviour {
        contributions: contributed
            .then(|| chart(files, "contributions", &charts::contributions(&features))),
        table: features.iter().map(line).collect(),
        more,
        densities: features
            .iter()
            .enumerate()
            .filter(|(_, feature)| {
                feature.groups.iter().any(|group| group.counts.iter().any(|c| *c > 0))
            })
            .map(|(place, feature)| Density {
                name: text::value(&name(feature)),
                chart: chart(files, &format!("density-{place}"), &charts::density(feature)),
            })
            .collect(),
        correlations: related
            .then(|| chart(files, "correlations", &charts::correlations(&names, &correlations))),
        pairs: pairs(&correlations),
    })
}

/// With names and values that a chart can hold.
fn printable(feature: &FeatureSummary) -> FeatureSummary {
    let mut feature = feature.clone();
    if let Some(column) = &mut feature.feature {
        column.name = text::name(&column.name);
        column.origin.clear();
    }
    for category in &mut feature.categories {
        *category = text::cut(category, CATEGORY);
    }
    feature
}

fn named(correlation: &Correlation) -> Correlation {
    Correlation {
        first: text::name(&correlation.first),
        second: text::name(&correlation.second),
        ..correlation.clone()
    }
}

fn name(feature: &FeatureSummary) -> String {
    feature.feature.as_ref().map(|column| column.name.clone()).unwrap_or_default()
}

fn line(feature: &FeatureSummary) -> Line {
    let column = feature.feature.as_ref();
    Line {
        name: text::value(&name(feature)),
        kind: column.map_or("", |column| kind(column.kind())),
        weight: column.map_or_else(String::new, |column| number::float(column.weight)),
        missing: number::count(feature.missing),
        distinct: number::count(feature.distinct),
        all: number::percent(feature.mean_contribution),
        suspicious: number::percent(feature.mean_contribution_suspicious),
        normally: typical(feature, Group::Normal),
        suspiciously: typical(feature, Group::Suspicious),
    }
}

/// The median of a number, the most frequent value of another.
fn typical(feature: &FeatureSummary, group: Group) -> String {
    let Some(group) = feature.groups.iter().find(|found| found.group() == group) else {
        return "–".to_owned();
    };
    if let Some(median) = group.quantiles.get(MEDIAN) {
        return number::float(*median);
    }
    let frequent =
        feature.categories.iter().zip(&group.counts).fold(None, |best, (name, count)| match best {
            Some((_, most)) if *count <= most => best,
            _ if *count == 0 => best,
            _ => Some((name, *count)),
        });
    frequent.map_or_else(|| "–".to_owned(), |(name, _)| text::value(&short(name)))
}

/// Cut for the table; it has its escapes already.
fn short(category: &str) -> String {
    match category.char_indices().nth(TYPICAL) {
        Some((end, _)) => format!("{}…", &category[..end]),
        None => category.to_owned(),
    }
}

fn pairs(correlations: &[Correlation]) -> Vec<[String; 4]> {
    let mut strong: Vec<(&Correlation, f64)> = correlations
        .iter()
        .filter_map(|found| found.value.map(|value| (found, value)))
        .filter(|(_, value)| value.abs() >= WORTH)
        .collect();
    strong.sort_by(|(_, a), (_, b)| b.abs().partial_cmp(&a.abs()).unwrap_or(Ordering::Equal));
    let mut told: Vec<(&str, &str)> = Vec::new();
    let mut lines = Vec::new();
    // A pair may have been measured in more than one way: the strongest is enough.
    for (found, value) in strong {
        let pair = (found.first.as_str(), found.second.as_str());
        if lines.len() < PAIRS && !told.contains(&pair) {
            told.push(pair);
            lines.push([
                text::value(pair.0),
                text::value(pair.1),
                method(found.method()).to_owned(),
                format!("{value:.2}"),
            ]);
        }
    }
    lines
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Pearson => "Pearson",
        Method::Spearman => "Spearman",
        Method::CramersV => "Cramér's V",
        Method::Unspecified => "",
    }
}
