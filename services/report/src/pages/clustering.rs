//! Section 1: who is near whom. The map, its clusters, the tree they come from, similarities, scores.

use anomal_core::{
    Result,
    proto::{Analysis, Clustering},
};
use askama::Template;

use super::{
    Content, Markup, Shown,
    figure::{About, figure},
    frame, map_data, numbers, text, words,
};
use crate::charts;

struct Cluster {
    label: usize,
    size: String,
    share: String,
    suspicious: String,
    /// Of another clustering, for the script to show.
    hidden: bool,
}

struct Slider {
    least: u32,
    most: u32,
    now: u32,
    words: String,
}

#[derive(Template)]
#[template(path = "clustering.html")]
struct Section {
    level: u8,
    is_file: bool,
    /// Why there is no map, where there is none.
    without: Option<Markup>,
    slider: Option<Slider>,
    clusters: Vec<Cluster>,
    clusters_help: String,
    stress: Option<String>,
    representatives: Option<Markup>,
    map: Markup,
    dendrogram: Markup,
    silhouettes: Markup,
    heatmap: Markup,
    scores: Markup,
    data: Markup,
}

/// The page; `clusters` is how many the address asks for.
pub fn page(shown: &Shown<'_>, clusters: Option<u32>) -> Result<Content> {
    Ok(Content {
        title: "Clustering".to_owned(),
        bar: Some(frame::Bar::of(shown, "clustering")),
        body: section(shown, clusters)?,
    })
}

/// The clustering that is shown first: the one asked for, or the one that stands apart best.
fn chosen(clusterings: &[Clustering], clusters: Option<u32>) -> Option<usize> {
    let asked = clusters.and_then(|k| clusterings.iter().position(|one| one.k == k));
    let silhouette = |one: &Clustering| one.silhouette.filter(|s| s.is_finite()).unwrap_or(-2.0);
    let best = || {
        let ordered = clusterings.iter().enumerate().rev();
        ordered.max_by(|a, b| silhouette(a.1).total_cmp(&silhouette(b.1))).map(|(place, _)| place)
    };
    asked.or_else(best)
}

pub fn section(shown: &Shown<'_>, clusters: Option<u32>) -> Result<Markup> {
    let clusterings = shown.clusterings();
    let chosen = chosen(clusterings, clusters);
    let map = shown.analysis.and_then(|analysis| analysis.map.as_ref());
    let has_map = map.is_some() && !shown.view.points.is_empty();
    let draw = |about: &About<'_>, svg: String| figure(shown, about, svg);
    Markup::of(&Section {
        level: shown.level,
        is_file: shown.links.is_file(),
        without: (!has_map && chosen.is_none()).then(|| without(shown)),
        slider: chosen.and_then(|place| slider(clusterings, place)),
        clusters: chosen.map_or_else(Vec::new, |place| legend(shown, place)),
        clusters_help: shown.links.help("clusters"),
        stress: map.map(|map| words::stress(map.stress)),
        representatives: shown
            .analysis
            .and_then(|analysis| analysis.representatives.as_ref())
            .map(|some| text::bdi(&some.message, 4 * text::CELL)),
        map: if has_map {
            let svg = charts::map(&shown.view.points, chosen, shown.links.rows().as_deref());
            draw(&MAP, svg)?
        } else {
            Markup::default()
        },
        dendrogram: dendrogram(shown, chosen)?,
        silhouettes: if clusterings.len() > 1 {
            draw(&SILHOUETTES, charts::silhouettes(clusterings))?
        } else {
            Markup::default()
        },
        heatmap: match shown.analysis.and_then(|analysis| analysis.heatmap.as_ref()) {
            Some(heatmap) if !heatmap.rows.is_empty() => draw(&HEATMAP, charts::heatmap(heatmap))?,
            _ => Markup::default(),
        },
        scores: match &shown.view.scores {
            Some(scores) => draw(&SCORES, charts::scores(scores))?,
            None => Markup::default(),
        },
        data: if has_map { map_data::block(shown) } else { Markup::default() },
    })
}

const MAP: About<'_> = About {
    id: None,
    anchor: "map",
    title: "Map of the rows",
    caption: "Rows that stand near each other are alike; a ring marks a suspicious one.",
    class: "map",
    scrolls: false,
};
const DENDROGRAM: About<'_> = About {
    id: None,
    anchor: "dendrogram",
    title: "Dendrogram",
    caption: "The lower two branches join, the more alike they are; the dashed line cuts the tree \
              into the clusters.",
    class: "dendrogram",
    scrolls: true,
};
const SILHOUETTES: About<'_> = About {
    id: None,
    anchor: "silhouette",
    title: "Silhouette by number of clusters",
    caption: "The higher, the better the clusters of that number stand apart.",
    class: "silhouettes",
    scrolls: true,
};
const HEATMAP: About<'_> = About {
    id: None,
    anchor: "similarity-heatmap",
    title: "Similarity heatmap",
    caption: "Each row against each other in the order of the dendrogram: bright squares along \
              the diagonal are clusters.",
    class: "heatmap",
    scrolls: false,
};
const SCORES: About<'_> = About {
    id: None,
    anchor: "scores",
    title: "Scores of all rows",
    caption: "How many rows have which score; those right of the line are suspicious.",
    class: "scores",
    scrolls: true,
};

fn dendrogram(shown: &Shown<'_>, chosen: Option<usize>) -> Result<Markup> {
    let tree = shown.analysis.and_then(|analysis: &Analysis| analysis.dendrogram.as_ref());
    let Some(tree) = tree.filter(|tree| !tree.merges.is_empty()) else {
        return Ok(Markup::default());
    };
    let heights: Vec<f64> = shown.clusterings().iter().map(|one| one.height).collect();
    let svg = charts::dendrogram(tree, &shown.view.leaf_labels, chosen, &heights);
    figure(shown, &DENDROGRAM, svg)
}

fn slider(clusterings: &[Clustering], place: usize) -> Option<Slider> {
    let (first, last, now) = (clusterings.first()?, clusterings.last()?, clusterings.get(place)?);
    Some(Slider {
        least: first.k,
        most: last.k,
        now: now.k,
        words: words::silhouette(now.silhouette),
    })
}

/// The clusters as a table, with lines for those that the slider may bring.
fn legend(shown: &Shown<'_>, place: usize) -> Vec<Cluster> {
    let clusterings = shown.clusterings();
    let Some(now) = clusterings.get(place) else { return Vec::new() };
    let most = clusterings.iter().map(|one| one.sizes.len()).max().unwrap_or(0);
    let rows: u64 = now.sizes.iter().sum();
    let suspicious = map_data::suspicious(shown, place, most);
    (0..most)
        .map(|cluster| {
            let size = now.sizes.get(cluster).copied();
            Cluster {
                label: cluster + 1,
                size: size.map_or_else(String::new, numbers::count),
                share: size.map_or_else(String::new, |size| numbers::share(size, rows)),
                suspicious: numbers::count(suspicious.get(cluster).copied().unwrap_or(0)),
                hidden: size.is_none(),
            }
        })
        .collect()
}

/// Why there is no map, and what would give one.
fn without(shown: &Shown<'_>) -> Markup {
    Markup::trusted(format!(
        "{} scores rows without grouping them, so there is no map, no dendrogram and no heatmap. \
         <code>Gower</code> gives all three.",
        text::name(&shown.report.engine)
    ))
}
