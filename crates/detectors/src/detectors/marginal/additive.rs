//! Additive scores, as of HBOS, ECOD and COPOD: a row's score is the sum of a term for each feature.

use anomal_core::{Cancel, Error, Result};

use crate::{
    blocks::{Block, by_block},
    matrix::{MISSING, Matrix, MatrixColumn},
    scores::Scores,
};

/// The fitted model of a feature, bound to a column of a table.
pub(super) trait Lookup<'a>: Sized + Sync {
    type Model;

    /// None if the column has another kind.
    fn new(model: &'a Self::Model, column: &'a MatrixColumn) -> Option<Self>;

    /// Writes the terms of the rows from `start` on.
    fn terms(&self, start: usize, out: &mut [f64]);
}

/// The terms of a table's codes, and of a missing value.
pub(super) struct Codes<'a> {
    pub codes: &'a [u32],
    pub terms: Vec<f64>,
    pub missing: f64,
}

impl Codes<'_> {
    /// Writes the terms of the rows from `start` on.
    pub fn terms(&self, start: usize, out: &mut [f64]) {
        for (out, code) in out.iter_mut().zip(&self.codes[start..]) {
            *out = if *code == MISSING { self.missing } else { self.terms[*code as usize] };
        }
    }
}

/// Adds up the terms in the order of the features, so that a row's sum has the same bits in every batch.
///
/// # Errors
/// `Internal` if a column has another kind than when fitted; `Cancelled`.
pub(super) fn sums<'a, L: Lookup<'a>>(
    models: &'a [L::Model],
    matrix: &'a Matrix,
    shares: bool,
    cancel: &Cancel,
) -> Result<Scores> {
    let columns = models.iter().zip(&matrix.columns);
    let lookups: Vec<L> = columns
        .map(|(model, column)| L::new(model, column))
        .collect::<Option<_>>()
        .ok_or_else(|| Error::internal("a column of another kind than the fitted one"))?;
    let work = |scratch: &mut Vec<f64>, block: Block<'_, '_>| {
        scratch.resize(block.scores.len(), 0.0);
        for (feature, lookup) in lookups.iter().enumerate() {
            let terms = match block.parts.get_mut(feature) {
                Some(part) => &mut **part,
                None => scratch.as_mut_slice(),
            };
            lookup.terms(block.rows.start, terms);
            block.scores.iter_mut().zip(terms).for_each(|(score, term)| *score += *term);
        }
    };
    by_block(matrix.rows, lookups.len(), shares, cancel, Vec::new, work)
}
