//! Robust means and covariances.

use anomal_core::{Cancel, Result};
use ndarray::Array2;
use rand::{SeedableRng, rngs::ChaCha8Rng, seq::index};
use rayon::prelude::*;

use super::{
    decomposition::Cholesky,
    directions::Directions,
    linear::{Affine, Dense, Moments, WIDE},
    spectrum::Spectrum,
};

/// A column's variance is raised to this share of the mean one.
const LEAST_VARIANCE: f64 = 1e-6;
/// Directions with less than this share of a column's variance count as having none.
const NULL: f64 = 1e-9;

/// Re-estimations of a shrunk covariance, at most.
const ROUNDS: usize = 5;

/// The map to unit variance in every direction that keeps each coordinate nearest to its column; directions
/// without variance are left out.
///
/// # Errors
/// `Internal` if the covariance is not square.
pub(crate) fn whitening(moments: &Moments) -> Result<Array2<f64>> {
    let deviations = deviations(&moments.covariance);
    let correlations = correlations(&moments.covariance, &deviations);
    let root = |value: f64| if value > NULL { value.sqrt().recip() } else { 0.0 };
    let mut map = Spectrum::from_symmetric(&correlations)?.mapped(|_, value| root(value));
    for (mut column, deviation) in map.columns_mut().into_iter().zip(&deviations) {
        column /= *deviation;
    }
    Ok(map)
}

/// The standard deviation of each column, never 0.
fn deviations(covariance: &Array2<f64>) -> Vec<f64> {
    let variances = covariance.diag();
    let mean = variances.sum() / variances.len() as f64;
    if !mean.is_normal() {
        return vec![1.0; variances.len()];
    }
    variances.iter().map(|variance| variance.max(mean * LEAST_VARIANCE).sqrt()).collect()
}

fn correlations(covariance: &Array2<f64>, deviations: &[f64]) -> Array2<f64> {
    Array2::from_shape_fn(covariance.dim(), |(a, b)| {
        covariance[(a, b)] / (deviations[a] * deviations[b])
    })
}

/// The moments of the `share` of rows nearest to the mean, by a covariance shrunk towards equal variances (Ledoit and
/// Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of Multivariate
/// Analysis 88, section 3), re-estimated a few times starting from all rows. It needs no random start and accepts
/// fewer rows than columns.
///
/// # Errors
/// `Cancelled`.
pub(crate) fn shrunk(rows: &Dense, share: f64, cancel: &Cancel) -> Result<Moments> {
    let mut weights: Option<Vec<f64>> = None;
    for _ in 0..ROUNDS {
        cancel.check()?;
        let moments = ledoit_wolf(rows, weights.as_deref());
        let distances = distances(rows, &moments)?;
        let nearest = nearest(&distances, share_of(rows.rows, share));
        if weights.as_ref() == Some(&nearest) {
            return Ok(moments);
        }
        weights = Some(nearest);
    }
    Ok(ledoit_wolf(rows, weights.as_deref()))
}

/// As [`shrunk`] for fewer rows than columns, as the map to unit variance: the shrunk covariance is a multiple of the identity
/// but in the directions of the rows.
///
/// # Errors
/// `Cancelled`.
pub(crate) fn shrunk_directions(rows: &Dense, share: f64, cancel: &Cancel) -> Result<Directions> {
    let mut weights: Option<Vec<f64>> = None;
    for _ in 0..ROUNDS {
        cancel.check()?;
        let map = whitening_directions(rows, weights.as_deref())?;
        let mapped =
            rows.map_blocks(rows.width, |columns, rows, out| map.apply(columns, rows, out));
        let nearest = nearest(&mapped.squares(), share_of(rows.rows, share));
        if weights.as_ref() == Some(&nearest) {
            return Ok(map);
        }
        weights = Some(nearest);
    }
    whitening_directions(rows, weights.as_deref())
}

fn whitening_directions(rows: &Dense, weights: Option<&[f64]>) -> Result<Directions> {
    let (mean, spectrum) = Spectrum::from_rows(rows, weights)?;
    let count = weights.map_or(rows.rows as f64, |weights| weights.iter().sum());
    let values = &spectrum.values;
    let mean_variance = values.iter().sum::<f64>() / rows.width as f64;
    let squares = values.iter().map(|value| value * value).sum();
    let shrinkage = shrinkage(rows, weights, &mean, count, mean_variance, squares);
    let least = shrinkage * mean_variance;
    let first = (1.0 - shrinkage) * values.first().copied().unwrap_or(0.0) + least;
    let root = |variance: f64| {
        if variance > first * NULL { variance.sqrt().recip() } else { 0.0 }
    };
    let factor = |_, value: f64| root((1.0 - shrinkage) * value + least);
    Ok(Directions::new(mean, &spectrum, root(least), factor))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number of rows"
)]
fn share_of(rows: usize, share: f64) -> usize {
    ((rows as f64 * share).ceil() as usize).clamp(1, rows.max(1))
}

/// The squared Mahalanobis distance of each row.
fn distances(rows: &Dense, moments: &Moments) -> Result<Vec<f64>> {
    if let Some(distances) = triangular_distances(rows, moments) {
        return Ok(distances);
    }
    Ok(rows.map(&Affine::new(moments.mean.clone(), &whitening(moments)?)).squares())
}

/// By a triangular root of the covariance, which takes a small part of the time of a symmetric one. None if there are few columns,
/// or if some direction may have no variance.
pub(super) fn triangular_distances(rows: &Dense, moments: &Moments) -> Option<Vec<f64>> {
    const LEAST_PIVOT: f64 = 1e-6;
    if rows.width < WIDE {
        return None;
    }
    let deviations = deviations(&moments.covariance);
    let root = Cholesky::new(&correlations(&moments.covariance, &deviations), LEAST_PIVOT)?;
    let mapped = rows.map_blocks(rows.width, |columns, rows, out| {
        out.extend_from_slice(columns);
        let scales = moments.mean.iter().zip(&deviations);
        for (column, (mean, deviation)) in out.chunks_mut(rows).zip(scales) {
            column.iter_mut().for_each(|value| *value = (*value - mean) / deviation);
        }
        root.solve(out, rows);
    });
    Some(mapped.squares())
}

/// 1 for the `count` rows with the least distances and for ties with the last of them, else 0.
fn nearest(distances: &[f64], count: usize) -> Vec<f64> {
    let mut sorted = distances.to_vec();
    let (_, last, _) = sorted.select_nth_unstable_by(count - 1, f64::total_cmp);
    distances.iter().map(|distance| f64::from(u8::from(distance <= last))).collect()
}

fn ledoit_wolf(rows: &Dense, weights: Option<&[f64]>) -> Moments {
    let mut moments = rows.moments(weights);
    let covariance = &mut moments.covariance;
    let mean_variance = covariance.diag().sum() / rows.width as f64;
    let squares: f64 = covariance.iter().map(|value| value * value).sum();
    let shrinkage = shrinkage(rows, weights, &moments.mean, moments.count, mean_variance, squares);
    *covariance *= 1.0 - shrinkage;
    covariance.diag_mut().iter_mut().for_each(|value| *value += shrinkage * mean_variance);
    moments
}

/// The optimal share of equal variances, given the sum of the weights, the mean variance and the sum of the squared covariances.
fn shrinkage(
    rows: &Dense,
    weights: Option<&[f64]>,
    mean: &[f64],
    count: f64,
    mean_variance: f64,
    squares: f64,
) -> f64 {
    let width = rows.width as f64;
    let fourth = rows.squares_around(mean);
    let fourth: f64 = match weights {
        Some(weights) => {
            fourth.iter().zip(weights).map(|(square, weight)| weight * square * square).sum()
        }
        None => fourth.iter().map(|square| square * square).sum(),
    };
    let n = count.max(1.0);
    let error = (fourth / n - squares) / n / width;
    let distance = squares / width - mean_variance * mean_variance;
    if distance > 0.0 { (error / distance).clamp(0.0, 1.0) } else { 1.0 }
}

/// Up to this many rows the starts use all rows; beyond, parts of this size.
const WHOLE: usize = 600;
const PART: usize = 300;
const PARTS: usize = 5;
const STARTS: usize = 500;
const FINALISTS: usize = 10;
const MOST_STEPS: usize = 100;

/// The minimum covariance determinant (Rousseeuw and Van Driessen 1999, "A Fast Algorithm for the Minimum Covariance
/// Determinant Estimator", Technometrics 41, section 3), reweighted by the rows within the 97.5 % quantile of a normal
/// distribution.
///
/// # Errors
/// `Cancelled`.
pub(crate) fn fast_mcd(
    rows: &Dense,
    share: Option<f64>,
    seed: u64,
    cancel: &Cancel,
) -> Result<Moments> {
    let most_robust = (rows.rows + rows.width).div_ceil(2) as f64 / rows.rows as f64;
    let share = share.unwrap_or(most_robust).clamp(0.5, 1.0);
    let candidates = if rows.rows <= WHOLE {
        starts(rows, STARTS, share, seed, cancel)?
    } else {
        // The rows are in random order.
        let parts = PARTS.min(rows.rows / PART);
        let size = PART;
        let mut candidates = Vec::new();
        for part in 0..parts {
            let own: Vec<usize> = (part * size..(part + 1) * size).collect();
            let seed = seed.wrapping_add(part as u64);
            candidates.extend(starts(&rows.select(&own), STARTS / parts, share, seed, cancel)?);
        }
        let merged = rows.select(&(0..parts * size).collect::<Vec<_>>());
        best(concentrated(&merged, candidates, share, 2, cancel)?)
    };
    let mut finalists = best(concentrated(rows, candidates, share, 2, cancel)?);
    finalists.truncate(if rows.rows <= 5 * WHOLE { FINALISTS } else { 2 });
    let found = best(concentrated(rows, finalists, share, MOST_STEPS, cancel)?);
    let Some((_, moments)) = found.into_iter().next() else { return Ok(rows.moments(None)) };
    let distances = distances(rows, &moments)?;
    let mut sorted = distances.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    let cut =
        median * chi_squared(rows.width as f64, 1.959_964) / chi_squared(rows.width as f64, 0.0);
    let near: Vec<f64> =
        distances.iter().map(|distance| f64::from(u8::from(*distance <= cut))).collect();
    Ok(rows.moments(Some(&near)))
}

/// The quantile of the chi-squared distribution for a quantile of the normal one (Wilson and Hilferty 1931, "The
/// distribution of chi-square", PNAS 17).
fn chi_squared(freedom: f64, normal: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + normal * spread.sqrt()).powi(3)
}

/// The log of the covariance's determinant, and the moments.
type Candidate = (f64, Moments);

/// The best candidates from random subsets of one row more than there are columns.
fn starts(
    rows: &Dense,
    count: usize,
    share: f64,
    seed: u64,
    cancel: &Cancel,
) -> Result<Vec<Candidate>> {
    let start = |start: usize| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(start as u64);
        let drawn = (rows.width + 1).min(rows.rows);
        let mut weights = vec![0.0; rows.rows];
        for row in index::sample(&mut random, rows.rows, drawn) {
            weights[row] = 1.0;
        }
        (f64::INFINITY, rows.moments(Some(&weights)))
    };
    let starts = (0..count).map(start).collect();
    Ok(best(concentrated(rows, starts, share, 2, cancel)?))
}

fn best(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(|one, other| one.0.total_cmp(&other.0));
    candidates.truncate(FINALISTS);
    candidates
}

/// Applies concentration steps (the paper's theorem 1) until nothing changes, or at most `steps`.
fn concentrated(
    rows: &Dense,
    candidates: Vec<Candidate>,
    share: f64,
    steps: usize,
    cancel: &Cancel,
) -> Result<Vec<Candidate>> {
    let count = share_of(rows.rows, share);
    let concentrate = |(mut determinant, mut moments): Candidate| {
        for _ in 0..steps {
            cancel.check()?;
            let (map, _) = inverse_root(&moments.covariance);
            let distances = rows.map(&Affine::new(moments.mean.clone(), &map)).squares();
            moments = rows.moments(Some(&nearest(&distances, count)));
            let last = determinant;
            (_, determinant) = inverse_root(&moments.covariance);
            if determinant >= last {
                break;
            }
        }
        Ok((determinant, moments))
    };
    candidates.into_par_iter().map(concentrate).collect()
}

/// The inverse of the Cholesky factor and the log of the determinant, of a slightly enlarged covariance so that
/// they exist.
pub(crate) fn inverse_root(covariance: &Array2<f64>) -> (Array2<f64>, f64) {
    let deviations = deviations(covariance);
    let mut factor = correlations(covariance, &deviations);
    let width = deviations.len();
    let mut log = 0.0;
    for column in 0..width {
        for row in column..width {
            let products: f64 = (0..column).map(|k| factor[(row, k)] * factor[(column, k)]).sum();
            let rest = factor[(row, column)] - products;
            factor[(row, column)] =
                if row == column { rest.max(NULL).sqrt() } else { rest / factor[(column, column)] };
        }
        log += 2.0 * (factor[(column, column)] * deviations[column]).ln();
    }
    let mut inverse = Array2::zeros((width, width));
    for column in 0..width {
        inverse[(column, column)] = factor[(column, column)].recip();
        for row in column + 1..width {
            let products: f64 =
                (column..row).map(|k| factor[(row, k)] * inverse[(k, column)]).sum();
            inverse[(row, column)] = -products / factor[(row, row)];
        }
    }
    for (mut column, deviation) in inverse.columns_mut().into_iter().zip(&deviations) {
        column /= *deviation;
    }
    (inverse, log)
}
