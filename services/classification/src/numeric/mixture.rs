//! Gaussian mixtures by expectation and maximisation (Dempster, Laird and Rubin 1977, "Maximum likelihood
//! from incomplete data via the EM algorithm"; G. J. `McLachlan` and Peel 2000, "Finite Mixture Models", chapter 3),
//! from k-means (Lloyd 1982) that starts as Arthur and Vassilvitskii 2007, "k-means++: The Advantages of
//! Careful Seeding", have it.
//!
//! Written here and not taken from linfa-clustering: it must end when nobody waits for it, give the same
//! bits on any number of threads, and it is short, because its sums are those of a robust covariance.

use std::f64::consts::TAU;

use anomal_core::{Cancel, Result};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rayon::prelude::*;

use super::{
    linear::{Affine, Dense, Moments},
    robust::inverse_root,
};

const MOST_ROUNDS: usize = 100;
/// The last round is the one that gains less of the mean log likelihood.
const GAIN: f64 = 1e-3;
const KMEANS_ROUNDS: usize = 20;

/// One Gaussian, and the share of rows that it has.
#[derive(Clone, Debug)]
pub(crate) struct Component {
    pub share: f64,
    /// The covariance with what it is regularised by.
    pub moments: Moments,
}

impl Component {
    /// The log of its share and of its density where the distance is 0.
    pub fn peak(&self) -> f64 {
        let (_, determinant) = inverse_root(&self.moments.covariance);
        let width = self.moments.mean.len() as f64;
        self.share.ln() - 0.5 * (determinant + width * TAU.ln())
    }

    fn logs(&self, rows: &Dense) -> Vec<f64> {
        let (root, _) = inverse_root(&self.moments.covariance);
        let peak = self.peak();
        let mut logs = rows.map(&Affine::new(self.moments.mean.clone(), &root)).squares();
        logs.iter_mut().for_each(|log| *log = peak - 0.5 * *log);
        logs
    }
}

/// At most so many Gaussians, fewer where fewer rows differ; `regular` is added to each variance.
///
/// # Errors
/// `Cancelled`, between two rounds.
pub(crate) fn mixture(
    rows: &Dense,
    components: usize,
    regular: f64,
    seed: u64,
    cancel: &Cancel,
) -> Result<Vec<Component>> {
    let mut shares = kmeans(rows, components, seed, cancel)?;
    let mut likelihood = f64::NEG_INFINITY;
    let mut found = Vec::new();
    for _ in 0..MOST_ROUNDS {
        cancel.check()?;
        found = maximised(rows, &shares, regular);
        let last = likelihood;
        likelihood = expected(rows, &found, &mut shares);
        if likelihood - last < GAIN {
            break;
        }
    }
    Ok(found)
}

/// The Gaussians of the rows' shares in each; without those that have less than a row.
fn maximised(rows: &Dense, shares: &[Vec<f64>], regular: f64) -> Vec<Component> {
    let component = |shares: &Vec<f64>| {
        let mut moments = rows.moments(Some(shares));
        moments.covariance.diag_mut().iter_mut().for_each(|variance| *variance += regular);
        Component { share: moments.count / rows.rows as f64, moments }
    };
    let of_some = |component: &Component| component.moments.count >= 1.0;
    shares.iter().map(component).filter(of_some).collect()
}

/// Writes the shares of each row in each component, and gives the mean log likelihood.
fn expected(rows: &Dense, components: &[Component], shares: &mut Vec<Vec<f64>>) -> f64 {
    *shares = components.iter().map(|component| component.logs(rows)).collect();
    let mut sum = 0.0;
    for row in 0..rows.rows {
        let most = shares.iter().map(|logs| logs[row]).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = shares.iter().map(|logs| (logs[row] - most).exp()).sum();
        sum += most + total.ln();
        for logs in shares.iter_mut() {
            logs[row] = (logs[row] - most).exp() / total;
        }
    }
    sum / rows.rows as f64
}

/// For each cluster 1 for its rows and 0 for the others.
fn kmeans(rows: &Dense, clusters: usize, seed: u64, cancel: &Cancel) -> Result<Vec<Vec<f64>>> {
    let mut centres = first_centres(rows, clusters, seed);
    let mut labels = Vec::new();
    for _ in 0..KMEANS_ROUNDS {
        cancel.check()?;
        let last = labels;
        labels = nearest(rows, &centres);
        if labels == last {
            break;
        }
        for (cluster, centre) in centres.iter_mut().enumerate() {
            let members = membership(&labels, cluster);
            let (mean, count) = rows.mean(&members);
            if count > 0.0 {
                *centre = mean;
            }
        }
    }
    Ok((0..centres.len()).map(|cluster| membership(&labels, cluster)).collect())
}

fn membership(labels: &[usize], cluster: usize) -> Vec<f64> {
    labels.iter().map(|label| f64::from(u8::from(*label == cluster))).collect()
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
