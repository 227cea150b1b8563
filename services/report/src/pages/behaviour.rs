//! Section 2: what the features did in the result.

use anomal_core::{
    Result,
    proto::{Analysis, FeatureSummary, correlation::Method},
};
use askama::Template;

use super::{
    Content, Markup, Shown,
    density::density,
    drawn,
    figure::{About, figure},
    frame, numbers,
    suspects::{self, Which},
    text, words,
};
use crate::{charts, view::Record};

/// Suspicious rows that are shown here; all are in the summary.
pub const SUSPICIOUS: usize = 10;

struct Line {
    name: Markup,
    origin: Markup,
    weight: String,
    weight_share: String,
    all: String,
    suspicious: String,
    words: &'static str,
}

struct Choice {
    name: String,
    /// As it stands in the address: names may be cut to be shown.
    value: String,
    chosen: bool,
}

struct Pair {
    first: Markup,
    second: Markup,
    /// By which methods, and how much.
    values: String,
    words: &'static str,
}

#[derive(Template)]
#[template(path = "behaviour.html")]
struct Section {
    level: u8,
    is_file: bool,
    influence: Vec<Markup>,
    contributions: Markup,
    lines: Vec<Line>,
    weights_help: String,
    useless: Vec<Markup>,
    choices: Vec<Choice>,
    densities: Vec<Markup>,
    correlations: Markup,
    same: Vec<Pair>,
    suspicious: Markup,
    suspicious_rows: String,
    all_suspects: String,
}

/// The page: `feature` is the one whose values are drawn, `suspicious` the most suspicious rows.
pub fn page(shown: &Shown<'_>, feature: &str, suspicious: &[Record]) -> Result<Content> {
    Ok(Content {
        title: "Behaviour".to_owned(),
        bar: Some(frame::Bar::of(shown, "behaviour")),
        body: section(shown, Some(feature), suspicious)?,
    })
}

/// The section; without a feature all are drawn.
pub fn section(shown: &Shown<'_>, feature: Option<&str>, suspicious: &[Record]) -> Result<Markup> {
    let Some(analysis) = shown.analysis else { return Ok(Markup::default()) };
    let features = &analysis.features;
    let chosen = feature.map(|name| chosen(features, name));
    let densities = features
        .iter()
        .enumerate()
        .filter(|(place, _)| chosen.is_none_or(|chosen| chosen == *place))
        .map(|(place, summary)| density(shown, place, summary))
        .collect::<Result<_>>()?;
    let names: Vec<String> = features.iter().map(|summary| name(summary).to_owned()).collect();
    Markup::of(&Section {
        level: shown.level,
        is_file: shown.links.is_file(),
        influence: influence(shown, features),
        contributions: contributions(shown, features)?,
        lines: lines(features),
        weights_help: shown.links.help("weights"),
        useless: useless(features).map(|summary| text::name(name(summary))).collect(),
        choices: names
            .iter()
            .enumerate()
            // Longer ones have no place in an address.
            .filter(|(_, name)| name.len() <= suspects::NAME)
            .map(|(place, name)| Choice {
                name: text::short(name, 80),
                value: name.clone(),
                chosen: chosen == Some(place),
            })
            .collect(),
        densities,
        correlations: if analysis.correlations.is_empty() {
            Markup::default()
        } else {
            let svg = charts::correlations(
                &drawn::names(&names),
                &drawn::correlations(&analysis.correlations),
            );
            figure(shown, &CORRELATIONS, svg)?
        },
        same: same(analysis),
        suspicious: if suspicious.is_empty() {
            Markup::default()
        } else {
            let label = "Most suspicious rows";
            let which = Which { label, asked: None, features: true, ids: "" };
            suspects::table(shown, which, suspicious)?
        },
        suspicious_rows: numbers::counted(shown.report.suspicious, "row", "rows"),
        all_suspects: if shown.links.is_file() {
            "#suspects".to_owned()
        } else {
            format!("{}?view=features#suspects", shown.links.section(""))
        },
    })
}

const CONTRIBUTIONS: About<'_> = About {
    id: None,
    anchor: "contributions",
    title: "Contributions",
    caption: "How much of the scores comes from each feature, over all rows and over the \
              suspicious ones.",
    class: "contributions",
    scrolls: true,
};
const CORRELATIONS: About<'_> = About {
    id: None,
    anchor: "correlations",
    title: "Correlations",
    caption: "Each feature against each other: the stronger the colour, the more one tells of \
              the other.",
    class: "correlations",
    scrolls: true,
};

fn contributions(shown: &Shown<'_>, features: &[FeatureSummary]) -> Result<Markup> {
    if features.is_empty() {
        return Ok(Markup::default());
    }
    let drawn: Vec<FeatureSummary> = features.iter().map(drawn::summary).collect();
    figure(shown, &CONTRIBUTIONS, charts::contributions(&drawn))
}

fn name(summary: &FeatureSummary) -> &str {
    summary.feature.as_ref().map_or("", |feature| &feature.name)
}

fn weight(summary: &FeatureSummary) -> f64 {
    summary.feature.as_ref().map_or(0.0, |feature| feature.weight)
}

/// The feature asked for, or the one that tells most of the suspicious rows.
fn chosen(features: &[FeatureSummary], asked: &str) -> usize {
    features.iter().position(|summary| name(summary) == asked).unwrap_or_else(|| {
        ordered(features, |summary| summary.mean_contribution_suspicious)
            .first()
            .map_or(0, |&(place, _)| place)
    })
}

fn ordered(
    features: &[FeatureSummary],
    by: impl Fn(&FeatureSummary) -> f64,
) -> Vec<(usize, &FeatureSummary)> {
    let mut ordered: Vec<_> = features.iter().enumerate().collect();
    ordered.sort_by(|a, b| by(b.1).total_cmp(&by(a.1)));
    ordered
}

/// What most influenced the result, in sentences.
fn influence(shown: &Shown<'_>, features: &[FeatureSummary]) -> Vec<Markup> {
    let mut sentences = Vec::new();
    let suspicious = ordered(features, |summary| summary.mean_contribution_suspicious);
    if let Some((_, first)) = suspicious.first()
        && shown.report.suspicious > 0
        && first.mean_contribution_suspicious > 0.0
    {
        sentences.push(Markup::trusted(format!(
            "{} says most about the suspicious rows: {} of their scores come from it, {} of the \
             scores of all rows.",
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
    if most.len() > 1 && sum >= 0.8 && shown.report.suspicious > 0 {
        let names: Vec<String> =
            most.iter().map(|one| text::name(name(one)).into_string()).collect();
        sentences.push(Markup::trusted(format!(
            "Together, {} make up {}.",
            words::listed(&names),
            numbers::percent(sum)
        )));
    }
    if sentences.is_empty() {
        sentences.extend(ordered(features, |one| one.mean_contribution).first().map(
            |(_, first)| {
                Markup::trusted(format!(
                    "{} has the largest part in the scores: {}.",
                    text::name(name(first)),
                    numbers::percent(first.mean_contribution)
                ))
            },
        ));
    }
    sentences
}

fn lines(features: &[FeatureSummary]) -> Vec<Line> {
    let weights: f64 = features.iter().map(weight).sum();
    let part = |summary| if weights > 0.0 { weight(summary) / weights } else { 0.0 };
    ordered(features, |summary| summary.mean_contribution)
        .into_iter()
        .map(|(_, summary)| {
            let feature = summary.feature.as_ref();
            Line {
                name: text::name(name(summary)),
                origin: text::name(feature.map_or("", |feature| &feature.origin)),
                weight: numbers::number(weight(summary)),
                weight_share: numbers::percent(part(summary)),
                all: numbers::percent(summary.mean_contribution),
                suspicious: numbers::percent(summary.mean_contribution_suspicious),
                words: words::against_weight(
                    summary.mean_contribution,
                    summary.mean_contribution_suspicious,
                    part(summary),
                ),
            }
        })
        .collect()
}

/// Features that contribute to nothing: candidates to drop.
fn useless(features: &[FeatureSummary]) -> impl Iterator<Item = &FeatureSummary> {
    features.iter().filter(|summary| {
        summary.mean_contribution < words::NOTHING
            && summary.mean_contribution_suspicious < words::NOTHING
    })
}

/// Pairs of features of which one would do, each once.
fn same(analysis: &Analysis) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut last = None;
    for one in &analysis.correlations {
        let Some(value) = one.value.filter(|value| value.abs() >= words::SAME) else { continue };
        let method = match one.method() {
            Method::Pearson => "Pearson",
            Method::Spearman => "Spearman",
            Method::CramersV => "Cramér’s V",
            Method::Unspecified => "correlation",
        };
        let told = format!("{method} {}", numbers::number(value));
        let names = Some((&one.first, &one.second));
        match pairs.last_mut() {
            Some(pair) if last == names => pair.values = format!("{}, {told}", pair.values),
            _ => pairs.push(Pair {
                first: text::name(&one.first),
                second: text::name(&one.second),
                values: told,
                words: words::same(value),
            }),
        }
        last = names;
    }
    pairs
}
