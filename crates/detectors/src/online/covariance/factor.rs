//! Cholesky factors of correlations.

use super::triangle;

/// Pivots are at least this, so that a factor of correlations that are nearly singular exists.
const LEAST_PIVOT: f64 = 1e-12;

/// That of the correlations of some numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Factor {
    width: usize,
    /// The lower triangle, row by row.
    lower: Vec<f64>,
    /// The diagonal of the inverse of the correlations.
    precisions: Vec<f64>,
}

impl Factor {
    /// `correlations`: the lower triangle of those of all numbers, of which the ones at `places` count, which ascend.
    pub fn new(correlations: &[f64], places: &[usize]) -> Self {
        let width = places.len();
        let mut lower: Vec<f64> = Vec::with_capacity(triangle(width));
        for (row, place) in places.iter().enumerate() {
            for (column, other) in places[..=row].iter().enumerate() {
                let (here, above) = (&lower[triangle(row)..], &lower[triangle(column)..]);
                let known: f64 =
                    here[..column].iter().zip(above).map(|(one, other)| one * other).sum();
                let rest = correlations[triangle(*place) + other] - known;
                let is_diagonal = column == row;
                let entry =
                    if is_diagonal { rest.max(LEAST_PIVOT).sqrt() } else { rest / above[column] };
                lower.push(entry);
            }
        }
        let mut factor = Self { width, lower, precisions: Vec::with_capacity(width) };
        for place in 0..width {
            let mut unit = vec![0.0; width];
            unit[place] = 1.0;
            factor.solve(&mut unit);
            factor.precisions.push(unit.iter().map(|value| value * value).sum());
        }
        factor
    }

    /// Multiplies a vector by the inverse of the factor.
    fn solve(&self, vector: &mut [f64]) {
        for row in 0..self.width {
            let (known, rest) = vector.split_at_mut(row);
            let (before, pivot) = self.row(row);
            let sum: f64 = before.iter().zip(known).map(|(entry, value)| entry * *value).sum();
            rest[0] = (rest[0] - sum) / pivot;
        }
    }

    /// Multiplies a vector by the inverse of the transposed factor.
    fn solve_transposed(&self, vector: &mut [f64]) {
        for row in (0..self.width).rev() {
            let (others, rest) = vector.split_at_mut(row);
            let (before, pivot) = self.row(row);
            rest[0] /= pivot;
            for (value, entry) in others.iter_mut().zip(before) {
                *value -= entry * rest[0];
            }
        }
    }

    /// A row of the triangle: what is before its diagonal, and that.
    fn row(&self, row: usize) -> (&[f64], f64) {
        let start = triangle(row);
        (&self.lower[start..start + row], self.lower[start + row])
    }

    /// The squared length of standardised differences, and by how much it would be less without each.
    pub fn distance(&self, differences: &mut [f64]) -> (f64, Vec<f64>) {
        self.solve(differences);
        let score = differences.iter().map(|value| value * value).sum();
        self.solve_transposed(differences);
        let parts = differences.iter().zip(&self.precisions);
        (score, parts.map(|(value, precision)| value * value / precision).collect())
    }
}
