//! The dendrogram: the merges of rows into clusters, and the height at which the tree is cut.

use std::fmt::Write as _;

use anomal_core::proto::Dendrogram;

use super::{
    palette,
    scale::{Scale, count, rows, tick, ticks},
    svg::{Number, Svg, empty_chart},
    tree::{Tree, index},
};

const WIDTH: f64 = 640.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 630.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 300.0;
/// The most leaves with labels.
const LABELS: usize = 60;

/// A height as in the label of the cut.
pub fn format_cut(height: f64) -> String {
    Number(height).to_string()
}

/// A (truncated) dendrogram, the root on top. `labels`: the cluster of each leaf in each clustering; `heights`: the
/// height at which each clustering cuts the tree.
///
/// Branches whose leaves belong to one cluster have its class. For the script, which recolours the branches and moves
/// the cut (the group of class `cutting`), each branch has `data-leaves="a-b"`, the positions of its leaves from the
/// left; counts have `data-leaf`, the leaf's number; the root has `data-scale="y0 y1"` (y of height 0 and of the
/// largest height) and `data-top`, the largest height.
pub fn dendrogram(
    tree: &Dendrogram,
    labels: &[Vec<u32>],
    clustering: Option<usize>,
    heights: &[f64],
) -> String {
    let Some(layout) = Tree::from_dendrogram(tree) else {
        return empty_chart("no rows were merged");
    };
    if layout.leaves < 2 {
        return empty_chart("all rows are equal");
    }
    let top = layout.top();
    let leaves = clustering.and_then(|k| labels.get(k)).map(Vec::as_slice).unwrap_or_default();
    // In leaf order.
    let clusters: Vec<u32> =
        tree.order.iter().map(|leaf| leaves.get(index(*leaf)).copied().unwrap_or(0)).collect();
    let cut = clustering.and_then(|k| heights.get(k)).copied().filter(|height| height.is_finite());
    let total: u64 = tree.leaf_counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
    let mut label = format!("Dendrogram of {} in {} groups", rows(total), layout.leaves);
    if let Some(cut) = cut {
        let _ = write!(label, ", cut at height {}", Number(cut));
    }
    label.push('.');
    let data = [
        ("data-scale", format!("{} {}", Number(BOTTOM), Number(TOP))),
        ("data-top", format!("{top}")),
    ];
    let data: Vec<(&str, &str)> =
        data.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let height = if layout.leaves <= LABELS { BOTTOM + 58.0 } else { BOTTOM + 12.0 };
    let mut svg = Svg::with_role(WIDTH, height, &label, "img", &data);

    let y = Scale::new((0.0, top), (BOTTOM, TOP));
    axis(&mut svg, &y, top);
    branches(&mut svg, &layout, &clusters, &y);
    if layout.leaves <= LABELS {
        counts(&mut svg, tree, &layout);
    }
    if let Some(cut) = cut {
        let at = y.at(cut);
        svg.group("cutting");
        svg.tag("line")
            .class("cut")
            .number("x1", LEFT)
            .number("y1", at)
            .number("x2", RIGHT)
            .number("y2", at)
            .attribute("stroke-dasharray", "5 4")
            .empty();
        let text = format!("cut at {}", format_cut(cut));
        // A wider copy in the surface's colour below keeps branches from crossing the text.
        svg.label("halo", RIGHT, at - 5.0, "end")
            .number("stroke-width", 4.0)
            .attribute("stroke-linejoin", "round")
            .attribute("aria-hidden", "true")
            .content(&text);
        svg.text("ink", RIGHT, at - 5.0, "end", &text);
        svg.close();
    }
    svg.finish()
}

fn axis(svg: &mut Svg, y: &Scale, top: f64) {
    let (values, step) = ticks(0.0, top, 5);
    for value in values {
        let at = y.at(value);
        svg.line("grid", (LEFT, at), (RIGHT, at));
        svg.text("", LEFT - 8.0, at + 4.0, "end", &tick(value, step));
    }
    svg.text("", 4.0, 11.0, "start", "distance");
}

fn column(leaves: usize) -> f64 {
    (RIGHT - LEFT) / leaves as f64
}

fn branches(svg: &mut Svg, layout: &Tree, clusters: &[u32], y: &Scale) {
    let column = column(layout.leaves);
    let x = |position: f64| LEFT + (position + 0.5) * column;
    let class = |span: (usize, usize)| match common_cluster(clusters, span) {
        Some(cluster) => palette::cluster(cluster),
        None => "branch".into(),
    };
    let path = |svg: &mut Svg, span: (usize, usize), line: String| {
        svg.tag("path")
            .class(&class(span))
            .attribute("data-leaves", &format!("{}-{}", span.0, span.1))
            .attribute("d", &line)
            .empty();
    };
    svg.tag("g")
        .attribute("fill", "none")
        .number("stroke-width", 1.5)
        .attribute("stroke-linecap", "square")
        .open();
    for node in &layout.nodes {
        let Some((left, right)) = node.children else { continue };
        let (Some(left), Some(right)) = (layout.nodes.get(left), layout.nodes.get(right)) else {
            continue;
        };
        let bar = y.at(node.height);
        path(
            svg,
            node.span,
            format!("M{} {}H{}", Number(x(left.position)), Number(bar), Number(x(right.position))),
        );
        for child in [left, right] {
            let from = y.at(child.height);
            path(
                svg,
                child.span,
                format!("M{} {}V{}", Number(x(child.position)), Number(from), Number(bar)),
            );
        }
    }
    svg.close();
}

/// The cluster to which all these leaves belong.
fn common_cluster(clusters: &[u32], (from, to): (usize, usize)) -> Option<u32> {
    let leaves = clusters.get(from..=to)?;
    let first = *leaves.first()?;
    (first > 0 && leaves.iter().all(|cluster| *cluster == first)).then_some(first)
}

/// The number of rows of each leaf, written upwards.
fn counts(svg: &mut Svg, tree: &Dendrogram, layout: &Tree) {
    let column = column(layout.leaves);
    svg.tag("g").number("font-size", 11.0).open();
    for (position, leaf) in tree.order.iter().enumerate() {
        let number = tree.leaf_counts.get(index(*leaf)).copied().unwrap_or(0);
        let row = tree.leaf_rows.get(index(*leaf)).copied().unwrap_or(0);
        let (x, y) = (LEFT + (position as f64 + 0.5) * column + 4.0, BOTTOM + 8.0);
        svg.tag("text")
            .attribute("transform", &format!("translate({} {})rotate(-90)", Number(x), Number(y)))
            .attribute("text-anchor", "end")
            .attribute("data-leaf", &leaf.to_string())
            .open();
        svg.title(&match number {
            0 | 1 => format!("row {row}"),
            rows => format!("row {row} and {} more", count(rows - 1)),
        });
        svg.content(&format!("({number})"));
        svg.close();
    }
    svg.close();
}
