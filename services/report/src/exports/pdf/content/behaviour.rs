//! Section "Behaviour": what sets suspicious rows apart.

use std::cmp::Ordering;

use anomal_core::{
    Result,
    proto::{Analysis, Correlation, FeatureSummary, Group, correlation::Method},
    words,
};

use super::{
    super::layout::chart::Chart,
    chart,
    cover::{kind, some},
    text,
};
use crate::charts;

/// Features with a line in the table and a chart.
const FEATURES: usize = 60;
/// Characters of a value in its chart.
const CATEGORY: usize = 60;
/// Characters of a value in the table.
const TYPICAL: usize = 40;
/// Correlations listed below the chart.
const PAIRS: usize = 10;
/// Weaker correlations are not listed.
const STRONG: f64 = 0.3;
/// Index of the median in the quantiles of a group.
const MEDIAN: usize = 4;

pub struct Behaviour {
    pub contributions: Option<Chart>,
    pub table: Vec<FeatureLine>,
    pub more: Option<String>,
    pub densities: Vec<Density>,
    pub correlations: Option<Chart>,
    /// Two features, the measure and its value; the strongest first.
    pub pairs: Vec<[String; 4]>,
}

pub struct FeatureLine {
    pub name: String,
    pub kind: &'static str,
    pub weight: String,
    pub missing: String,
    pub distinct: String,
    /// Mean contribution over all rows; `suspicious` over suspicious rows.
    pub all: String,
    pub suspicious: String,
    /// Median or most frequent value.
    pub normally: String,
    pub suspiciously: String,
}

pub struct Density {
    pub name: String,
    pub chart: Chart,
}

impl Behaviour {
    /// None where the analysis has no features.
    ///
    /// # Errors
    /// `Internal` where a chart cannot be read.
    pub fn new(analysis: &Analysis) -> Result<Option<Self>> {
        if analysis.features.is_empty() {
            return Ok(None);
        }
        let (shown, more) = some(&analysis.features, FEATURES, "feature", "features");
        let features: Vec<FeatureSummary> = shown.iter().map(printable).collect();
        let contributed = features
            .iter()
            .any(|f| f.mean_contribution > 0.0 || f.mean_contribution_suspicious > 0.0);
        let names: Vec<String> = features.iter().map(name).collect();
        let correlations: Vec<Correlation> = analysis.correlations.iter().map(named).collect();
        let related = names.len() > 1 && correlations.iter().any(|found| found.value.is_some());
        Ok(Some(Self {
            contributions: contributed
                .then(|| chart(&charts::contributions(&features)))
                .transpose()?,
            table: features.iter().map(line).collect(),
            more,
            densities: features
                .iter()
                .filter(|feature| {
                    feature.groups.iter().any(|group| group.counts.iter().any(|c| *c > 0))
                })
                .map(density)
                .collect::<Result<_>>()?,
            correlations: related
                .then(|| chart(&charts::correlations(&names, &correlations)))
                .transpose()?,
            pairs: pairs(&correlations),
        }))
    }
}

fn density(feature: &FeatureSummary) -> Result<Density> {
    Ok(Density { name: text::value(&name(feature)), chart: chart(&charts::density(feature))? })
}

/// The feature with its names and values shortened for a chart.
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

fn line(feature: &FeatureSummary) -> FeatureLine {
    let column = feature.feature.as_ref();
    FeatureLine {
        name: text::value(&name(feature)),
        kind: column.map_or("", |column| kind(column.kind())),
        weight: column.map_or_else(String::new, |column| words::number(column.weight)),
        missing: words::grouped(feature.missing),
        distinct: words::grouped(feature.distinct),
        all: words::percent(feature.mean_contribution),
        suspicious: words::percent(feature.mean_contribution_suspicious),
        normally: typical(feature, Group::Normal),
        suspiciously: typical(feature, Group::Suspicious),
    }
}

/// The median of numbers, otherwise the most frequent value.
fn typical(feature: &FeatureSummary, group: Group) -> String {
    let Some(group) = feature.groups.iter().find(|found| found.group() == group) else {
        return "–".to_owned();
    };
    if let Some(median) = group.quantiles.get(MEDIAN) {
        return words::number(*median);
    }
    let frequent =
        feature.categories.iter().zip(&group.counts).fold(None, |best, (name, count)| match best {
            Some((_, most)) if *count <= most => best,
            _ if *count == 0 => best,
            _ => Some((name, *count)),
        });
    frequent.map_or_else(|| "–".to_owned(), |(name, _)| text::value(&short(name)))
}

/// Shortens a value whose characters are already escaped.
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
        .filter(|(_, value)| value.abs() >= STRONG)
        .collect();
    strong.sort_by(|(_, a), (_, b)| b.abs().partial_cmp(&a.abs()).unwrap_or(Ordering::Equal));
    let mut listed: Vec<(&str, &str)> = Vec::new();
    let mut lines = Vec::new();
    // A pair may have been measured in more than one way: the strongest is enough.
    for (found, value) in strong {
        let pair = (found.first.as_str(), found.second.as_str());
        if lines.len() < PAIRS && !listed.contains(&pair) {
            listed.push(pair);
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
