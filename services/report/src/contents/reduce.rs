//! Reduces an analysis to what the pages draw: its size does not depend on the number of rows.

use anomal_core::{
    Result,
    proto::{Analysis, map},
};

use super::{invalid, leaf_labels::leaf_labels, result_table::ResultTable};
use crate::{
    charts,
    view::{LEAVES, Point},
};

/// Points of a map, without the suspicious ones.
const POINTS: usize = 3_000;
/// Suspicious points of a map.
const SUSPICIOUS: usize = 1_000;

/// An analysis without labels per row, its dendrogram truncated.
#[derive(Default)]
pub(super) struct ReducedAnalysis {
    pub analysis: Option<Analysis>,
    /// Without their features.
    pub points: Vec<Point>,
    pub leaf_labels: Vec<Vec<u32>>,
    pub cut: Option<f64>,
}

/// # Errors
/// `InvalidRequest` if the analysis belongs to another table.
pub(super) fn reduce(analysis: Option<Analysis>, table: &ResultTable) -> Result<ReducedAnalysis> {
    let Some(mut analysis) = analysis else { return Ok(ReducedAnalysis::default()) };
    let height = table.rows.len();
    if analysis.clusterings.iter().any(|clustering| clustering.labels.len() != height) {
        return Err(invalid("its clusters have another number of rows"));
    }
    let cut = analysis.threshold.as_ref().and_then(|threshold| threshold.cut);
    let points = analysis.map.as_mut().map(|map| std::mem::take(&mut map.points));
    let points = sample(points.unwrap_or_default(), table, &analysis);
    let mut labels = Vec::new();
    if let Some(tree) = &analysis.dendrogram {
        let tree = charts::truncate(tree, LEAVES);
        labels = leaf_labels(&tree, &analysis.clusterings, |row| table.index(row));
        analysis.dendrogram = Some(tree);
    }
    for clustering in &mut analysis.clusterings {
        clustering.labels = Vec::new();
    }
    Ok(ReducedAnalysis { analysis: Some(analysis), points, leaf_labels: labels, cut })
}

/// The most suspicious points, up to a bound, and others spread evenly over the rows.
fn sample(points: Vec<map::Point>, table: &ResultTable, analysis: &Analysis) -> Vec<Point> {
    let indexed = points.into_iter().filter_map(|point| Some((table.index(point.row)?, point)));
    let (mut suspects, others): (Vec<_>, Vec<_>) =
        indexed.partition(|(index, _)| table.suspicious[*index]);
    suspects.sort_by(|a, b| {
        let score = |index: usize| table.score(index).unwrap_or(f64::NEG_INFINITY);
        score(b.0).total_cmp(&score(a.0)).then(a.0.cmp(&b.0))
    });
    suspects.truncate(SUSPICIOUS);
    let step = others.len().div_ceil(POINTS).max(1);
    let mut sample: Vec<_> = others.into_iter().step_by(step).chain(suspects).collect();
    sample.sort_by_key(|(index, _)| *index);
    let point = |(index, point): (usize, map::Point)| Point {
        row: point.row,
        x: point.x,
        y: point.y,
        count: point.count,
        suspicious: table.suspicious[index],
        score: table.score(index),
        labels: analysis.clusterings.iter().map(|clustering| clustering.labels[index]).collect(),
        features: Vec::new(),
    };
    sample.into_iter().map(point).collect()
}
