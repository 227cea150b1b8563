//! The measure of distance at one moment.

use super::{factor::Factor, finite, triangle};
use crate::online::bytes::{Reader, Writer};

/// A number whose standard deviation is a smaller part of its mean has not varied.
const LEAST: f64 = 1e-9;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measure {
    mean: Vec<f64>,
    /// Standard deviations; 0: it has not varied.
    scales: Vec<f64>,
    /// The lower triangle of the shrunk correlations, row by row.
    correlations: Vec<f64>,
    /// The places of those that have varied, and what is computed of their correlations.
    varied: Vec<usize>,
    whole: Factor,
}

impl Measure {
    /// `rows`: how many the others are as good as.
    pub fn new(mean: &[f64], known: &[f64], products: &[f64], rows: f64) -> Self {
        let width = mean.len();
        let entry = |row: usize, column: usize| products[triangle(row) + column];
        let scale = |place: usize| {
            let scale = (entry(place, place) / known[place]).sqrt();
            let least = (mean[place].abs() * LEAST).max(f64::MIN_POSITIVE);
            if scale > least && scale.is_finite() { scale } else { 0.0 }
        };
        let kept = rows / (rows + width as f64);
        let mut correlations = Vec::with_capacity(triangle(width));
        for row in 0..width {
            for column in 0..row {
                let scale = (entry(row, row) * entry(column, column)).sqrt();
                let correlation = if scale > 0.0 { entry(row, column) / scale } else { 0.0 };
                correlations.push(kept * correlation.clamp(-1.0, 1.0));
            }
            correlations.push(1.0);
        }
        Self::with(mean.to_vec(), (0..width).map(scale).collect(), correlations)
    }

    fn with(mean: Vec<f64>, scales: Vec<f64>, correlations: Vec<f64>) -> Self {
        let varied: Vec<usize> = (0..scales.len()).filter(|place| scales[*place] > 0.0).collect();
        let whole = Factor::new(&correlations, &varied);
        Self { mean, scales, correlations, varied, whole }
    }

    /// The standard deviation of a number, if it has varied.
    pub fn scale(&self, place: usize) -> Option<f64> {
        Some(self.scales[place]).filter(|scale| *scale > 0.0)
    }

    /// The squared distance of a row, and by how much it would be less without each number, by their places.
    pub fn distance(&self, numbers: &[f64]) -> (f64, Vec<(usize, f64)>) {
        let is_there = |place: &&usize| !numbers[**place].is_nan();
        let places: Vec<usize> = self.varied.iter().filter(is_there).copied().collect();
        let mut differences: Vec<f64> = places
            .iter()
            .map(|place| (numbers[*place] - self.mean[*place]) / self.scales[*place])
            .collect();
        let (score, parts) = if places.len() == self.varied.len() {
            self.whole.distance(&mut differences)
        } else {
            Factor::new(&self.correlations, &places).distance(&mut differences)
        };
        (score, places.into_iter().zip(parts).collect())
    }

    pub fn write(&self, to: &mut Writer) {
        for numbers in [&self.mean, &self.scales, &self.correlations] {
            numbers.iter().for_each(|number| to.real(*number));
        }
    }

    pub fn read(from: &mut Reader<'_>, width: usize) -> Option<Self> {
        let (mean, scales) = (finite(from, width)?, finite(from, width)?);
        let correlations = finite(from, triangle(width))?;
        Some(Self::with(mean, scales, correlations))
    }
}
