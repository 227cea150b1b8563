//! What the script knows of the map and the dendrogram: a block of data, not of code.

use serde::Serialize;

use super::{Markup, Shown, numbers, text, words};
use crate::charts;

/// What hover texts may take at most, and how long a value is while they take less.
const BUDGET: usize = 600_000;
const LENGTHS: [usize; 4] = [80, 40, 20, 10];
/// Features that the card of a point shows.
const FEATURES: usize = 12;

#[derive(Serialize)]
struct Data {
    /// Names of the features that are shown, and how many are left off.
    features: Vec<String>,
    left_off: usize,
    rows: Vec<u64>,
    counts: Vec<u64>,
    suspicious: Vec<u8>,
    scores: Vec<Option<String>>,
    /// For each point, its values; null: missing.
    values: Vec<Vec<Option<String>>>,
    clusterings: Vec<Clustering>,
}

#[derive(Serialize)]
struct Clustering {
    k: u32,
    height: f64,
    /// The height in words.
    cut: String,
    /// For each point.
    labels: Vec<u32>,
    /// For each leaf of the dendrogram, as they stand side by side.
    leaves: Vec<u32>,
    sizes: Vec<String>,
    shares: Vec<String>,
    /// Suspicious rows of each cluster.
    suspicious: Vec<String>,
    words: String,
}

/// The block.
pub fn block(shown: &Shown<'_>) -> Markup {
    let json = serde_json::to_string(&data(shown)).unwrap_or_else(|_| "null".to_owned());
    Markup::trusted(format!(
        "<script type=\"application/json\" id=\"map-data\">{}</script>",
        harmless(&json)
    ))
}

/// JSON that can't end the element it stands in, nor a line of it.
fn harmless(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

fn data(shown: &Shown<'_>) -> Data {
    let points = &shown.view.points;
    let chosen = chosen(shown);
    let names = shown.feature_names();
    Data {
        features: chosen
            .iter()
            .filter_map(|&place| names.get(place))
            .map(|name| text::short(name, text::CELL))
            .collect(),
        left_off: names.len().saturating_sub(chosen.len()),
        rows: points.iter().map(|point| point.row).collect(),
        counts: points.iter().map(|point| point.count).collect(),
        suspicious: points.iter().map(|point| u8::from(point.suspicious)).collect(),
        scores: points
            .iter()
            .map(|point| point.score.map(|score| numbers::fixed(score, 3)))
            .collect(),
        values: values(shown, &chosen),
        clusterings: clusterings(shown),
    }
}

/// The features of the card: the most telling ones, in feature order.
fn chosen(shown: &Shown<'_>) -> Vec<usize> {
    let all = shown.report.features.len();
    let mut places: Vec<usize> = (0..all).collect();
    if all > FEATURES {
        let weight = |place: usize| {
            shown
                .analysis
                .and_then(|analysis| analysis.features.get(place))
                .map_or(0.0, |feature| feature.mean_contribution_suspicious)
        };
        places.sort_by(|&a, &b| weight(b).total_cmp(&weight(a)));
        places.truncate(FEATURES);
        places.sort_unstable();
    }
    places
}

/// The values, the shorter the more there are.
fn values(shown: &Shown<'_>, chosen: &[usize]) -> Vec<Vec<Option<String>>> {
    let mut values = Vec::new();
    for length in LENGTHS {
        let mut size = 0;
        values.clear();
        for point in &shown.view.points {
            let value = |&place: &usize| {
                let value = point.features.get(place)?.as_deref()?;
                Some(text::short(value, length))
            };
            let line: Vec<Option<String>> = chosen.iter().map(value).collect();
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

fn clusterings(shown: &Shown<'_>) -> Vec<Clustering> {
    let clustering = |(place, clustering): (usize, &anomal_core::proto::Clustering)| Clustering {
        k: clustering.k,
        height: clustering.height,
        // As the picture has it.
        cut: charts::cut(clustering.height),
        labels: shown
            .view
            .points
            .iter()
            .map(|point| point.labels.get(place).copied().unwrap_or(0))
            .collect(),
        leaves: leaves(shown, place),
        sizes: clustering.sizes.iter().map(|&size| numbers::count(size)).collect(),
        shares: shares(&clustering.sizes),
        suspicious: suspicious(shown, place, clustering.sizes.len())
            .into_iter()
            .map(numbers::count)
            .collect(),
        words: words::silhouette(clustering.silhouette),
    };
    shown.clusterings().iter().enumerate().map(clustering).collect()
}

fn shares(sizes: &[u64]) -> Vec<String> {
    let all = sizes.iter().sum();
    sizes.iter().map(|&size| numbers::share(size, all)).collect()
}

fn leaves(shown: &Shown<'_>, clustering: usize) -> Vec<u32> {
    let labels = shown.view.leaf_labels.get(clustering);
    let order =
        shown.analysis.and_then(|analysis| analysis.dendrogram.as_ref()).map(|tree| &tree.order);
    let (Some(labels), Some(order)) = (labels, order) else { return Vec::new() };
    let label = |&leaf: &u32| usize::try_from(leaf).ok().and_then(|leaf| labels.get(leaf)).copied();
    order.iter().map(|leaf| label(leaf).unwrap_or(0)).collect()
}

/// Suspicious points of each cluster of a clustering; every suspicious row has one.
pub fn suspicious(shown: &Shown<'_>, clustering: usize, clusters: usize) -> Vec<u64> {
    let mut found = vec![0; clusters];
    for point in shown.view.points.iter().filter(|point| point.suspicious) {
        let label = point.labels.get(clustering).copied().unwrap_or(0);
        let place = usize::try_from(label).unwrap_or(0).checked_sub(1);
        if let Some(count) = place.and_then(|place| found.get_mut(place)) {
            *count += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_data_can_not_be_left() {
        assert_eq!(
            harmless("[\"</script><!--&\u{2028}\"]"),
            "[\"\\u003c/script\\u003e\\u003c!--\\u0026\\u2028\"]"
        );
    }
}
