//! Numerical methods that several detectors share. Results have the same bits on any number of threads: rows
//! are processed in blocks of a fixed size, and sums are added in a fixed order.

use anomal_core::Result;

use crate::{
    constants::Constants,
    context::Context,
    dense::{Encoding, Weights},
    matrix::Matrix,
};

mod brute;
mod decomposition;
pub(crate) mod directions;
pub(crate) mod hyperplanes;
pub(crate) mod identity;
pub(crate) mod isolation;
mod kd;
pub(crate) mod kmeans;
pub(crate) mod linear;
pub(crate) mod mixture;
pub(crate) mod nearest;
pub(crate) mod projections;
pub(crate) mod robust;
pub(crate) mod sample;
pub(crate) mod spectrum;
pub(crate) mod support;
#[cfg(test)]
mod tests;
pub(crate) mod walk;

/// The dense encoding of a matrix, and a sample of its encoded rows to fit: at most `most_rows`, and no more than
/// fit into a quarter of the memory budget. The sample and its order depend on the values alone.
///
/// # Errors
/// `Cancelled`.
pub(crate) fn fit_dense(
    matrix: &Matrix,
    most_rows: usize,
    most_levels: usize,
    weights: Weights,
    context: &Context<'_>,
) -> Result<(Encoding, linear::Dense)> {
    const FEWEST: usize = 1_000;
    context.cancel.check()?;
    let mut encoding = Encoding::fit(matrix, most_levels, weights);
    if context.whole {
        encoding.constants = Constants::fit(matrix);
    }
    let bytes = size_of::<f64>() * encoding.width().max(1);
    let affordable = (context.memory_budget / 4 / bytes).max(FEWEST);
    let rows = sample::sample(matrix, most_rows.min(affordable), context.seed);
    context.cancel.check()?;
    let chosen = matrix.select(&rows);
    let encoder = encoding.bind(&chosen)?;
    let dense = linear::Dense::from_encoder(&encoder, chosen.rows, context.cancel)?;
    Ok((encoding, dense))
}
