//! Section 2: the effect of the features on the result.

use anomal_core::{
    Result,
    proto::{Analysis, FeatureSummary, correlation::Method},
    words,
};
use askama::Template;

use super::{
    Content, Markup, ReportContext,
    density::density,
    format::{labels, numbers, phrases, text},
    layout::{
        figure::{FigureSpec, figure},
        frame::ReportBar,
    },
    suspect_table::{self, TableOptions},
};
use crate::{charts, view::Record};

/// Suspicious rows in this section; the summary lists all.
pub const SUSPICIOUS: usize = 10;

struct WeightRow {
    name: Markup,
    origin: Markup,
    weight: String,
    weight_share: String,
    all: String,
    suspicious: String,
    comparison: &'static str,
}

struct FeatureOption {
    name: String,
    /// The full name, for the URL: `name` may be shortened.
    value: String,
    selected: bool,
}

struct RedundantPair {
    first: Markup,
    second: Markup,
    /// Methods and correlations.
    values: String,
    relation: &'static str,
}

#[derive(Template)]
#[template(path = "behaviour.html")]
struct Section {
    level: u8,
    is_file: bool,
    influence: Vec<Markup>,
    contributions: Markup,
    rows: Vec<WeightRow>,
    weights_help: String,
    drop_candidates: Vec<Markup>,
    options: Vec<FeatureOption>,
    densities: Vec<Markup>,
    correlations: Markup,
    redundant_pairs: Vec<RedundantPair>,
    suspicious: Markup,
    suspicious_rows: String,
    all_suspects: String,
}

/// The page. `feature`: the one whose values are drawn; `suspicious`: the most suspicious rows.
pub fn page(context: &ReportContext<'_>, feature: &str, suspicious: &[Record]) -> Result<Content> {
    Ok(Content {
        title: "Behaviour".to_owned(),
        bar: Some(ReportBar::new(context, "explain/behaviour")),
        body: section(context, Some(feature), suspicious)?,
    })
}

/// The section; without `feature`, the values of all features are drawn.
pub fn section(
    context: &ReportContext<'_>,
    feature: Option<&str>,
    suspicious: &[Record],
) -> Result<Markup> {
    let Some(analysis) = context.analysis else { return Ok(Markup::default()) };
    let features = &analysis.features;
    let selected = feature.map(|name| select_feature(features, name));
    let densities = features
        .iter()
        .enumerate()
        .filter(|(index, _)| selected.is_none_or(|selected| selected == *index))
        .map(|(index, summary)| density(context, index, summary))
        .collect::<Result<_>>()?;
    let names: Vec<String> = features.iter().map(|summary| name(summary).to_owned()).collect();
    Markup::from_template(&Section {
        level: context.level,
        is_file: context.links.is_file(),
        influence: influence(context, features),
        contributions: contributions(context, features)?,
        rows: weight_rows(features),
        weights_help: context.links.help("weights"),
        drop_candidates: negligible(features).map(|summary| text::name(name(summary))).collect(),
        options: names
            .iter()
            .enumerate()
            // Longer names do not fit into a URL.
            .filter(|(_, name)| name.len() <= suspect_table::MAX_NAME)
            .map(|(index, name)| FeatureOption {
                name: text::shorten(name, 80),
                value: name.clone(),
                selected: selected == Some(index),
            })
            .collect(),
        densities,
        correlations: if analysis.correlations.is_empty() {
            Markup::default()
        } else {
            let svg = charts::correlations(
                &labels::names(&names),
                &labels::correlations(&analysis.correlations),
            );
            figure(context, &CORRELATIONS, svg)?
        },
        redundant_pairs: redundant_pairs(analysis),
        suspicious: if suspicious.is_empty() {
            Markup::default()
        } else {
            let label = "Most suspicious rows";
            let options = TableOptions {
                label,
                params: None,
                features: true,
                columns: &[],
                id_prefix: "",
                choose: false,
                without: &[],
            };
            suspect_table::table(context, options, suspicious)?
        },
        suspicious_rows: numbers::counted(context.report.suspicious, "row", "rows"),
        all_suspects: (context.links.section_with("suspects", &[("view", "features")]))
            .unwrap_or_else(|| context.links.section("suspects")),
    })
}

const CONTRIBUTIONS: FigureSpec<'_> = FigureSpec {
    id: None,
    anchor: "contributions",
    title: "Contributions",
    caption: "The share of each feature in the scores of all rows and of the suspicious rows.",
    class: "contributions",
    scrolls: true,
};
const CORRELATIONS: FigureSpec<'_> = FigureSpec {
    id: None,
    anchor: "correlations",
    title: "Correlations",
    caption: "Each feature against each other: the stronger the colour, the better one predicts \
              the other.",
    class: "correlations",
    scrolls: true,
};

fn contributions(context: &ReportContext<'_>, features: &[FeatureSummary]) -> Result<Markup> {
    if features.is_empty() {
        return Ok(Markup::default());
    }
    let features: Vec<FeatureSummary> = features.iter().map(labels::summary).collect();
    figure(context, &CONTRIBUTIONS, charts::contributions(&features))
}

fn name(summary: &FeatureSummary) -> &str {
    summary.feature.as_ref().map_or("", |feature| &feature.name)
}

fn weight(summary: &FeatureSummary) -> f64 {
    summary.feature.as_ref().map_or(0.0, |feature| feature.weight)
}

/// The index of the feature with this name, or else of the one that contributes most to the suspicious rows.
fn select_feature(features: &[FeatureSummary], selected: &str) -> usize {
    features.iter().position(|summary| name(summary) == selected).unwrap_or_else(|| {
        descending(features, |summary| summary.mean_contribution_suspicious)
            .first()
            .map_or(0, |&(index, _)| index)
    })
}

fn descending(
    features: &[FeatureSummary],
    by: impl Fn(&FeatureSummary) -> f64,
) -> Vec<(usize, &FeatureSummary)> {
    let mut ordered: Vec<_> = features.iter().enumerate().collect();
    ordered.sort_by(|a, b| by(b.1).total_cmp(&by(a.1)));
    ordered
}

/// The most influential features, in sentences.
fn influence(context: &ReportContext<'_>, features: &[FeatureSummary]) -> Vec<Markup> {
    let mut sentences = Vec::new();
    let suspicious = descending(features, |summary| summary.mean_contribution_suspicious);
    if let Some((_, first)) = suspicious.first()
        && context.report.suspicious > 0
        && first.mean_contribution_suspicious > 0.0
    {
        sentences.push(Markup::trusted(format!(
            "{} contributes most to the suspicious rows: {} of their scores, and {} of the scores \
             of all rows.",
            text::name(name(first)),
            numbers::percent(first.mean_contribution_suspicious),
            numbers::percent(first.mean_contribution),
        )));
    }
    let mut sum = 0.0;
    let most: Vec<&FeatureSummary> = suspicious
        .iter()
        .map(|(_, summary)| *summary)
        .take_while(|summary| {
            let before = sum;
            sum += summary.mean_contribution_suspicious;
            before < 0.8
        })
        .collect();
    if most.len() > 1 && sum >= 0.8 && context.report.suspicious > 0 {
        let names: Vec<String> =
            most.iter().map(|summary| text::name(name(summary)).into_string()).collect();
        sentences.push(Markup::trusted(format!(
            "Together, {} make up {}.",
            words::listed(&names),
            numbers::percent(sum)
        )));
    }
    if sentences.is_empty() {
        sentences.extend(descending(features, |summary| summary.mean_contribution).first().map(
            |(_, first)| {
                Markup::trusted(format!(
                    "{} has the largest share in the scores: {}.",
                    text::name(name(first)),
                    numbers::percent(first.mean_contribution)
                ))
            },
        ));
    }
    sentences
}

fn weight_rows(features: &[FeatureSummary]) -> Vec<WeightRow> {
    let weights: f64 = features.iter().map(weight).sum();
    let share = |summary| if weights > 0.0 { weight(summary) / weights } else { 0.0 };
    descending(features, |summary| summary.mean_contribution)
        .into_iter()
        .map(|(_, summary)| {
            let feature = summary.feature.as_ref();
            WeightRow {
                name: text::name(name(summary)),
                origin: text::name(feature.map_or("", |feature| &feature.origin)),
                weight: numbers::number(weight(summary)),
                weight_share: numbers::percent(share(summary)),
                all: numbers::percent(summary.mean_contribution),
                suspicious: numbers::percent(summary.mean_contribution_suspicious),
                comparison: phrases::against_weight(
                    summary.mean_contribution,
                    summary.mean_contribution_suspicious,
                    share(summary),
                ),
            }
        })
        .collect()
}

/// Features with negligible contributions.
fn negligible(features: &[FeatureSummary]) -> impl Iterator<Item = &FeatureSummary> {
    features.iter().filter(|summary| {
        summary.mean_contribution < phrases::NEGLIGIBLE
            && summary.mean_contribution_suspicious < phrases::NEGLIGIBLE
    })
}

/// Pairs of features of which one suffices, each once.
fn redundant_pairs(analysis: &Analysis) -> Vec<RedundantPair> {
    let mut pairs: Vec<RedundantPair> = Vec::new();
    let mut last = None;
    for correlation in &analysis.correlations {
        let Some(value) = correlation.value.filter(|value| value.abs() >= phrases::REDUNDANT)
        else {
            continue;
        };
        let method = match correlation.method() {
            Method::Pearson => "Pearson",
            Method::Spearman => "Spearman",
            Method::CramersV => "Cramér’s V",
            Method::Unspecified => "correlation",
        };
        let values = format!("{method} {}", numbers::number(value));
        let names = Some((&correlation.first, &correlation.second));
        match pairs.last_mut() {
            Some(pair) if last == names => pair.values = format!("{}, {values}", pair.values),
            _ => pairs.push(RedundantPair {
                first: text::name(&correlation.first),
                second: text::name(&correlation.second),
                values,
                relation: phrases::redundancy(value),
            }),
        }
        last = names;
    }
    pairs
}
