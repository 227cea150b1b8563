//! The principal directions of rows: eigenvalues and eigenvectors of their covariance.
//!
//! With fewer rows than columns they are computed from the products of all pairs of rows, which have the same eigenvalues except
//! zeros (Turk and Pentland 1991, "Eigenfaces for Recognition", Journal of Cognitive Neuroscience 3, section 2): the time is
//! then linear in the number of columns.

use std::ops::Range;

use anomal_core::Result;
use ndarray::{Array2, ArrayView2, Axis, Slice, linalg::general_mat_mul};
use rayon::prelude::*;

use super::{
    decomposition::eigen,
    linear::{Dense, NULL, view},
};

/// Columns per matrix product.
const PANEL: usize = 256;

#[derive(Clone, Debug)]
pub(crate) struct Spectrum {
    /// In descending order.
    pub values: Vec<f64>,
    /// The vectors as columns, each signed so that its largest entry is positive. There are fewer than their length if they were
    /// computed from fewer rows: in all other directions the variance is 0.
    pub vectors: Array2<f64>,
}

impl Spectrum {
    /// # Errors
    /// `Internal` if the matrix is not square, or a value not finite.
    pub fn from_symmetric(matrix: &Array2<f64>) -> Result<Self> {
        let (mut values, mut vectors) = eigen(matrix)?;
        values.reverse();
        vectors.reverse();
        Ok(Self::new(values, &vectors, matrix.nrows()))
    }

    fn new(values: Vec<f64>, vectors: &[Vec<f64>], width: usize) -> Self {
        let mut columns = Array2::zeros((width, vectors.len()));
        for (mut column, vector) in columns.columns_mut().into_iter().zip(vectors) {
            let farthest = vector.iter().fold(0.0_f64, |most, entry| {
                if entry.abs() > most.abs() * (1.0 + 1e-9) { *entry } else { most }
            });
            let sign = farthest.signum();
            column.iter_mut().zip(vector).for_each(|(entry, value)| *entry = value * sign);
        }
        Self { values, vectors: columns }
    }

    /// The mean of rows, and the directions of their covariance, with a weight for each row if given.
    ///
    /// # Errors
    /// `Internal` if a value is not finite.
    pub fn from_rows(rows: &Dense, weights: Option<&[f64]>) -> Result<(Vec<f64>, Self)> {
        if rows.rows >= rows.width {
            let moments = rows.moments(weights);
            return Ok((moments.mean, Self::from_symmetric(&moments.covariance)?));
        }
        let all = vec![1.0; rows.rows];
        let weights = weights.unwrap_or(&all);
        let (mean, count) = rows.mean(weights);
        let share = if count > 0.0 { count.recip() } else { 0.0 };
        let roots: Vec<f64> = weights.iter().map(|weight| (weight * share).sqrt()).collect();
        let (values, vectors) = eigen(&pairs(rows, &mean, &roots))?;
        let first = values.last().copied().unwrap_or(0.0);
        let present = values.iter().rev().take_while(|value| **value > first * NULL && first > 0.0);
        let values: Vec<f64> = present.copied().collect();
        // A direction is a sum of rows.
        let mut sums = Array2::zeros((rows.rows, values.len()));
        let columns = sums.columns_mut().into_iter().zip(vectors.iter().rev()).zip(&values);
        for ((mut column, vector), value) in columns {
            for ((sum, entry), root) in column.iter_mut().zip(vector).zip(&roots) {
                *sum = entry * root / value.sqrt();
            }
        }
        let panels = values.len().div_ceil(PANEL);
        let panel = |panel: usize| -> Vec<Vec<f64>> {
            let range = panel * PANEL..values.len().min((panel + 1) * PANEL);
            let mut found = Array2::zeros((rows.width, range.len()));
            let own = sums.slice_axis(Axis(1), Slice::from(range));
            let some = |rows: &Range<usize>| own.slice_axis(Axis(0), Slice::from(rows.clone()));
            for (place, columns) in rows.blocks() {
                let centred = centred(columns, place.len(), &mean);
                let Some(centred) = view(rows.width, place.len(), &centred) else { continue };
                general_mat_mul(1.0, &centred, &some(&place), 1.0, &mut found);
            }
            found.columns().into_iter().map(|column| column.to_vec()).collect()
        };
        let vectors: Vec<Vec<Vec<f64>>> = (0..panels).into_par_iter().map(panel).collect();
        Ok((mean, Self::new(values, &vectors.concat(), rows.width)))
    }

    /// The symmetric matrix with these eigenvectors and mapped eigenvalues, given with their positions.
    pub fn mapped(&self, of: impl Fn(usize, f64) -> f64) -> Array2<f64> {
        let mut scaled = self.vectors.clone();
        for (place, (mut column, value)) in
            scaled.columns_mut().into_iter().zip(&self.values).enumerate()
        {
            column *= of(place, *value);
        }
        let mut product = Array2::zeros((scaled.nrows(), scaled.nrows()));
        let panels = product
            .axis_chunks_iter_mut(Axis(0), PANEL)
            .zip(scaled.axis_chunks_iter(Axis(0), PANEL));
        let panels: Vec<_> = panels.collect();
        panels.into_par_iter().for_each(|(mut product, scaled)| {
            general_mat_mul(1.0, &scaled, &self.vectors.t(), 0.0, &mut product);
        });
        product
    }
}

fn centred(columns: &[f64], rows: usize, mean: &[f64]) -> Vec<f64> {
    let mut centred = columns.to_vec();
    for (column, mean) in centred.chunks_mut(rows.max(1)).zip(mean) {
        column.iter_mut().for_each(|value| *value -= mean);
    }
    centred
}

/// The products of all pairs of rows, less the mean and times a factor for each.
fn pairs(rows: &Dense, mean: &[f64], factors: &[f64]) -> Array2<f64> {
    let blocks: Vec<(usize, Array2<f64>)> = rows
        .blocks()
        .map(|(place, columns)| {
            let centred = centred(columns, place.len(), mean);
            let mut block = view(rows.width, place.len(), &centred)
                .map(|block: ArrayView2<'_, f64>| block.to_owned())
                .unwrap_or_default();
            for mut row in block.rows_mut() {
                row.iter_mut().zip(&factors[place.clone()]).for_each(|(value, by)| *value *= by);
            }
            (place.start, block)
        })
        .collect();
    let places = 0..blocks.len();
    let all: Vec<(usize, usize)> =
        places.flat_map(|one| (0..=one).map(move |other| (one, other))).collect();
    let products: Vec<_> = all
        .into_par_iter()
        .map(|(one, other)| {
            let ((down, one), (across, other)) = (&blocks[one], &blocks[other]);
            (*down, *across, one.t().dot(other))
        })
        .collect();
    let mut matrix = Array2::zeros((rows.rows, rows.rows));
    for (down, across, product) in products {
        for ((row, column), value) in product.indexed_iter() {
            matrix[(down + row, across + column)] = *value;
            matrix[(across + column, down + row)] = *value;
        }
    }
    matrix
}
