//! Classical scaling (Torgerson 1952), the initial configuration of a map.

use ndarray::{Array2, Axis};

use super::nmds::Point;
use crate::numeric::spectrum::Spectrum;

/// Directions of the iteration; more than the two needed, so that these converge soon.
const DIRECTIONS: usize = 6;
const ROUNDS: usize = 30;

/// The first two principal coordinates by subspace iteration (Golub and Van Loan, "Matrix Computations", section
/// 8.2.4). As an initial configuration they need no full precision.
pub(crate) fn classical(condensed: &[f32], rows: usize) -> Vec<Point> {
    let centred = centred(condensed, rows);
    let directions = DIRECTIONS.min(rows);
    // Waves of different lengths: neither constant nor parallel.
    let mut basis = Array2::from_shape_fn((rows, directions), |(row, direction)| {
        ((row * (2 * direction + 1)) as f64 * 0.618_034 + direction as f64).sin()
    });
    for _ in 0..ROUNDS {
        basis = centred.dot(&basis);
        orthogonalise(&mut basis);
    }
    let small = basis.t().dot(&centred.dot(&basis));
    let mut points = waves(rows);
    let Ok(Spectrum { values, vectors }) = Spectrum::from_symmetric(&small) else { return points };
    for (axis, value) in values.into_iter().take(2).enumerate() {
        if value > 1e-9 {
            let vector = basis.dot(&vectors.column(axis));
            points
                .iter_mut()
                .zip(&vector)
                .for_each(|(point, share)| point[axis] = share * value.sqrt());
        }
    }
    points
}

/// Makes the columns orthogonal and of unit length, by Gram and Schmidt, twice against rounding (Giraud, Langou and Rozložník
/// 2005, "The loss of orthogonality in the Gram-Schmidt orthogonalization process", Computers & Mathematics with
/// Applications 50). A column that depends on those before it becomes 0.
fn orthogonalise(basis: &mut Array2<f64>) {
    for place in 0..basis.ncols() {
        let (before, mut rest) = basis.view_mut().split_at(Axis(1), place);
        let mut column = rest.column_mut(0);
        let length = column.dot(&column).sqrt();
        for _ in 0..2 {
            for other in before.columns() {
                let along = column.dot(&other);
                column.scaled_add(-along, &other);
            }
        }
        let left = column.dot(&column).sqrt();
        column *= if left > length * 1e-12 { left.recip() } else { 0.0 };
    }
}

/// Double-centred squared distances: the inner products of the points.
fn centred(condensed: &[f32], rows: usize) -> Array2<f64> {
    let mut squares = Array2::<f64>::zeros((rows, rows));
    let mut distances = condensed.iter();
    for row in 0..rows {
        for (other, distance) in (row + 1..rows).zip(&mut distances) {
            let square = f64::from(*distance).powi(2);
            squares[(row, other)] = square;
            squares[(other, row)] = square;
        }
    }
    let means = squares.sum_axis(Axis(0)) / rows as f64;
    let mean = means.sum() / rows as f64;
    Array2::from_shape_fn((rows, rows), |(a, b)| {
        -0.5 * (squares[(a, b)] - means[a] - means[b] + mean)
    })
}

/// The points of coinciding rows: close together, and no two equal.
fn waves(rows: usize) -> Vec<Point> {
    (0..rows).map(|row| [(row as f64).sin() * 1e-3, (2.0 * row as f64).sin() * 1e-3]).collect()
}
