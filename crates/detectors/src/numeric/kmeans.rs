//! k-means (Lloyd 1982, "Least Squares Quantization in PCM") with k-means++ seeding (Arthur and Vassilvitskii 2007,
//! "k-means++: The Advantages of Careful Seeding").

use std::ops::Range;

use anomal_core::{Cancel, Result};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rayon::prelude::*;

use super::linear::{Dense, add_squares};

/// Iteration ends when the centres move by less than this share of the mean variance, as scikit-learn's `tol`.
const TOLERANCE: f64 = 1e-4;

/// Centres, and for each row the position of its nearest centre.
#[derive(Clone, Debug)]
pub(crate) struct Clusters {
    pub centres: Vec<Vec<f64>>,
    pub labels: Vec<usize>,
}

impl Clusters {
    /// 1 for each row of the cluster, else 0.
    pub fn membership(&self, cluster: usize) -> Vec<f64> {
        self.labels.iter().map(|label| f64::from(u8::from(*label == cluster))).collect()
    }
}

/// Finds at most `clusters` clusters, fewer if fewer rows are distinct. `settle` turns the mean of a cluster into its
/// centre.
///
/// # Errors
/// `Cancelled`, between two rounds.
pub(crate) fn kmeans(
    rows: &Dense,
    clusters: usize,
    rounds: usize,
    settle: impl Fn(&mut [f64]),
    seed: u64,
    cancel: &Cancel,
) -> Result<Clusters> {
    let mut found = Clusters { centres: first_centres(rows, clusters, seed), labels: Vec::new() };
    let enough = TOLERANCE * variance(rows);
    for _ in 0..rounds {
        cancel.check()?;
        let labels = nearest(rows, &found.centres);
        if labels == found.labels {
            break;
        }
        found.labels = labels;
        if moved(rows, &mut found, &settle) <= enough {
            break;
        }
    }
    Ok(found)
}

/// The mean of the columns' variances.
fn variance(rows: &Dense) -> f64 {
    let (mean, count) = rows.mean(&vec![1.0; rows.rows]);
    rows.squares_around(&mean).iter().sum::<f64>() / count / rows.width as f64
}

/// Draws centres with chances proportional to the squared distance to the nearest one drawn before.
fn first_centres(rows: &Dense, clusters: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut centres = vec![rows.row(random.random_range(0..rows.rows))];
    let mut distances = rows.squares_around(&centres[0]);
    while centres.len() < clusters {
        let total: f64 = distances.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut left = random.random::<f64>() * total;
        let drawn = distances.iter().position(|distance| {
            left -= distance;
            left < 0.0 && *distance > 0.0
        });
        let centre = rows.row(drawn.unwrap_or(0));
        let others = rows.squares_around(&centre);
        distances.iter_mut().zip(others).for_each(|(one, other)| *one = one.min(other));
        centres.push(centre);
    }
    centres
}

/// The position of the nearest centre for each row.
fn nearest(rows: &Dense, centres: &[Vec<f64>]) -> Vec<usize> {
    let of_block = |(rows, columns): (Range<usize>, &[f64])| {
        nearest_of_block(columns, rows.len(), centres.iter().map(Vec::as_slice)).1
    };
    rows.par_blocks().map(of_block).collect::<Vec<_>>().concat()
}

/// For each row of a block, given column by column: the squared distance to the nearest centre, and its position
/// (the first of equals).
pub(crate) fn nearest_of_block<'a>(
    columns: &[f64],
    rows: usize,
    centres: impl Iterator<Item = &'a [f64]>,
) -> (Vec<f64>, Vec<usize>) {
    let (mut least, mut places) = (vec![f64::INFINITY; rows], vec![0; rows]);
    let mut squares = vec![0.0; rows];
    for (place, centre) in centres.enumerate() {
        squares.fill(0.0);
        add_squares(columns, centre, &mut squares);
        for ((least, nearest), square) in least.iter_mut().zip(&mut places).zip(&squares) {
            if square < least {
                (*least, *nearest) = (*square, place);
            }
        }
    }
    (least, places)
}

/// Moves the centres to the settled means of their rows. Returns the sum of the squared moves.
fn moved(rows: &Dense, found: &mut Clusters, settle: impl Fn(&mut [f64])) -> f64 {
    let Clusters { centres, labels } = found;
    // The number of rows follows a cluster's columns.
    let width = rows.width + 1;
    let sums = rows.grouped(width * centres.len(), |rows, columns, sums| {
        let labels = &labels[rows];
        labels.iter().for_each(|label| sums[label * width + width - 1] += 1.0);
        for (place, column) in columns.chunks(labels.len()).enumerate() {
            for (label, value) in labels.iter().zip(column) {
                sums[label * width + place] += value;
            }
        }
    });
    let mut far = 0.0;
    for (centre, sums) in centres.iter_mut().zip(sums.chunks(width)) {
        let count = sums[width - 1];
        if count > 0.0 {
            let mut next: Vec<f64> = sums[..width - 1].iter().map(|sum| sum / count).collect();
            settle(&mut next);
            let pairs = centre.iter().zip(&next);
            far += pairs.map(|(value, next)| (next - value) * (next - value)).sum::<f64>();
            *centre = next;
        }
    }
    far
}
