//! The data of map and dendrogram for the script, as a JSON block.

use anomal_core::words;
use serde::Serialize;

use super::{
    Markup, ReportContext,
    format::{numbers, phrases, text},
};
use crate::charts;

/// The most characters of all values together.
const BUDGET: usize = 600_000;
/// The lengths to which values are shortened, until they fit the budget.
const LENGTHS: [usize; 4] = [80, 40, 20, 10];
/// Features on the card of a point.
const FEATURES: usize = 12;

#[derive(Serialize)]
struct Data {
    /// Names of the features on the card.
    features: Vec<String>,
    /// Features that are not on the card.
    left_off: usize,
    rows: Vec<u64>,
    counts: Vec<u64>,
    suspicious: Vec<u8>,
    scores: Vec<Option<String>>,
    /// The values of each point; null: missing.
    values: Vec<Vec<Option<String>>>,
    clusterings: Vec<Clustering>,
}

#[derive(Serialize)]
struct Clustering {
    k: u32,
    height: f64,
    /// The height as text.
    cut: String,
    /// The cluster of each point.
    labels: Vec<u32>,
    /// The cluster of each leaf of the dendrogram, from left to right.
    leaves: Vec<u32>,
    sizes: Vec<String>,
    shares: Vec<String>,
    /// Suspicious rows of each cluster.
    suspicious: Vec<String>,
    words: String,
}

/// The JSON block.
pub fn block(context: &ReportContext<'_>) -> Markup {
    let json = serde_json::to_string(&data(context)).unwrap_or_else(|_| "null".to_owned());
    Markup::trusted(format!(
        "<script type=\"application/json\" id=\"map-data\">{}</script>",
        escape_json(&json)
    ))
}

/// Escapes JSON so that it can't end the `script` element or a line.
fn escape_json(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

fn data(context: &ReportContext<'_>) -> Data {
    let points = &context.view.points;
    let selected = select_features(context);
    let names = context.feature_names();
    Data {
        features: selected
            .iter()
            .filter_map(|&index| names.get(index))
            .map(|name| text::shorten(name, text::CELL))
            .collect(),
        left_off: names.len().saturating_sub(selected.len()),
        rows: points.iter().map(|point| point.row).collect(),
        counts: points.iter().map(|point| point.count).collect(),
        suspicious: points.iter().map(|point| u8::from(point.suspicious)).collect(),
        scores: points
            .iter()
            .map(|point| point.score.map(|score| numbers::fixed(score, 3)))
            .collect(),
        values: values(context, &selected),
        clusterings: clusterings(context),
    }
}

/// The features on the card: those that contribute most to suspicious rows, in feature order.
fn select_features(context: &ReportContext<'_>) -> Vec<usize> {
    let all = context.report.features.len();
    let mut indices: Vec<usize> = (0..all).collect();
    if all > FEATURES {
        let contribution = |index: usize| {
            context
                .analysis
                .and_then(|analysis| analysis.features.get(index))
                .map_or(0.0, |feature| feature.mean_contribution_suspicious)
        };
        indices.sort_by(|&a, &b| contribution(b).total_cmp(&contribution(a)));
        indices.truncate(FEATURES);
        indices.sort_unstable();
    }
    indices
}

/// The values of the selected features, shortened until they fit the budget.
fn values(context: &ReportContext<'_>, selected: &[usize]) -> Vec<Vec<Option<String>>> {
    let mut values = Vec::new();
    for length in LENGTHS {
        let mut size = 0;
        values.clear();
        for point in &context.view.points {
            let value = |&index: &usize| {
                let value = point.features.get(index)?.as_deref()?;
                let feature = context.report.features.get(index);
                let value = feature.map_or_else(|| value.into(), |it| words::feature(it, value));
                Some(text::shorten(&value, length))
            };
            let line: Vec<Option<String>> = selected.iter().map(value).collect();
            size +=
                line.iter().map(|value| 3 + value.as_ref().map_or(2, String::len)).sum::<usize>();
            values.push(line);
        }
        if size <= BUDGET {
            break;
        }
    }
    values
}

fn clusterings(context: &ReportContext<'_>) -> Vec<Clustering> {
    let clustering = |(index, clustering): (usize, &anomal_core::proto::Clustering)| Clustering {
        k: clustering.k,
        height: clustering.height,
        // The same text as in the chart.
        cut: charts::format_cut(clustering.height),
        labels: context
            .view
            .points
            .iter()
            .map(|point| point.labels.get(index).copied().unwrap_or(0))
            .collect(),
        leaves: leaves(context, index),
        sizes: clustering.sizes.iter().map(|&size| numbers::count(size)).collect(),
        shares: shares(&clustering.sizes),
        suspicious: suspicious(context, index, clustering.sizes.len())
            .into_iter()
            .map(numbers::count)
            .collect(),
        words: phrases::silhouette(clustering.silhouette),
    };
    context.clusterings().iter().enumerate().map(clustering).collect()
}

fn shares(sizes: &[u64]) -> Vec<String> {
    let all = sizes.iter().sum();
    sizes.iter().map(|&size| numbers::share(size, all)).collect()
}

fn leaves(context: &ReportContext<'_>, clustering: usize) -> Vec<u32> {
    let labels = context.view.leaf_labels.get(clustering);
    let order =
        context.analysis.and_then(|analysis| analysis.dendrogram.as_ref()).map(|tree| &tree.order);
    let (Some(labels), Some(order)) = (labels, order) else { return Vec::new() };
    let label = |&leaf: &u32| usize::try_from(leaf).ok().and_then(|leaf| labels.get(leaf)).copied();
    order.iter().map(|leaf| label(leaf).unwrap_or(0)).collect()
}

/// The number of suspicious points in each cluster of a clustering.
pub fn suspicious(context: &ReportContext<'_>, clustering: usize, clusters: usize) -> Vec<u64> {
    let mut counts = vec![0; clusters];
    for point in context.view.points.iter().filter(|point| point.suspicious) {
        let label = point.labels.get(clustering).copied().unwrap_or(0);
        let index = usize::try_from(label).unwrap_or(0).checked_sub(1);
        if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_block_cannot_end_its_element() {
        assert_eq!(
            escape_json("[\"</script><!--&\u{2028}\"]"),
            "[\"\\u003c/script\\u003e\\u003c!--\\u0026\\u2028\"]"
        );
    }
}
