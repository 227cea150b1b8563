//! A symmetric map of rows that differs from a multiple of the identity in a few directions: with fewer fitted rows than
//! columns, a matrix of all pairs of columns would hold nothing more.

use ndarray::{ArrayViewMut2, linalg::general_mat_mul};
use serde::{Deserialize, Serialize};

use super::{
    linear::{Affine, view},
    spectrum::Spectrum,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Directions {
    /// Onto the directions.
    projection: Affine,
    /// The factor of all other directions.
    base: f64,
    /// The factor of each direction minus the base.
    gains: Vec<f64>,
}

impl Directions {
    /// `factor` maps the variance in a direction, given with its position, to its factor.
    pub fn new(
        centre: Vec<f64>,
        spectrum: &Spectrum,
        base: f64,
        factor: impl Fn(usize, f64) -> f64,
    ) -> Self {
        let values = spectrum.values.iter().enumerate();
        let gains = values.map(|(place, value)| factor(place, *value) - base).collect();
        let projection = Affine::new(centre, &spectrum.vectors.t().to_owned());
        Self { projection, base, gains }
    }

    /// Whether it maps this number of columns; it may come from an untrusted model.
    pub fn is_of(&self, width: usize) -> bool {
        self.projection.is_of(width, self.gains.len())
            && self.gains.iter().chain([&self.base]).all(|factor| factor.abs() <= 1e30)
    }

    /// Maps the rows of a block, column by column. A row's result is the same in every block.
    pub fn apply(&self, columns: &[f64], rows: usize, out: &mut Vec<f64>) {
        let mut coordinates = Vec::new();
        self.projection.apply(columns, rows, &mut coordinates);
        for (coordinates, gain) in coordinates.chunks_mut(rows.max(1)).zip(&self.gains) {
            coordinates.iter_mut().for_each(|value| *value *= gain);
        }
        out.clear();
        out.extend_from_slice(columns);
        for (column, centre) in out.chunks_mut(rows.max(1)).zip(&self.projection.centre) {
            column.iter_mut().for_each(|value| *value = (*value - centre) * self.base);
        }
        let (count, width) = (self.gains.len(), self.projection.centre.len());
        let factors = view(count, width, &self.projection.matrix);
        let out = ArrayViewMut2::from_shape((width, rows), out).ok();
        if let (Some(factors), Some(values), Some(mut out)) =
            (factors, view(count, rows, &coordinates), out)
        {
            general_mat_mul(1.0, &factors.t(), &values, 1.0, &mut out);
        }
    }
}
