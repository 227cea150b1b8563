//! The dual problem of the one-class support vector machine by sequential minimal optimisation (Schölkopf, Platt,
//! Shawe-Taylor, Smola and Williamson 2001, "Estimating the Support of a High-Dimensional Distribution", Neural
//! Computation 13, section 4) with the maximal violating pair (Keerthi, Shevade, Bhattacharyya and Murthy 2001,
//! "Improvements to Platt's SMO Algorithm for SVM Classifier Design").

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

const TOLERANCE: f64 = 1e-6;
const MOST_ROUNDS: usize = 100_000;
/// Rounds between two checks for cancellation.
const WATCHED: usize = 1_000;

/// The weight of each row, at least 0, adding up to 1; the share `nu` of the rows is on the border or outside.
/// `squared` is the squared distance of two rows.
///
/// # Errors
/// `Cancelled`.
pub(crate) fn support(
    rows: usize,
    nu: f64,
    gamma: f64,
    squared: impl Fn(usize, usize) -> f64 + Sync,
    cancel: &Cancel,
) -> Result<Vec<f64>> {
    let kernel: Vec<Vec<f64>> = (0..rows)
        .into_par_iter()
        .map(|one| (0..rows).map(|other| (-gamma * squared(one, other)).exp()).collect())
        .collect();
    let most = (nu * rows as f64).max(1.0).recip();
    // Start: as many rows as possible with the greatest weight.
    let mut left = 1.0_f64;
    let mut alpha = vec![0.0; rows];
    for alpha in &mut alpha {
        *alpha = left.min(most);
        left -= *alpha;
    }
    let mut gradient: Vec<f64> = kernel
        .par_iter()
        .map(|row| row.iter().zip(&alpha).map(|(kernel, alpha)| kernel * alpha).sum())
        .collect();
    for round in 0..MOST_ROUNDS {
        if round % WATCHED == 0 {
            cancel.check()?;
        }
        let order = |a: &usize, b: &usize| gradient[*a].total_cmp(&gradient[*b]);
        let up = (0..rows).filter(|row| alpha[*row] < most).min_by(order);
        let down = (0..rows).filter(|row| alpha[*row] > 0.0).max_by(order);
        let (Some(up), Some(down)) = (up, down) else { break };
        let gap = gradient[down] - gradient[up];
        if gap < TOLERANCE * gradient[down].abs().max(f64::MIN_POSITIVE) {
            break;
        }
        let curve = (2.0 - 2.0 * kernel[up][down]).max(1e-12);
        let step = (gap / curve).min(alpha[down]).min(most - alpha[up]);
        // Exactly 0 where rounding would leave a rest.
        alpha[down] = if step >= alpha[down] { 0.0 } else { alpha[down] - step };
        alpha[up] = if step >= most - alpha[up] { most } else { alpha[up] + step };
        for ((gradient, more), less) in gradient.iter_mut().zip(&kernel[up]).zip(&kernel[down]) {
            *gradient += step * (more - less);
        }
    }
    Ok(alpha)
}
