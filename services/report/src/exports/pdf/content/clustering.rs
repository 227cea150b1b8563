//! Section "Clustering": how similar rows are to each other.

use anomal_core::{
    Result,
    proto::{Analysis, Clustering, Heatmap, Map, Representatives},
    words,
};

use super::{super::layout::chart::Chart, chart, text};
use crate::{charts, pages::format::phrases, view::View};

/// Cluster sizes listed in a line.
const SIZES: usize = 8;

pub struct Clusters {
    /// Chart and caption, as in the next three.
    pub map: Option<(Chart, String)>,
    pub dendrogram: Option<(Chart, String)>,
    pub heatmap: Option<(Chart, String)>,
    pub silhouettes: Option<(Chart, String)>,
    /// k, silhouette, height, sizes.
    pub table: Vec<[String; 4]>,
    /// Index in `table` of the clustering that the charts show.
    pub chosen: Option<usize>,
    /// Set where representatives were compared instead of all rows.
    pub note: Option<String>,
}

impl Clusters {
    /// None where the analysis has no clustering.
    ///
    /// # Errors
    /// `Internal` where a chart cannot be read.
    pub fn new(analysis: &Analysis, view: &View) -> Result<Option<Self>> {
        let clusterings = &analysis.clusterings;
        let chosen = best(clusterings);
        let clustering = chosen.and_then(|place| clusterings.get(place));
        let clusters = Self {
            map: (!view.points.is_empty())
                .then(|| {
                    let words = map_words(analysis.map.as_ref(), view, clustering);
                    figure(&charts::map(&view.points, chosen, None), words)
                })
                .transpose()?,
            dendrogram: analysis
                .dendrogram
                .as_ref()
                .filter(|tree| !tree.merges.is_empty())
                .map(|tree| {
                    let heights: Vec<f64> = clusterings.iter().map(|found| found.height).collect();
                    let svg = charts::dendrogram(tree, &view.leaf_labels, chosen, &heights);
                    figure(&svg, tree_words(clustering))
                })
                .transpose()?,
            heatmap: analysis
                .heatmap
                .as_ref()
                .filter(|heatmap| !heatmap.rows.is_empty())
                .map(|heatmap| figure(&charts::heatmap(heatmap), heatmap_words(heatmap)))
                .transpose()?,
            silhouettes: clusterings
                .iter()
                .any(|clustering| clustering.silhouette.is_some())
                .then(|| figure(&charts::silhouettes(clusterings), SILHOUETTES.to_owned()))
                .transpose()?,
            table: clusterings.iter().map(line).collect(),
            chosen,
            note: analysis.representatives.as_ref().map(representatives),
        };
        Ok((!clusters.is_empty()).then_some(clusters))
    }

    fn is_empty(&self) -> bool {
        self.map.is_none()
            && self.dendrogram.is_none()
            && self.heatmap.is_none()
            && self.table.is_empty()
    }
}

const SILHOUETTES: &str = "The mean silhouette is how well clusters are separated: 1 is far apart, 0 is one on the \
                           other, below 0 is in the wrong cluster.";

fn figure(svg: &str, words: String) -> Result<(Chart, String)> {
    Ok((chart(svg)?, words))
}

fn representatives(found: &Representatives) -> String {
    format!(
        "{} {} of {} distinct rows stand for the others; none is further than {} from the one that stands for it.",
        text::sentence(&found.message),
        words::grouped(found.representatives),
        words::grouped(found.distinct_rows),
        words::number(found.radius)
    )
}

fn heatmap_words(heatmap: &Heatmap) -> String {
    format!(
        "How similar {} are to each other, in the dendrogram's order: blocks along the diagonal are groups of rows \
         that are alike, dark stripes are rows like no other.",
        words::rows(heatmap.rows.len() as u64)
    )
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
        clustering.sizes.iter().take(SIZES).map(|size| words::grouped(*size)).collect();
    if clustering.sizes.len() > SIZES {
        sizes.push("…".to_owned());
    }
    [
        clustering.k.to_string(),
        clustering
            .silhouette
            .map_or_else(|| "–".to_owned(), |silhouette| format!("{silhouette:.3}")),
        words::number(clustering.height),
        sizes.join(" · "),
    ]
}

fn map_words(map: Option<&Map>, view: &View, clustering: Option<&Clustering>) -> String {
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
