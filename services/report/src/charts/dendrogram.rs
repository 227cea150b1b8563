//! The dendrogram: how rows are merged into ever larger groups, and where the tree is cut into clusters.

use std::fmt::Write as _;

use anomal_core::proto::Dendrogram;

use super::{
    palette,
    scale::{Scale, count, rows, tick, ticks},
    svg::{Number, Svg, nothing},
    tree::{Tree, index},
};

const WIDTH: f64 = 640.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 630.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 300.0;
/// Leaves beyond which their counts have no room.
const LABELS: usize = 60;

/// A height as the cut's words have it.
pub fn cut(height: f64) -> String {
    Number(height).to_string()
}

/// A (truncated) dendrogram, the root on top. `labels` has the cluster of each leaf in each clustering,
/// `heights` where each clustering cuts the tree.
///
/// Branches whose leaves are all of one cluster have its class. Each has `data-leaves="a-b"`, the leaves below it
/// as places from the left; leaves' counts have `data-leaf`, the leaf's number. The root has
/// `data-scale="y0 y1"` (y of height 0 and of the largest height) and `data-top`, the largest height: enough for
/// a script that recolours it and moves the cut (the group of class `cutting`).
pub fn dendrogram(
    tree: &Dendrogram,
    labels: &[Vec<u32>],
    clustering: Option<usize>,
    heights: &[f64],
) -> String {
    let Some(laid) = Tree::of(tree) else { return nothing("no rows were merged") };
    if laid.leaves < 2 {
        return nothing("all rows are alike");
    }
    let top = laid.top();
    let leaves = clustering.and_then(|k| labels.get(k)).map(Vec::as_slice).unwrap_or_default();
    // Along the leaf order.
    let clusters: Vec<u32> =
        tree.order.iter().map(|leaf| leaves.get(index(*leaf)).copied().unwrap_or(0)).collect();
    let cut = clustering.and_then(|k| heights.get(k)).copied().filter(|height| height.is_finite());
    let total: u64 = tree.leaf_counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
    let mut label = format!("Dendrogram of {} in {} groups", rows(total), laid.leaves);
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
    let height = if laid.leaves <= LABELS { BOTTOM + 58.0 } else { BOTTOM + 12.0 };
    let mut svg = Svg::with(WIDTH, height, &label, "img", &data);

    let y = Scale::new((0.0, top), (BOTTOM, TOP));
    axis(&mut svg, &y, top);
    branches(&mut svg, &laid, &clusters, &y);
    if laid.leaves <= LABELS {
        counts(&mut svg, tree, &laid);
    }
    if let Some(cut) = cut {
        let at = y.at(cut);
        svg.group("cutting");
        svg.tag("line")
            .class("cut")
            .num("x1", LEFT)
            .num("y1", at)
            .num("x2", RIGHT)
            .num("y2", at)
            .text("stroke-dasharray", "5 4")
            .empty();
        let words = format!("cut at {}", self::cut(cut));
        // A copy in the surface's colour below, wider: branches do not run through the words.
        svg.label("halo", RIGHT, at - 5.0, "end")
            .num("stroke-width", 4.0)
            .text("stroke-linejoin", "round")
            .text("aria-hidden", "true")
            .content(&words);
        svg.words("ink", RIGHT, at - 5.0, "end", &words);
        svg.close();
    }
    svg.finish()
}

fn axis(svg: &mut Svg, y: &Scale, top: f64) {
    let (values, step) = ticks(0.0, top, 5);
    for value in values {
        let at = y.at(value);
        svg.line("grid", (LEFT, at), (RIGHT, at));
        svg.words("", LEFT - 8.0, at + 4.0, "end", &tick(value, step));
    }
    svg.words("", 4.0, 11.0, "start", "distance");
}

fn column(leaves: usize) -> f64 {
    (RIGHT - LEFT) / leaves as f64
}

fn branches(svg: &mut Svg, laid: &Tree, clusters: &[u32], y: &Scale) {
    let column = column(laid.leaves);
    let x = |place: f64| LEFT + (place + 0.5) * column;
    let class = |span: (usize, usize)| match shared(clusters, span) {
        Some(cluster) => palette::cluster(cluster),
        None => "branch".into(),
    };
    let path = |svg: &mut Svg, span: (usize, usize), line: String| {
        svg.tag("path")
            .class(&class(span))
            .text("data-leaves", &format!("{}-{}", span.0, span.1))
            .text("d", &line)
            .empty();
    };
    svg.tag("g")
        .text("fill", "none")
        .num("stroke-width", 1.5)
        .text("stroke-linecap", "square")
        .open();
    for node in &laid.nodes {
        let Some((left, right)) = node.children else { continue };
        let (Some(left), Some(right)) = (laid.nodes.get(left), laid.nodes.get(right)) else {
            continue;
        };
        let bar = y.at(node.height);
        path(
            svg,
            node.span,
            format!("M{} {}H{}", Number(x(left.place)), Number(bar), Number(x(right.place))),
        );
        for child in [left, right] {
            let from = y.at(child.height);
            path(
                svg,
                child.span,
                format!("M{} {}V{}", Number(x(child.place)), Number(from), Number(bar)),
            );
        }
    }
    svg.close();
}

/// The cluster that all these leaves are of.
fn shared(clusters: &[u32], (from, to): (usize, usize)) -> Option<u32> {
    let leaves = clusters.get(from..=to)?;
    let first = *leaves.first()?;
    (first > 0 && leaves.iter().all(|cluster| *cluster == first)).then_some(first)
}

/// How many rows stand at each leaf, written upwards.
fn counts(svg: &mut Svg, tree: &Dendrogram, laid: &Tree) {
    let column = column(laid.leaves);
    svg.tag("g").num("font-size", 11.0).open();
    for (place, leaf) in tree.order.iter().enumerate() {
        let number = tree.leaf_counts.get(index(*leaf)).copied().unwrap_or(0);
        let row = tree.leaf_rows.get(index(*leaf)).copied().unwrap_or(0);
        let (x, y) = (LEFT + (place as f64 + 0.5) * column + 4.0, BOTTOM + 8.0);
        svg.tag("text")
            .text("transform", &format!("translate({} {})rotate(-90)", Number(x), Number(y)))
            .text("text-anchor", "end")
            .text("data-leaf", &leaf.to_string())
            .open();
        svg.title(&match number {
            0 | 1 => format!("row {row}"),
            many => format!("row {row} and {} more", count(many - 1)),
        });
        svg.characters(&format!("({number})"));
        svg.close();
    }
    svg.close();
}
