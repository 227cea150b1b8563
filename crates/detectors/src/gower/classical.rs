//! Classical scaling (Torgerson 1952), the initial configuration of a map.

use linfa_linalg::{eigh::Eigh, qr::QR};
use ndarray::{Array2, Axis};

use super::nmds::Point;

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
        basis = match centred.dot(&basis).qr() {
            Ok(decomposed) => decomposed.into_decomp().0,
            Err(_) => break,
        };
    }
    let small = basis.t().dot(&centred.dot(&basis));
    let Ok((values, vectors)) = small.eigh() else { return waves(rows) };
    let mut order: Vec<usize> = (0..directions).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    let mut points = waves(rows);
    for (axis, place) in order.into_iter().take(2).enumerate() {
        if values[place] > 1e-9 {
            let vector = basis.dot(&vectors.column(place));
            points
                .iter_mut()
                .zip(&vector)
                .for_each(|(point, share)| point[axis] = share * values[place].sqrt());
        }
    }
    points
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
