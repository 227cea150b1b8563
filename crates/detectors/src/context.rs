//! The conditions of a fit.

use anomal_core::Cancel;

/// What a fit depends on beside the parameters.
pub struct Context<'a> {
    pub seed: u64,
    /// Bytes that the largest structure may take.
    pub memory_budget: usize,
    pub cancel: &'a Cancel,
}
