//! What is drawn of an analysis: small, whatever the number of rows.

use anomal_core::{Result, proto::Analysis};

use super::{invalid, suspects::Results, tree::leaf_labels};
use crate::{
    charts,
    view::{LEAVES, Point},
};

/// Points of a map, suspicious ones not counted.
const POINTS: usize = 3_000;
/// Suspicious points of a map.
const SUSPICIOUS: usize = 1_000;

/// An analysis with what depends on the number of rows taken out.
#[derive(Default)]
pub(super) struct Picture {
    pub analysis: Option<Analysis>,
    /// Without their features.
    pub points: Vec<Point>,
    pub labels: Vec<Vec<u32>>,
    pub cut: Option<f64>,
}

/// # Errors
/// `InvalidRequest` if the analysis is of another table.
pub(super) fn draw(analysis: Option<Analysis>, table: &Results) -> Result<Picture> {
    let Some(mut analysis) = analysis else { return Ok(Picture::default()) };
    let height = table.rows.len();
    if analysis.clusterings.iter().any(|known| known.labels.len() != height) {
        return Err(invalid("its clusters are of another number of rows"));
    }
    let cut = analysis.threshold.as_ref().and_then(|threshold| threshold.cut);
    let points = analysis.map.as_mut().map(|map| std::mem::take(&mut map.points));
    let points = chosen(points.unwrap_or_default(), table, &analysis);
    let mut labels = Vec::new();
    if let Some(tree) = &analysis.dendrogram {
        let tree = charts::truncate(tree, LEAVES);
        labels = leaf_labels(&tree, &analysis.clusterings, |row| table.place(row));
        analysis.dendrogram = Some(tree);
    }
    analysis.clusterings.iter_mut().for_each(|known| known.labels = Vec::new());
    Ok(Picture { analysis: Some(analysis), points, labels, cut })
}

/// All suspicious points, up to a bound, and others evenly spread over the rows.
fn chosen(
    points: Vec<anomal_core::proto::map::Point>,
    table: &Results,
    analysis: &Analysis,
) -> Vec<Point> {
    let placed = points.into_iter().filter_map(|point| Some((table.place(point.row)?, point)));
    let suspicious = |place: &usize| table.suspicious[*place];
    let (mut suspects, others): (Vec<_>, Vec<_>) = placed.partition(|known| suspicious(&known.0));
    suspects.sort_by(|a, b| {
        let score = |place: usize| table.score(place).unwrap_or(f64::NEG_INFINITY);
        score(b.0).total_cmp(&score(a.0)).then(a.0.cmp(&b.0))
    });
    suspects.truncate(SUSPICIOUS);
    let step = others.len().div_ceil(POINTS).max(1);
    let mut chosen: Vec<_> = others.into_iter().step_by(step).chain(suspects).collect();
    chosen.sort_by_key(|known| known.0);
    let point = |(place, point): (usize, anomal_core::proto::map::Point)| Point {
        row: point.row,
        x: point.x,
        y: point.y,
        count: point.count,
        suspicious: table.suspicious[place],
        score: table.score(place),
        labels: analysis.clusterings.iter().map(|known| known.labels[place]).collect(),
        features: Vec::new(),
    };
    chosen.into_iter().map(point).collect()
}
