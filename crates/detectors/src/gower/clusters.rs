//! Clusterings for k = 2, 3, … from one tree, and their silhouettes.

use anomal_core::{Cancel, Result, proto::Clustering};
use rayon::prelude::*;

use super::{
    distances::row_to_run,
    encoding::EncodedRows,
    linkage::{Tree, by_size},
};

/// Silhouettes are taken over at most so many rows, evenly spaced.
const SILHOUETTE_ROWS: usize = 2_000;

/// A clustering for each k from 2 to `most`; `of_row` is the tree's leaf of each row.
pub(crate) fn clusterings(tree: &Tree, of_row: &[u32], most: usize) -> Vec<Clustering> {
    let clustering = |k: usize| {
        let (clusters, height) = tree.cut(k);
        let of_rows: Vec<u32> = of_row.iter().map(|leaf| clusters[*leaf as usize]).collect();
        let (labels, sizes) = by_size(&of_rows);
        let k = u32::try_from(k).unwrap_or(u32::MAX);
        Clustering { k, labels, sizes, height: f64::from(height), ..Clustering::default() }
    };
    (2..=most).into_par_iter().map(clustering).collect()
}

/// Adds the mean silhouette (Rousseeuw 1987, "Silhouettes: a graphical aid to the interpretation and
/// validation of cluster analysis") to each, over the rows' distinct rows `of_row`.
pub(crate) fn silhouettes(
    clusterings: &mut [Clustering],
    distinct: &EncodedRows,
    of_row: &[u32],
    cancel: &Cancel,
) -> Result<()> {
    let rows: Vec<usize> =
        (0..of_row.len()).step_by(of_row.len().div_ceil(SILHOUETTE_ROWS)).collect();
    let places: Vec<usize> = rows.iter().map(|row| of_row[*row] as usize).collect();
    let sample = distinct.select(&places);
    let values: Vec<Vec<Option<f64>>> = (0..rows.len())
        .into_par_iter()
        .map(|row| {
            cancel.check()?;
            let mut distances = vec![0.0_f32; rows.len()];
            row_to_run(&sample, row, &sample, 0, &mut distances);
            let value = |clustering: &Clustering| silhouette(row, &distances, &rows, clustering);
            Ok(clusterings.iter().map(value).collect())
        })
        .collect::<Result<_>>()?;
    for (index, clustering) in clusterings.iter_mut().enumerate() {
        let present: Vec<f64> = values.iter().filter_map(|row| row[index]).collect();
        if !present.is_empty() {
            clustering.silhouette = Some(present.iter().sum::<f64>() / present.len() as f64);
            clustering.silhouette_rows = present.len() as u64;
        }
    }
    Ok(())
}

/// The silhouette of one row, given its distances to the rows `rows`; none if these are in one cluster.
fn silhouette(
    row: usize,
    distances: &[f32],
    rows: &[usize],
    clustering: &Clustering,
) -> Option<f64> {
    let mut sums = vec![(0.0, 0_u32); clustering.sizes.len()];
    for (other, distance) in distances.iter().enumerate().filter(|(other, _)| *other != row) {
        let sum = &mut sums[clustering.labels[rows[other]] as usize - 1];
        sum.0 += f64::from(*distance);
        sum.1 += 1;
    }
    let own = clustering.labels[rows[row]] as usize - 1;
    let mean = |sum: &(f64, u32)| (sum.1 > 0).then(|| sum.0 / f64::from(sum.1));
    let others = sums.iter().enumerate().filter(|(cluster, _)| *cluster != own);
    let nearest = others.filter_map(|(_, sum)| mean(sum)).min_by(f64::total_cmp)?;
    // A row alone in its cluster has 0 (Rousseeuw's convention).
    let Some(within) = mean(&sums[own]) else { return Some(0.0) };
    let widest = within.max(nearest);
    Some(if widest > 0.0 { (nearest - within) / widest } else { 0.0 })
}
