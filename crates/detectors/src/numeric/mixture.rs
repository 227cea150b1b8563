//! Gaussian mixtures by expectation and maximisation (Dempster, Laird and Rubin 1977, "Maximum likelihood
//! from incomplete data via the EM algorithm"; G. J. `McLachlan` and Peel 2000, "Finite Mixture Models", chapter 3),
//! from the clusters of k-means.
//!
//! Not linfa-clustering's: this one can be cancelled and gives the same bits on any number of threads. It is short,
//! since its sums are those of the weighted covariance.

use std::f64::consts::TAU;

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use super::{
    kmeans::kmeans,
    linear::{Affine, Dense, Moments},
    robust::inverse_root,
};
use crate::blocks::BLOCK;

const MOST_ROUNDS: usize = 100;
/// Iteration ends when the mean log likelihood gains less.
const GAIN: f64 = 1e-3;
const KMEANS_ROUNDS: usize = 20;

/// One Gaussian and its share of the rows.
#[derive(Clone, Debug)]
pub(crate) struct Component {
    pub share: f64,
    /// The regularised covariance.
    pub moments: Moments,
}

impl Component {
    /// The log of its share times its density at distance 0.
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

/// Fits at most `components` Gaussians, fewer if fewer rows are distinct; `regular` is added to each variance.
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
    let clusters = kmeans(rows, components, KMEANS_ROUNDS, |_| {}, seed, cancel)?;
    let mut shares: Vec<Vec<f64>> =
        (0..clusters.centres.len()).map(|cluster| clusters.membership(cluster)).collect();
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

/// The Gaussians for given responsibilities, without those that have less than one row.
fn maximised(rows: &Dense, shares: &[Vec<f64>], regular: f64) -> Vec<Component> {
    let component = |shares: &Vec<f64>| {
        let mut moments = rows.moments(Some(shares));
        moments.covariance.diag_mut().iter_mut().for_each(|variance| *variance += regular);
        Component { share: moments.count / rows.rows as f64, moments }
    };
    let of_some = |component: &Component| component.moments.count >= 1.0;
    shares.iter().map(component).filter(of_some).collect()
}

/// Writes the responsibilities, and returns the mean log likelihood.
fn expected(rows: &Dense, components: &[Component], shares: &mut Vec<Vec<f64>>) -> f64 {
    *shares = components.iter().map(|component| component.logs(rows)).collect();
    let of_row = |row: usize| {
        let most = shares.iter().map(|logs| logs[row]).fold(f64::NEG_INFINITY, f64::max);
        most + shares.iter().map(|logs| (logs[row] - most).exp()).sum::<f64>().ln()
    };
    let totals: Vec<f64> = (0..rows.rows).into_par_iter().with_min_len(BLOCK).map(of_row).collect();
    shares.par_iter_mut().for_each(|logs| {
        logs.iter_mut().zip(&totals).for_each(|(log, total)| *log = (*log - total).exp());
    });
    totals.iter().sum::<f64>() / rows.rows as f64
}
