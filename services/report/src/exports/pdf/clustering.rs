//! Section "Clustering": how rows stand to each other.

use anomal_core::proto::{Analysis, Clustering, Map};
use serde::Serialize;

use super::{data::chart, number, text, world::Files};
use crate::{charts, pages::format::phrases, view::View};

/// Sizes of clusters that are told.
const SIZES: usize = 8;

#[derive(Serialize)]
pub struct Clusters {
    /// Chart and what it shows.
    map: Option<(String, String)>,
    dendrogram: Option<(String, String)>,
    heatmap: Option<(String, String)>,
    silhouettes: Option<(String, String)>,
    /// k, silhouette, height, sizes.
    table: Vec<[String; 4]>,
    /// The place in the table of the clustering that charts show.
    chosen: Option<usize>,
    /// That not all rows were compared with all.
    note: Option<String>,
}

/// None where there is nothing to show of it.
pub fn of(analysis: &Analysis, view: &View, files: &mut Files) -> Option<Clusters> {
    let clusterings = &analysis.clusterings;
    let chosen = best(clusterings);
    let clusters = Clusters {
        map: (!view.points.is_empty()).then(|| {
            let svg = charts::map(&view.points, chosen, None);
            (chart(files, "map", &svg), map(analysis.map.as_ref(), view, chosen.map(|i| &clusterings[i])))
        }),
        dendrogram: analysis.dendrogram.as_ref().filter(|tree| !tree.merges.is_empty()).map(|tree| {
            let heights: Vec<f64> = clusterings.iter().map(|clustering| clustering.height).collect();
            let svg = charts::dendrogram(tree, &view.leaf_labels, chosen, &heights);
            (chart(files, "dendrogram", &svg), tree_words(chosen.map(|i| &clusterings[i])))
        }),
        heatmap: analysis.heatmap.as_ref().filter(|heatmap| !heatmap.rows.is_empty()).map(|heatmap| {
            let words = format!(
                "How similar {} are to each other, in the dendrogram's order: blocks along the diagonal are \
                 groups of rows that are alike, dark stripes are rows like no other.",
                number::rows(heatmap.rows.len() as u64)
            );
            (chart(files, "heatmap", &charts::heatmap(heatmap)), words)
        }),
        silhouettes: clusterings.iter().any(|clustering| clustering.silhouette.is_some()).then(|| {
            let words = "The mean silhouette tells how well clusters are kept apart: 1 is far apart, 0 is one on \
                         the other, below 0 is in the wrong cluster.";
            (chart(files, "silhouettes", &charts::silhouettes(clusterings)), words.to_owned())
        }),
        table: clusterings.iter().map(line).collect(),
        chosen,
        note: analysis.representatives.as_ref().map(|found| {
            format!(
                "{} {} of {} distinct rows stand for the others; none is further than {} from the one that \
                 stands for it.",
                text::sentence(&found.message),
                number::count(found.representatives),
                number::count(found.distinct_rows),
                number::float(found.radius)
            )
        }),
    };
    let empty = clusters.map.is_none()
        && clusters.dendrogram.is_none()
        && clusters.heatmap.is_none()
        && clusters.table.is_empty();
    (!empty).then_some(clusters)
}

/// The clustering with the largest silhouette; the first of equals, the first where none has one.
fn best(clusterings: &[Clustering]) -> Option<usize> {
    let mut best = None;
    for (place, clustering) in clusterings.iter().enumerate() {
        let silhouette =
            clustering.silhouette.filter(|found| found.is_finite()).unwrap_or(f64::NEG_INFINITY);
        if best.is_none_or(|(_, largest)| silhouette > largest) {
            best = Some((place, silhouette));
        }
    }
    best.map(|(place, _)| place)
}

fn line(clustering: &Clustering) -> [String; 4] {
    let mut sizes: Vec<String> =
        clustering.sizes.iter().take(SIZES).map(|size| number::count(*size)).collect();
    if clustering.sizes.len() > SIZES {
        sizes.push("…".to_owned());
    }
    [
        clustering.k.to_string(),
        clustering
            .silhouette
            .map_or_else(|| "–".to_owned(), |silhouette| format!("{silhouette:.3}")),
        number::float(clustering.height),
        sizes.join(" · "),
    ]
}

fn map(map: Option<&Map>, view: &View, clustering: Option<&Clustering>) -> String {
    let mut parts = vec!["Points that stand near each other are rows that are alike".to_owned()];
    parts.extend(clustering.map(|clustering| format!("colours are the {} clusters", clustering.k)));
    if view.points.iter().any(|point| point.suspicious) {
        parts.push("a red ring is a suspicious row".to_owned());
    }
    let seen = parts.join("; ");
    let Some(map) = map else { return format!("{seen}.") };
    let method = if map.method.is_empty() {
        String::new()
    } else {
        format!(" Made by {}.", text::value(&map.method))
    };
    format!("{seen}. {}{method}", phrases::stress(map.stress))
}

fn tree_words(clustering: Option<&Clustering>) -> String {
    let words = "From below: rows that are alike meet low, groups that differ meet high.";
    match clustering {
        Some(clustering) => format!("{words} Cut into {} clusters, as on the map.", clustering.k),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_clustering_has_the_largest_silhouette() {
        let clusterings = |found: &[Option<f64>]| -> Vec<Clustering> {
            found
                .iter()
                .map(|found| Clustering { silhouette: *found, ..Clustering::default() })
                .collect()
        };
        assert_eq!(best(&[]), None);
        assert_eq!(best(&clusterings(&[None, None])), Some(0));
        assert_eq!(
            best(&clusterings(&[Some(0.2), Some(0.7), None, Some(0.7), Some(f64::NAN)])),
            Some(1)
        );
    }
}
