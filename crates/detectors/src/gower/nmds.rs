//! Non-metric multidimensional scaling of all pairs of a few rows (Kruskal 1964, "Multidimensional scaling by optimizing
//! goodness of fit to a nonmetric hypothesis", Psychometrika 29) by majorization (SMACOF; de Leeuw 1977, "Applications
//! of convex analysis to multidimensional scaling") from classical scaling (Torgerson 1952, "Multidimensional scaling:
//! I. Theory and method").

use std::ops::Range;

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use super::{classical::classical, distances::condensed, encoding::EncodedRows};

/// Pairs per partial sum; partial sums are added in order.
const CHUNK: usize = 16_384;
const MOST_ITERATIONS: usize = 300;
/// Iteration ends after so many steps in a row that gained less than this share of the stress.
const PATIENCE: usize = 5;
const GAIN: f64 = 1e-5;
const NO_STRESS: f64 = 1e-7;
/// The length of a step in units of the majorizing step; nearly 2 halves the number of iterations (de Leeuw and Heiser
/// 1980, "Multidimensional scaling with restrictions on the configuration").
const STRIDE: f64 = 1.8;

pub(crate) type Point = [f64; 2];

/// The points of rows, and how well they fit.
pub(crate) struct Configuration {
    pub points: Vec<Point>,
    /// Kruskal's stress-1, 0..1.
    pub stress: f64,
    pub iterations: usize,
    /// The monotone map from dissimilarities to distances.
    pub steps: Steps,
}

/// # Errors
/// `Cancelled`, between two iterations.
pub(crate) fn nmds(rows: &EncodedRows, cancel: &Cancel) -> Result<Configuration> {
    let dissimilarities = condensed(rows, cancel)?;
    let mut points = classical(&dissimilarities, rows.rows);
    let mut pairs = Pairs::new(&dissimilarities, rows.rows);
    let mut fit = Fit::default();
    let mut best = (f64::INFINITY, points.clone());
    let (mut iterations, mut idle) = (0, 0);
    while iterations < MOST_ITERATIONS && idle < PATIENCE {
        cancel.check()?;
        pairs.fit(&points, &mut fit);
        idle = if fit.stress < best.0 * (1.0 - GAIN) { 0 } else { idle + 1 };
        if fit.stress < best.0 {
            best = (fit.stress, points.clone());
        }
        if fit.stress < NO_STRESS {
            break;
        }
        pairs.step(&fit, &mut points);
        iterations += 1;
    }
    let (_, points) = best;
    pairs.fit(&points, &mut fit);
    let steps = Steps::new(&pairs.dissimilarities, &fit.fitted);
    Ok(Configuration { points, stress: fit.stress, iterations, steps })
}

/// Kruskal's stress-1 of points for these rows, over all pairs.
pub(crate) fn stress_of(rows: &EncodedRows, points: &[Point], cancel: &Cancel) -> Result<f64> {
    let mut fit = Fit::default();
    Pairs::new(&condensed(rows, cancel)?, rows.rows).fit(points, &mut fit);
    Ok(fit.stress)
}

/// All pairs of some rows in ascending dissimilarity.
pub(crate) struct Pairs {
    rows: usize,
    pairs: Vec<(u32, u32)>,
    dissimilarities: Vec<f32>,
    /// Runs of several pairs with equal dissimilarity.
    ties: Vec<Range<usize>>,
}

/// Distances in the plane by pair, and the nearest ascending sequence.
#[derive(Default)]
pub(crate) struct Fit {
    distances: Vec<f64>,
    fitted: Vec<f64>,
    pub stress: f64,
}

impl Pairs {
    pub fn new(condensed: &[f32], rows: usize) -> Self {
        let narrow = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let all = (0..rows).flat_map(|a| (a + 1..rows).map(move |b| (narrow(a), narrow(b))));
        let mut keyed: Vec<(u32, (u32, u32))> =
            condensed.iter().map(|value| order_of(*value)).zip(all).collect();
        keyed.par_sort_unstable();
        let dissimilarities: Vec<f32> = keyed.iter().map(|one| f32::from_bits(one.0)).collect();
        let mut ties = Vec::new();
        let mut start = 0;
        for run in keyed.chunk_by(|a, b| a.0 == b.0) {
            if run.len() > 1 {
                ties.push(start..start + run.len());
            }
            start += run.len();
        }
        Self { rows, pairs: keyed.into_iter().map(|one| one.1).collect(), dissimilarities, ties }
    }

    /// Ties are ordered as the distances are (Kruskal's primary approach).
    pub fn fit(&mut self, points: &[Point], fit: &mut Fit) {
        for tie in &self.ties {
            let pairs = &mut self.pairs[tie.clone()];
            let mut keyed: Vec<(u64, (u32, u32))> =
                pairs.iter().map(|pair| (between(points, *pair).to_bits(), *pair)).collect();
            keyed.par_sort_unstable();
            pairs.iter_mut().zip(keyed).for_each(|(pair, one)| *pair = one.1);
        }
        let distances =
            self.pairs.par_iter().with_min_len(CHUNK).map(|pair| between(points, *pair));
        distances.collect_into_vec(&mut fit.distances);
        monotone(&fit.distances, &mut fit.fitted);
        fit.stress = stress(&fit.distances, &fit.fitted);
    }

    /// The relaxed Guttman transform with all weights 1: moves each point beyond the mean of where the others pull it.
    pub fn step(&self, fit: &Fit, points: &mut [Point]) {
        // Scaled to the size of the distances, or the points would shrink.
        let size = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
        let factor = (size(&fit.distances) / size(&fit.fitted).max(f64::MIN_POSITIVE)).sqrt();
        let sums: Vec<Vec<Point>> = (self.pairs.par_chunks(CHUNK), fit.distances.par_chunks(CHUNK))
            .into_par_iter()
            .zip(fit.fitted.par_chunks(CHUNK))
            .map(|((pairs, distances), fitted)| {
                let mut sums = vec![[0.0, 0.0]; self.rows];
                for ((pair, distance), fitted) in pairs.iter().zip(distances).zip(fitted) {
                    let ratio = if *distance > 0.0 { factor * fitted / distance } else { 0.0 };
                    let (a, b) = (pair.0 as usize, pair.1 as usize);
                    for axis in [0, 1] {
                        let pull = ratio * (points[a][axis] - points[b][axis]);
                        sums[a][axis] += pull;
                        sums[b][axis] -= pull;
                    }
                }
                sums
            })
            .collect();
        let share = STRIDE / self.rows as f64;
        points.iter_mut().for_each(|point| *point = point.map(|place| (1.0 - STRIDE) * place));
        for chunk in sums {
            for (point, sum) in points.iter_mut().zip(chunk) {
                point[0] += share * sum[0];
                point[1] += share * sum[1];
            }
        }
    }
}

/// The bits of a non-negative number, which are ordered as the numbers are; -0.0 becomes 0.0.
fn order_of(value: f32) -> u32 {
    (value + 0.0).to_bits()
}

fn between(points: &[Point], (a, b): (u32, u32)) -> f64 {
    let (a, b) = (points[a as usize], points[b as usize]);
    let (x, y) = (a[0] - b[0], a[1] - b[1]);
    (x * x + y * y).sqrt()
}

/// Kruskal's stress-1.
pub(crate) fn stress(distances: &[f64], fitted: &[f64]) -> f64 {
    let residual: f64 = distances.iter().zip(fitted).map(|(d, f)| (d - f) * (d - f)).sum();
    let total: f64 = distances.iter().map(|distance| distance * distance).sum();
    if total > 0.0 { (residual / total).sqrt() } else { 0.0 }
}

/// The nearest ascending sequence (pool adjacent violators; Ayer et al. 1955, "An empirical distribution
/// function for sampling with incomplete information").
pub(crate) fn monotone(values: &[f64], fitted: &mut Vec<f64>) {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for value in values {
        let mut pool = (*value, 1);
        while let Some((sum, count)) = pools.last() {
            if *sum * (pool.1 as f64) <= pool.0 * (*count as f64) {
                break;
            }
            pool = (pool.0 + sum, pool.1 + count);
            pools.pop();
        }
        pools.push(pool);
    }
    fitted.clear();
    for (sum, count) in pools {
        fitted.extend(std::iter::repeat_n(sum / count as f64, count));
    }
}

/// The monotone map from dissimilarities to distances, also between and beyond the fitted ones.
pub(crate) struct Steps(Vec<Step>);

/// A run of dissimilarities with one distance.
struct Step {
    from: f32,
    to: f32,
    distance: f64,
}

impl Steps {
    /// Both sequences ascend.
    fn new(dissimilarities: &[f32], fitted: &[f64]) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        for (dissimilarity, distance) in dissimilarities.iter().zip(fitted) {
            match steps.last_mut() {
                Some(step) if step.distance == *distance => step.to = *dissimilarity,
                _ => steps.push(Step {
                    from: *dissimilarity,
                    to: *dissimilarity,
                    distance: *distance,
                }),
            }
        }
        Self(steps)
    }

    /// The range of distances that have no stress for this dissimilarity.
    pub fn range(&self, dissimilarity: f32) -> (f64, f64) {
        let Self(steps) = self;
        // The first step that does not end below it, and the number of steps that do not begin above it.
        let first = steps.partition_point(|step| step.to < dissimilarity);
        let begun = steps.partition_point(|step| step.from <= dissimilarity);
        let low = match begun {
            0 => 0.0,
            begun if first < begun => steps[first].distance,
            begun => steps[begun - 1].distance,
        };
        let high = if first < begun { steps.get(begun - 1) } else { steps.get(first) };
        match (high, steps.last()) {
            (Some(high), _) => (low, high.distance),
            // Beyond all fitted dissimilarities: proportionally farther.
            (None, Some(last)) => {
                let far = last.distance * f64::from(dissimilarity)
                    / f64::from(last.to).max(f64::MIN_POSITIVE);
                (far, far)
            }
            (None, None) => (0.0, 0.0),
        }
    }
}
