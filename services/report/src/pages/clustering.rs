//! Section 1: map, clusters, dendrogram, similarities and scores of the rows.

use anomal_core::{
    Result,
    proto::{Analysis, Clustering},
};
use askama::Template;

use super::{
    Content, Markup, ReportContext,
    format::{numbers, phrases, text},
    layout::{
        figure::{FigureSpec, figure},
        frame::ReportBar,
    },
    map_data,
};
use crate::charts;

struct ClusterRow {
    label: usize,
    size: String,
    share: String,
    suspicious: String,
    /// Belongs to another clustering; the script shows it.
    hidden: bool,
}

struct Slider {
    min: u32,
    max: u32,
    value: u32,
    quality: String,
}

#[derive(Template)]
#[template(path = "clustering.html")]
struct Section {
    level: u8,
    is_file: bool,
    /// Why there is no map, if there is none.
    no_map: Option<Markup>,
    slider: Option<Slider>,
    clusters: Vec<ClusterRow>,
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

/// The page. `clusters`: the number of clusters in the URL.
pub fn page(context: &ReportContext<'_>, clusters: Option<u32>) -> Result<Content> {
    Ok(Content {
        title: "Clustering".to_owned(),
        bar: Some(ReportBar::new(context, "explain/clusters")),
        body: section(context, clusters)?,
    })
}

/// The index of the clustering with this number of clusters, or else of the one with the best silhouette.
fn select_clustering(clusterings: &[Clustering], clusters: Option<u32>) -> Option<usize> {
    let selected =
        clusters.and_then(|k| clusterings.iter().position(|clustering| clustering.k == k));
    let silhouette = |clustering: &Clustering| {
        clustering.silhouette.filter(|silhouette| silhouette.is_finite()).unwrap_or(-2.0)
    };
    let best = || {
        let reversed = clusterings.iter().enumerate().rev();
        reversed.max_by(|a, b| silhouette(a.1).total_cmp(&silhouette(b.1))).map(|(index, _)| index)
    };
    selected.or_else(best)
}

pub fn section(context: &ReportContext<'_>, clusters: Option<u32>) -> Result<Markup> {
    let clusterings = context.clusterings();
    let selected = select_clustering(clusterings, clusters);
    let map = context.analysis.and_then(|analysis| analysis.map.as_ref());
    let has_map = map.is_some() && !context.view.points.is_empty();
    let draw = |spec: &FigureSpec<'_>, svg: String| figure(context, spec, svg);
    Markup::from_template(&Section {
        level: context.level,
        is_file: context.links.is_file(),
        no_map: (!has_map && selected.is_none()).then(|| no_map(context)),
        slider: selected.and_then(|index| slider(clusterings, index)),
        clusters: selected.map_or_else(Vec::new, |index| cluster_rows(context, index)),
        clusters_help: context.links.help("clusters"),
        stress: map.map(|map| phrases::stress(map.stress)),
        representatives: context
            .analysis
            .and_then(|analysis| analysis.representatives.as_ref())
            .map(|found| text::bdi(&found.message, 4 * text::CELL)),
        map: if has_map {
            let svg = charts::map(&context.view.points, selected, context.links.rows().as_deref());
            draw(&MAP, svg)?
        } else {
            Markup::default()
        },
        dendrogram: dendrogram(context, selected)?,
        silhouettes: if clusterings.len() > 1 {
            draw(&SILHOUETTES, charts::silhouettes(clusterings))?
        } else {
            Markup::default()
        },
        heatmap: match context.analysis.and_then(|analysis| analysis.heatmap.as_ref()) {
            Some(heatmap) if !heatmap.rows.is_empty() => draw(&HEATMAP, charts::heatmap(heatmap))?,
            _ => Markup::default(),
        },
        scores: match &context.view.scores {
            Some(scores) => draw(&SCORES, charts::scores(scores))?,
            None => Markup::default(),
        },
        data: if has_map { map_data::block(context) } else { Markup::default() },
    })
}

const MAP: FigureSpec<'_> = FigureSpec {
    id: None,
    anchor: "map",
    title: "Map of the rows",
    caption: "Rows close to each other are similar; a ring marks a suspicious row.",
    class: "map",
    scrolls: false,
};
const DENDROGRAM: FigureSpec<'_> = FigureSpec {
    id: None,
    anchor: "dendrogram",
    title: "Dendrogram",
    caption: "The lower two branches join, the more similar their rows; the dashed line cuts the \
              tree into the clusters.",
    class: "dendrogram",
    scrolls: true,
};
const SILHOUETTES: FigureSpec<'_> = FigureSpec {
    id: None,
    anchor: "silhouette",
    title: "Silhouette by number of clusters",
    caption: "The higher the silhouette, the better the clusters are separated.",
    class: "silhouettes",
    scrolls: true,
};
const HEATMAP: FigureSpec<'_> = FigureSpec {
    id: None,
    anchor: "similarity-heatmap",
    title: "Similarity heatmap",
    caption: "Each row against each other, in the order of the dendrogram: bright squares along \
              the diagonal are clusters.",
    class: "heatmap",
    scrolls: false,
};
const SCORES: FigureSpec<'_> = FigureSpec {
    id: None,
    anchor: "scores",
    title: "Scores of all rows",
    caption: "The number of rows by score; those right of the line are suspicious.",
    class: "scores",
    scrolls: true,
};

fn dendrogram(context: &ReportContext<'_>, selected: Option<usize>) -> Result<Markup> {
    let tree = context.analysis.and_then(|analysis: &Analysis| analysis.dendrogram.as_ref());
    let Some(tree) = tree.filter(|tree| !tree.merges.is_empty()) else {
        return Ok(Markup::default());
    };
    let heights: Vec<f64> =
        context.clusterings().iter().map(|clustering| clustering.height).collect();
    let svg = charts::dendrogram(tree, &context.view.leaf_labels, selected, &heights);
    figure(context, &DENDROGRAM, svg)
}

fn slider(clusterings: &[Clustering], selected: usize) -> Option<Slider> {
    let (first, last) = (clusterings.first()?, clusterings.last()?);
    let selected = clusterings.get(selected)?;
    Some(Slider {
        min: first.k,
        max: last.k,
        value: selected.k,
        quality: phrases::silhouette(selected.silhouette),
    })
}

/// The table of clusters, with hidden rows for clusterings with more clusters.
fn cluster_rows(context: &ReportContext<'_>, selected: usize) -> Vec<ClusterRow> {
    let clusterings = context.clusterings();
    let Some(clustering) = clusterings.get(selected) else { return Vec::new() };
    let most = clusterings.iter().map(|other| other.sizes.len()).max().unwrap_or(0);
    let rows: u64 = clustering.sizes.iter().sum();
    let suspicious = map_data::suspicious(context, selected, most);
    (0..most)
        .map(|cluster| {
            let size = clustering.sizes.get(cluster).copied();
            ClusterRow {
                label: cluster + 1,
                size: size.map_or_else(String::new, numbers::count),
                share: size.map_or_else(String::new, |size| numbers::share(size, rows)),
                suspicious: numbers::count(suspicious.get(cluster).copied().unwrap_or(0)),
                hidden: size.is_none(),
            }
        })
        .collect()
}

/// Why there is no map, and which detector draws one.
fn no_map(context: &ReportContext<'_>) -> Markup {
    Markup::trusted(format!(
        "{} scores rows without grouping them, so there is no map, no dendrogram and no heatmap. \
         <code>Gower</code> draws all three.",
        text::name(&context.report.engine)
    ))
}
