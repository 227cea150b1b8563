//! A map of rows in the plane that keeps rows apart that are far apart by Gower's distance.
//!
//! Up to [`ALL_PAIRS`] rows all pairs are used (`nmds`). Beyond, landmarks are placed by all their pairs, and every other
//! row by its distances to them (landmark MDS; de Silva and Tenenbaum 2004, "Sparse multidimensional scaling using
//! landmark points"), mapped by the landmarks' monotone fit and moved until the stress gains no more.

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use super::{
    distances::row_to_run,
    encoding::EncodedRows,
    nmds::{Configuration, Point, Steps, nmds, stress_of},
    representatives,
};

/// The most rows of which all pairs are used.
pub(crate) const ALL_PAIRS: usize = 1_000;
const LANDMARKS: usize = 600;
/// The stress is computed over all pairs of at most so many rows.
const STRESS_POINTS: usize = 1_000;
/// The most moves of a row among landmarks; a move below this share of the map's size is the last.
const MOST_MOVES: usize = 50;
const LAST_MOVE: f64 = 1e-4;

/// Points in the plane.
pub(crate) struct Map {
    pub points: Vec<Point>,
    /// Kruskal's stress-1 over all pairs of `stress_points` points.
    pub stress: f64,
    pub stress_points: usize,
    pub iterations: usize,
    pub landmarks: bool,
}

/// # Errors
/// `Cancelled`.
pub(crate) fn map(rows: &EncodedRows, seed: u64, cancel: &Cancel) -> Result<Map> {
    let n = rows.rows;
    if n < 3 {
        return Ok(line(rows));
    }
    if n <= ALL_PAIRS {
        let Configuration { mut points, stress, iterations, .. } = nmds(rows, cancel)?;
        orient(&mut points);
        return Ok(Map { points, stress, stress_points: n, iterations, landmarks: false });
    }
    let anchors = representatives::choose(rows, LANDMARKS, seed, cancel)?.rows;
    let landmarks = rows.select(&anchors);
    let scaled = nmds(&landmarks, cancel)?;
    let mut points = place(rows, &landmarks, &scaled, cancel)?;
    for (anchor, point) in anchors.iter().zip(&scaled.points) {
        points[*anchor] = *point;
    }
    orient(&mut points);
    let sample: Vec<usize> = (0..n).step_by(n.div_ceil(STRESS_POINTS)).collect();
    let sample_points: Vec<Point> = sample.iter().map(|row| points[*row]).collect();
    let stress = stress_of(&rows.select(&sample), &sample_points, cancel)?;
    let iterations = scaled.iterations;
    Ok(Map { points, stress, stress_points: sample.len(), iterations, landmarks: true })
}

/// One or two points.
fn line(rows: &EncodedRows) -> Map {
    let mut points = vec![[0.0, 0.0]; rows.rows];
    if rows.rows == 2 {
        let mut distance = [0.0_f32];
        row_to_run(rows, 0, rows, 1, &mut distance);
        points[0][0] = f64::from(distance[0]) / 2.0;
        points[1][0] = -f64::from(distance[0]) / 2.0;
    }
    Map { points, stress: 0.0, stress_points: rows.rows, iterations: 0, landmarks: false }
}

/// Places each row by its distances to the landmarks.
fn place(
    rows: &EncodedRows,
    landmarks: &EncodedRows,
    scaled: &Configuration,
    cancel: &Cancel,
) -> Result<Vec<Point>> {
    let triangulation = Triangulation::new(&scaled.points);
    (0..rows.rows)
        .into_par_iter()
        .with_min_len(16)
        .map(|row| {
            cancel.check()?;
            let mut distances = vec![0.0_f32; landmarks.rows];
            row_to_run(rows, row, landmarks, 0, &mut distances);
            Ok(place_one(&distances, &scaled.points, &scaled.steps, &triangulation))
        })
        .collect()
}

/// The better of two descents: from the nearest landmark, and from the triangulated place.
fn place_one(
    distances: &[f32],
    landmarks: &[Point],
    steps: &Steps,
    triangulation: &Triangulation,
) -> Point {
    let ranges: Vec<(f64, f64)> = distances.iter().map(|distance| steps.range(*distance)).collect();
    let nearest =
        distances.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |one| one.0);
    let starts = [triangulation.place(&ranges), landmarks[nearest]];
    let ends =
        starts.map(|start| settle(start, &ranges, landmarks, triangulation.size * LAST_MOVE));
    let [(first, stress), (second, other)] = ends;
    if stress <= other { first } else { second }
}

/// Majorization of one point's stress against fixed landmarks. Returns the point and its raw stress.
fn settle(start: Point, ranges: &[(f64, f64)], landmarks: &[Point], last: f64) -> (Point, f64) {
    let mut point = start;
    let mut stress = f64::INFINITY;
    for _ in 0..MOST_MOVES {
        let (mut sum, mut raw) = ([0.0, 0.0], 0.0);
        for (landmark, (low, high)) in landmarks.iter().zip(ranges) {
            let (x, y) = (point[0] - landmark[0], point[1] - landmark[1]);
            let distance = (x * x + y * y).sqrt();
            let target = distance.clamp(*low, *high);
            raw += (distance - target) * (distance - target);
            let ratio = if distance > 0.0 { target / distance } else { 0.0 };
            sum[0] += landmark[0] + ratio * x;
            sum[1] += landmark[1] + ratio * y;
        }
        stress = raw;
        let share = 1.0 / landmarks.len() as f64;
        let next = [sum[0] * share, sum[1] * share];
        let moved = (next[0] - point[0]).hypot(next[1] - point[1]);
        point = next;
        if moved < last {
            break;
        }
    }
    (point, stress)
}

/// The least squares solution of a point's squared distances to landmarks about their centre.
struct Triangulation {
    /// Of each landmark, what it adds to the point for each unit of squared distance.
    pull: Vec<Point>,
    centre: Point,
    /// Mean squared distance of each landmark to all landmarks.
    means: Vec<f64>,
    /// The root of the mean squared distance of landmarks from their centre.
    size: f64,
}

impl Triangulation {
    fn new(landmarks: &[Point]) -> Self {
        let n = landmarks.len() as f64;
        let mean = |f: &dyn Fn(&Point) -> f64| landmarks.iter().map(f).sum::<f64>() / n;
        let centre = [mean(&|p| p[0]), mean(&|p| p[1])];
        let about: Vec<Point> =
            landmarks.iter().map(|p| [p[0] - centre[0], p[1] - centre[1]]).collect();
        let moment = |a: usize, b: usize| about.iter().map(|p| p[a] * p[b]).sum::<f64>();
        let (xx, yy, xy) = (moment(0, 0), moment(1, 1), moment(0, 1));
        let determinant = xx * yy - xy * xy;
        let inverse = if determinant > 1e-12 * (xx + yy).powi(2) { 1.0 / determinant } else { 0.0 };
        let pull = |p: &Point| {
            [-0.5 * inverse * (yy * p[0] - xy * p[1]), -0.5 * inverse * (xx * p[1] - xy * p[0])]
        };
        let square = (xx + yy) / n;
        Self {
            pull: about.iter().map(pull).collect(),
            centre,
            means: about.iter().map(|p| p[0] * p[0] + p[1] * p[1] + square).collect(),
            size: square.sqrt(),
        }
    }

    fn place(&self, ranges: &[(f64, f64)]) -> Point {
        let mut point = self.centre;
        for ((pull, mean), (low, high)) in self.pull.iter().zip(&self.means).zip(ranges) {
            let distance = f64::midpoint(*low, *high);
            let excess = distance * distance - mean;
            point[0] += pull[0] * excess;
            point[1] += pull[1] * excess;
        }
        point
    }
}

/// Centred, the longest extent along x, the farthest point to the right and above: maps of the same data
/// look the same.
fn orient(points: &mut [Point]) {
    let n = points.len() as f64;
    let mean = |axis: usize, points: &[Point]| points.iter().map(|p| p[axis]).sum::<f64>() / n;
    let centre = [mean(0, points), mean(1, points)];
    points.iter_mut().for_each(|point| *point = [point[0] - centre[0], point[1] - centre[1]]);
    let moment = |f: fn(&Point) -> f64| points.iter().map(f).sum::<f64>();
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
