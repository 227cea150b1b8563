//! Nearest neighbours by all pairs. |a - b|² is |a|² + |b|² - 2ab, so the products are a matrix product, which
//! processors compute fast. It is computed in single precision; pairs that could be near, given its rounding error
//! (Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.1), are compared exactly.

use ndarray::{Array2, Axis, Slice, linalg::general_mat_mul};
use rand::{SeedableRng, rngs::ChaCha8Rng, seq::SliceRandom};

use super::nearest::Collector;

/// Points per matrix product.
const TILE: usize = 256;
/// Points that are skipped together.
const LANES: usize = 16;
/// More than the sum of all underflows in single precision, for any number of columns.
const VANISHING: f64 = 1e-30;
/// Products of larger values overflow single precision: points with them are compared exactly.
const LARGE: f64 = 1e15;

pub(crate) struct Brute {
    /// Shuffled: in sorted order each point could be a little nearer than the one before, and all would be compared
    /// exactly. Padded to a multiple of [`LANES`].
    points: Array2<f32>,
    /// [`least_square`] of each point.
    squares: Vec<f32>,
    /// The position of each point in the caller's order.
    places: Vec<u32>,
}

impl Brute {
    /// `points` are concatenated, each of `width` values, at least 1.
    pub fn new(points: &[f64], width: usize) -> Self {
        let mut places: Vec<u32> = (0_u32..).take(points.len() / width).collect();
        places.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
        let point = |place: &u32| &points[*place as usize * width..][..width];
        let count = places.len().next_multiple_of(LANES);
        let mut squares: Vec<f32> =
            places.iter().map(|place| least_square(point(place)) as f32).collect();
        squares.resize(count, f32::INFINITY);
        Self { points: halved(count, width, places.iter().map(point)), squares, places }
    }

    /// `all` are the points that `self` was built from; `asked` are the concatenated queries, one for each of `found`.
    pub fn visit(&self, all: &[f64], asked: &[f64], found: &mut [impl Collector]) {
        let width = self.points.ncols();
        let matrix = halved(found.len(), width, asked.chunks(width));
        let own: Vec<f64> = asked.chunks(width).map(least_square).collect();
        let mut products = Array2::<f32>::zeros((found.len(), TILE));
        let tiles = self.points.axis_chunks_iter(Axis(0), TILE);
        for (start, points) in (0..).step_by(TILE).zip(tiles) {
            let mut products = products.slice_axis_mut(Axis(1), Slice::from(..points.nrows()));
            general_mat_mul(-2.0, &matrix, &points.t(), 0.0, &mut products);
            let rows = products.outer_iter().zip(asked.chunks(width)).zip(&own);
            for (((products, point), own), found) in rows.zip(&mut *found) {
                let products = products.to_slice().unwrap_or_default();
                self.compare(products, start, (point, *own), all, found);
            }
        }
    }

    /// `products` are those of the query with the points from `start` on, times -2; `own` is its [`least_square`].
    fn compare(
        &self,
        products: &[f32],
        start: usize,
        (point, own): (&[f64], f64),
        all: &[f64],
        found: &mut impl Collector,
    ) {
        let (products, _) = products.as_chunks::<LANES>();
        let (squares, _) = self.squares[start..].as_chunks::<LANES>();
        for (at, (products, squares)) in products.iter().zip(squares).enumerate() {
            let limit = (found.farthest() - own + VANISHING) as f32;
            // NaN is not far.
            let is_far = |(product, square): (&f32, &f32)| product + square > limit;
            if products.iter().zip(squares).fold(true, |all, pair| all & is_far(pair)) {
                continue;
            }
            let places = &self.places[start + at * LANES..];
            for (pair, place) in products.iter().zip(squares).zip(places) {
                if is_far(pair) {
                    continue;
                }
                let other = &all[*place as usize * point.len()..];
                let differences = other.iter().zip(point).map(|(other, value)| other - value);
                // Summed from 0 in the order of the columns, as the tree does.
                let square = differences.fold(0.0, |sum, by| sum + by * by);
                if square <= found.farthest() {
                    found.offer(square, *place);
                }
            }
        }
    }
}

/// `count` points in single precision; missing ones are 0.
fn halved<'a>(count: usize, width: usize, points: impl Iterator<Item = &'a [f64]>) -> Array2<f32> {
    let mut matrix = Array2::zeros((count, width));
    for (mut row, point) in matrix.outer_iter_mut().zip(points) {
        row.iter_mut().zip(point).for_each(|(cell, value)| *cell = *value as f32);
    }
    matrix
}

/// The square of a point's length minus a bound of the rounding error of its products: with d columns the product
/// ab is off by at most (d + 2) u |a| |b|, and 2 |a| |b| is at most |a|² + |b|². The bound is doubled for the additions
/// that follow.
fn least_square(point: &[f64]) -> f64 {
    if point.iter().any(|value| value.abs() > LARGE) {
        return f64::NEG_INFINITY;
    }
    let share = (point.len() + 8) as f64 * f64::from(f32::EPSILON);
    let square: f64 = point.iter().map(|value| value * value).sum();
    square * (1.0 - share)
}
