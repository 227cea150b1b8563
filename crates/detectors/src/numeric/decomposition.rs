//! Decompositions of symmetric matrices by faer. Each runs on one thread, so that results have the same bits on any number of
//! threads.

use anomal_core::{Error, Result};
use faer::{
    Mat, MatMut, MatRef, Par,
    diag::Diag,
    dyn_stack::{MemBuffer, MemStack},
    linalg::{
        cholesky::llt::factor::{
            LltParams, LltRegularization, cholesky_in_place, cholesky_in_place_scratch,
        },
        evd::{
            ComputeEigenvectors, SelfAdjointEvdParams, self_adjoint_evd, self_adjoint_evd_scratch,
        },
        triangular_solve::solve_lower_triangular_in_place,
    },
    prelude::{Reborrow, ReborrowMut},
};
use ndarray::Array2;

/// Eigenvalues in ascending order with their vectors, each of unit length.
///
/// # Errors
/// `Internal` if the matrix is not square, or a value not finite.
pub(super) fn eigen(matrix: &Array2<f64>) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
    let failed = |why: &str| Error::internal(format!("eigenvalues: {why}"));
    let (height, width) = matrix.dim();
    if height != width {
        return Err(failed("the matrix is not square"));
    }
    if !matrix.iter().all(|value| value.is_finite()) {
        return Err(failed("a value is not finite"));
    }
    if width == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let entries: Vec<f64> = matrix.iter().copied().collect();
    let params = faer::Spec::<SelfAdjointEvdParams, f64>::default();
    let request = self_adjoint_evd_scratch(width, ComputeEigenvectors::Yes, Par::Seq, params);
    let mut scratch = MemBuffer::new(request);
    let (mut values, mut vectors) = (Diag::zeros(width), Mat::zeros(width, width));
    self_adjoint_evd(
        MatRef::from_row_major_slice(&entries, width, width),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut scratch),
        params,
    )
    .map_err(|error| failed(&format!("{error:?}")))?;
    let values = values.column_vector().iter().copied().collect();
    Ok((values, (0..width).map(|place| vectors.col_as_slice(place).to_vec()).collect()))
}

/// The lower factor of a Cholesky decomposition.
pub(super) struct Cholesky(Mat<f64>);

impl Cholesky {
    /// None if a pivot is less than `least`: the matrix is then nearly singular, or has negative eigenvalues.
    pub fn new(matrix: &Array2<f64>, least: f64) -> Option<Self> {
        let width = matrix.nrows();
        let mut factor = Mat::from_fn(width, width, |row, column| matrix[(row, column)]);
        let params = faer::Spec::<LltParams, f64>::default();
        let mut scratch = MemBuffer::new(cholesky_in_place_scratch(width, Par::Seq, params));
        cholesky_in_place(
            factor.as_mut(),
            LltRegularization::default(),
            Par::Seq,
            MemStack::new(&mut scratch),
            params,
        )
        .ok()?;
        // The square of a diagonal entry is a pivot.
        let good = (0..width).all(|place| factor[(place, place)].powi(2) >= least);
        good.then_some(Self(factor))
    }

    /// Multiplies rows by the inverse of the factor. They are given column by column.
    pub fn solve(&self, columns: &mut [f64], rows: usize) {
        let width = self.0.nrows();
        let mut columns = MatMut::from_row_major_slice_mut(columns, width, rows);
        solve_lower_triangular_in_place(self.0.rb(), columns.rb_mut(), Par::Seq);
    }
}
