//! The conditions of a fit.

use anomal_core::{Cancel, FitProgress};

/// What a fit depends on beside the parameters.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub seed: u64,
    /// Bytes that the largest structure may take.
    pub memory_budget: usize,
    pub cancel: &'a Cancel,
    /// Receives the steps of a detector that has several of similar size.
    pub progress: &'a FitProgress,
    /// Whether the matrix has all rows of the fit. Else a feature with one value in it is not constant: others may be among
    /// the rest.
    pub whole: bool,
}
