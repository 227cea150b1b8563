//! k-means (Lloyd 1982, "Least Squares Quantization in PCM") that starts as Arthur and Vassilvitskii 2007,
//! "k-means++: The Advantages of Careful Seeding", have it.

use anomal_core::{Cancel, Result};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rayon::prelude::*;

use super::linear::Dense;

/// Centres, and of each row the place of the nearest one.
#[derive(Clone, Debug)]
pub(crate) struct Clusters {
    pub centres: Vec<Vec<f64>>,
    pub labels: Vec<usize>,
}

impl Clusters {
    /// For each row 1 if it is of the cluster, else 0.
    pub fn membership(&self, cluster: usize) -> Vec<f64> {
        self.labels.iter().map(|label| f64::from(u8::from(*label == cluster))).collect()
    }
}

/// At most so many clusters of at least one row, fewer where fewer rows differ.
///
/// # Errors
/// `Cancelled`, between two rounds.
pub(crate) fn kmeans(
    rows: &Dense,
    clusters: usize,
    rounds: usize,
    seed: u64,
    cancel: &Cancel,
) -> Result<Clusters> {
    let mut found = Clusters { centres: first_centres(rows, clusters, seed), labels: Vec::new() };
    for _ in 0..rounds {
        cancel.check()?;
        let labels = nearest(rows, &found.centres);
        if labels == found.labels {
            break;
        }
        found.labels = labels;
        for cluster in 0..found.centres.len() {
            let (mean, count) = rows.mean(&found.membership(cluster));
            if count > 0.0 {
                found.centres[cluster] = mean;
            }
        }
    }
    Ok(found)
}

/// Each drawn with a chance by the squared distance to the nearest one before.
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

fn nearest(rows: &Dense, centres: &[Vec<f64>]) -> Vec<usize> {
    let distances: Vec<Vec<f64>> =
        centres.iter().map(|centre| rows.squares_around(centre)).collect();
    let nearest = |row: usize| {
        let clusters = 0..centres.len();
        clusters.min_by(|a, b| distances[*a][row].total_cmp(&distances[*b][row])).unwrap_or(0)
    };
    (0..rows.rows).into_par_iter().with_min_len(1 << 12).map(nearest).collect()
}
