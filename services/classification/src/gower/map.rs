//! Rows in the plane: non-metric multidimensional scaling (Kruskal 1964, "Multidimensional scaling by
//! optimizing goodness of fit to a nonmetric hypothesis", Psychometrika 29) by majorization (SMACOF,
//! de Leeuw 1977), from classical scaling (Torgerson 1952) or its landmark form (de Silva and Tenenbaum
//! 2004).
//!
//! Up to [`ALL_PAIRS`] points every pair takes part. Beyond, each point is held against landmarks only:
//! half of them spread by farthest-first traversal, half at random.

use anomal_core::{Cancel, Result};
use linfa_linalg::eigh::Eigh;
use ndarray::Array2;
use rayon::prelude::*;

use super::{distances::row_to_run, encoded::Encoded, representatives};

/// Points of which all pairs take part.
pub(crate) const ALL_PAIRS: usize = 900;
const LANDMARKS: usize = 200;
/// Points of which the stress is told.
const STRESS_POINTS: usize = 1_000;
const MOST_ITERATIONS: usize = 300;
/// An iteration that gains less than this share of the stress is the last.
const GAIN: f64 = 1e-5;

/// Points in the plane.
pub(crate) struct Map {
    pub points: Vec<[f64; 2]>,
    /// Kruskal's stress-1 over all pairs of `stress_points` points.
    pub stress: f64,
    pub stress_points: usize,
    pub iterations: usize,
    pub landmarks: bool,
}

pub(crate) fn map(rows: &Encoded, seed: u64, cancel: &Cancel) -> Result<Map> {
    let n = rows.rows;
    if n < 3 {
        return Ok(line(rows));
    }
    let landmarks = n > ALL_PAIRS;
    let anchors: Vec<usize> = if landmarks {
        representatives::choose(rows, LANDMARKS, seed, cancel)?.rows
    } else {
        (0..n).collect()
    };
    let block = Block::new(rows, &anchors);
    let mut points = classical(&block);
    let iterations = scale(&block, &mut points, cancel)?;
    orient(&mut points);
    let step = n.div_ceil(STRESS_POINTS);
    let told: Vec<usize> = (0..n).step_by(step).collect();
    let stress = if landmarks {
        let told_rows = rows.select(&told);
        let all: Vec<usize> = (0..told.len()).collect();
        let places: Vec<[f64; 2]> = told.iter().map(|row| points[*row]).collect();
        let told_block = Block::new(&told_rows, &all);
        told_block.stress(&places)
    } else {
        block.stress(&points)
    };
    let stress_points = if landmarks { told.len() } else { n };
    Ok(Map { points, stress, stress_points, iterations, landmarks })
}

/// One or two points.
fn line(rows: &Encoded) -> Map {
    let mut points = vec![[0.0, 0.0]; rows.rows];
    if rows.rows == 2 {
        let mut distance = [0.0_f32];
        row_to_run(rows, 0, rows, 1, &mut distance);
        points[0][0] = f64::from(distance[0]) / 2.0;
        points[1][0] = -f64::from(distance[0]) / 2.0;
    }
    Map { points, stress: 0.0, stress_points: rows.rows, iterations: 0, landmarks: false }
}

/// The dissimilarities of all points to the anchors. Where every point is an anchor each pair is there
/// once.
struct Block {
    n: usize,
    anchors: Vec<usize>,
    /// Point and anchor (its place) of each pair, by dissimilarity.
    pairs: Vec<(u32, u32)>,
    /// Runs of equal dissimilarity with more than one pair.
    ties: Vec<std::ops::Range<usize>>,
    /// The dissimilarity of point i to anchor a at `i * anchors + a`.
    dissimilarities: Vec<f32>,
}

impl Block {
    fn new(rows: &Encoded, anchors: &[usize]) -> Self {
        let (n, m) = (rows.rows, anchors.len());
        let to = rows.select(anchors);
        let mut dissimilarities = vec![0.0_f32; n * m];
        dissimilarities
            .par_chunks_mut(m)
            .enumerate()
            .for_each(|(row, out)| row_to_run(rows, row, &to, 0, out));
        let mut place = vec![usize::MAX; n];
        for (index, anchor) in anchors.iter().enumerate() {
            place[*anchor] = index;
            dissimilarities[anchor * m + index] = 0.0;
        }
        let narrow = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let mut pairs: Vec<(u32, u32)> = (0..n)
            .flat_map(|point| (0..m).map(move |anchor| (point, anchor)))
            // A pair of two anchors once, of a point and itself never.
            .filter(|(point, anchor)| place[*point] == usize::MAX || place[*point] < *anchor)
            .map(|(point, anchor)| (narrow(point), narrow(anchor)))
            .collect();
        let of = |pair: &(u32, u32)| dissimilarities[pair.0 as usize * m + pair.1 as usize];
        pairs.par_sort_unstable_by(|a, b| of(a).total_cmp(&of(b)).then(a.cmp(b)));
        let mut ties = Vec::new();
        let mut start = 0;
        for run in pairs.chunk_by(|a, b| of(a) == of(b)) {
            if run.len() > 1 {
                ties.push(start..start + run.len());
            }
            start += run.len();
        }
        Self { n, anchors: anchors.to_vec(), pairs, ties, dissimilarities }
    }

    fn distance(&self, points: &[[f64; 2]], pair: (u32, u32)) -> f64 {
        let (a, b) = (points[pair.0 as usize], points[self.anchors[pair.1 as usize]]);
        (a[0] - b[0]).hypot(a[1] - b[1])
    }

    /// The distances of the pairs in their order, ties put in the order of their distances (Kruskal's
    /// primary approach), and the best monotone fit to them.
    fn fit(&self, points: &[[f64; 2]], pairs: &mut [(u32, u32)]) -> (Vec<f64>, Vec<f64>) {
        for tie in &self.ties {
            pairs[tie.clone()].sort_unstable_by(|a, b| {
                self.distance(points, *a).total_cmp(&self.distance(points, *b)).then(a.cmp(b))
            });
        }
        let distances: Vec<f64> =
            pairs.par_iter().with_min_len(4096).map(|pair| self.distance(points, *pair)).collect();
        let fitted = monotone(&distances);
        (distances, fitted)
    }

    fn stress(&self, points: &[[f64; 2]]) -> f64 {
        let mut pairs = self.pairs.clone();
        let (distances, fitted) = self.fit(points, &mut pairs);
        stress(&distances, &fitted)
    }
}

/// Kruskal's stress-1.
pub(crate) fn stress(distances: &[f64], fitted: &[f64]) -> f64 {
    let residual: f64 = distances.iter().zip(fitted).map(|(d, f)| (d - f) * (d - f)).sum();
    let total: f64 = distances.iter().map(|distance| distance * distance).sum();
    if total > 0.0 { (residual / total).sqrt() } else { 0.0 }
}

/// The nearest ascending sequence (pool adjacent violators; Ayer et al. 1955).
pub(crate) fn monotone(values: &[f64]) -> Vec<f64> {
    let mut blocks: Vec<(f64, usize)> = Vec::with_capacity(values.len());
    for value in values {
        let mut block = (*value, 1);
        while let Some((sum, count)) = blocks.last() {
            if *sum * (block.1 as f64) <= block.0 * (*count as f64) {
                break;
            }
            block = (block.0 + sum, block.1 + count);
            blocks.pop();
        }
        blocks.push(block);
    }
    let mut fitted = Vec::with_capacity(values.len());
    for (sum, count) in blocks {
        fitted.extend(std::iter::repeat_n(sum / count as f64, count));
    }
    fitted
}

/// Points whose squared distances are nearest to the squared dissimilarities: the first two principal
/// coordinates of the anchors, the others placed by their dissimilarities to these.
fn classical(block: &Block) -> Vec<[f64; 2]> {
    let m = block.anchors.len();
    let squared = |point: usize, anchor: usize| {
        let value = f64::from(block.dissimilarities[point * m + anchor]);
        value * value
    };
    let means: Vec<f64> = (0..m)
        .map(|a| block.anchors.iter().map(|b| squared(*b, a)).sum::<f64>() / m as f64)
        .collect();
    let mean = means.iter().sum::<f64>() / m as f64;
    let centred = Array2::from_shape_fn((m, m), |(a, b)| {
        -0.5 * (squared(block.anchors[a], b) - means[a] - means[b] + mean)
    });
    let axes = principal(&centred);
    (0..block.n)
        .map(|point| {
            axes.each_ref().map(|(vector, value)| {
                let sum: f64 =
                    (0..m).map(|a| -0.5 * (squared(point, a) - means[a]) * vector[a]).sum();
                sum / value.sqrt()
            })
        })
        .collect()
}

/// The two largest eigenvalues with their vectors; where there is none above 0, an axis of its own order.
fn principal(matrix: &Array2<f64>) -> [(Vec<f64>, f64); 2] {
    let m = matrix.nrows();
    let mut found: Vec<(Vec<f64>, f64)> = match matrix.eigh() {
        Ok((values, vectors)) => {
            let vector = |index: usize| vectors.column(index).to_vec();
            (0..m).map(|index| (vector(index), values[index])).collect()
        }
        Err(_) => Vec::new(),
    };
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    let axis = |axis: usize| {
        let known = found.get(axis).filter(|(_, value)| *value > 1e-9).cloned();
        known.unwrap_or_else(|| {
            let wave = (0..m).map(|index| ((index * (axis + 1)) as f64).sin() * 1e-3);
            (wave.collect(), 1.0)
        })
    };
    [axis(0), axis(1)]
}

/// Moves the points until the stress gains no more; gives the number of iterations.
fn scale(block: &Block, points: &mut [[f64; 2]], cancel: &Cancel) -> Result<usize> {
    let m = block.anchors.len();
    let mut pairs = block.pairs.clone();
    let mut targets = vec![0.0; block.n * m];
    let mut before = f64::INFINITY;
    // Many points gain little by many iterations, and cost the more for each.
    let most = if block.n > ALL_PAIRS { 40 } else { MOST_ITERATIONS };
    for iteration in 0..most {
        cancel.check()?;
        let (distances, fitted) = block.fit(points, &mut pairs);
        let now = stress(&distances, &fitted);
        if before - now < GAIN * before || now < 1e-7 {
            return Ok(iteration);
        }
        before = now;
        // Fitted distances of the size of the distances, or the points would shrink.
        let size = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
        let factor = (size(&distances) / size(&fitted).max(f64::MIN_POSITIVE)).sqrt();
        for (pair, fitted) in pairs.iter().zip(&fitted) {
            targets[pair.0 as usize * m + pair.1 as usize] = fitted * factor;
        }
        if block.n == m {
            mirror(&mut targets, m);
            guttman(&targets, points);
        } else {
            for (place, anchor) in block.anchors.iter().enumerate() {
                for before in 0..place {
                    let other = block.anchors[before];
                    targets[anchor * m + before] = targets[other * m + place];
                }
            }
            bipartite(block, &targets, points);
        }
    }
    Ok(most)
}

/// Pairs are there once, above the diagonal.
fn mirror(targets: &mut [f64], m: usize) {
    for row in 1..m {
        for column in 0..row {
            targets[row * m + column] = targets[column * m + row];
        }
    }
}

/// Where a point is drawn by another: as far from it as the target says, in the direction in which it is.
fn pulled(point: [f64; 2], from: [f64; 2], target: f64) -> [f64; 2] {
    let (x, y) = (point[0] - from[0], point[1] - from[1]);
    let distance = x.hypot(y);
    if distance <= 1e-12 {
        return from;
    }
    let factor = target / distance;
    [from[0] + factor * x, from[1] + factor * y]
}

/// The Guttman transform with all weights 1: each point to the mean of where the others draw it, about a
/// centre that stays.
fn guttman(targets: &[f64], points: &mut [[f64; 2]]) {
    let n = points.len();
    let old = points.to_vec();
    points.par_iter_mut().enumerate().with_min_len(16).for_each(|(index, point)| {
        let mut sum = [0.0, 0.0];
        for (other, place) in old.iter().enumerate() {
            if other != index {
                let pulled = pulled(old[index], *place, targets[index * n + other]);
                sum[0] += pulled[0];
                sum[1] += pulled[1];
            }
        }
        *point = [sum[0] / n as f64, sum[1] / n as f64];
        // The point's own share of the mean: the sum of all is 0 up to a shift.
        point[0] += old[index][0] / n as f64;
        point[1] += old[index][1] / n as f64;
    });
}

/// The points that are no anchors to the mean of where the anchors draw them, then each anchor to the
/// mean of where all points draw it: each half lowers the raw stress with the other held.
fn bipartite(block: &Block, targets: &[f64], points: &mut [[f64; 2]]) {
    let m = block.anchors.len();
    let old = points.to_vec();
    let anchored: Vec<[f64; 2]> = block.anchors.iter().map(|anchor| old[*anchor]).collect();
    points.par_iter_mut().enumerate().with_min_len(64).for_each(|(index, point)| {
        let mut sum = [0.0, 0.0];
        for (place, anchor) in anchored.iter().enumerate() {
            let pulled = if block.anchors[place] == index {
                old[index]
            } else {
                pulled(old[index], *anchor, targets[index * m + place])
            };
            sum[0] += pulled[0];
            sum[1] += pulled[1];
        }
        *point = [sum[0] / m as f64, sum[1] / m as f64];
    });
    let moved = points.to_vec();
    let anchors: Vec<[f64; 2]> = (0..m)
        .into_par_iter()
        .map(|place| {
            let anchor = block.anchors[place];
            let mut sum = [0.0, 0.0];
            for (index, point) in moved.iter().enumerate() {
                let pulled = if index == anchor {
                    moved[anchor]
                } else {
                    pulled(moved[anchor], *point, targets[index * m + place])
                };
                sum[0] += pulled[0];
                sum[1] += pulled[1];
            }
            [sum[0] / moved.len() as f64, sum[1] / moved.len() as f64]
        })
        .collect();
    for (place, point) in anchors.into_iter().enumerate() {
        points[block.anchors[place]] = point;
    }
}

/// Centred, the longest extent along x, the farthest point to the right and above: maps of the same data
/// look the same.
fn orient(points: &mut [[f64; 2]]) {
    let n = points.len() as f64;
    let mean = |axis: usize, points: &[[f64; 2]]| points.iter().map(|p| p[axis]).sum::<f64>() / n;
    let centre = [mean(0, points), mean(1, points)];
    points.iter_mut().for_each(|point| *point = [point[0] - centre[0], point[1] - centre[1]]);
    let moment = |f: fn(&[f64; 2]) -> f64| points.iter().map(f).sum::<f64>();
    let (xx, yy, xy) = (moment(|p| p[0] * p[0]), moment(|p| p[1] * p[1]), moment(|p| p[0] * p[1]));
    let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
    let (sin, cos) = angle.sin_cos();
    points.iter_mut().for_each(|point| {
        *point = [point[0] * cos + point[1] * sin, point[1] * cos - point[0] * sin];
    });
    for axis in [0, 1] {
        let farthest = points
            .iter()
            .map(|point| point[axis])
            .fold(0.0_f64, |far, value| if value.abs() > far.abs() { value } else { far });
        if farthest < 0.0 {
            points.iter_mut().for_each(|point| point[axis] = -point[axis]);
        }
    }
}
