//! Encodes rows as documents of the Elastic Common Schema (docs/results.md), directly as JSON.
//!
//! Constant fields are encoded once per run; columns are looked up and converted once per batch; a row only copies.

mod batch;
mod cells;
pub(super) mod ecs;
mod ids;
mod incidents;
mod lists;
mod object;
mod related;
mod run_fields;
mod tree;

use anomal_core::{Batch, Result};
use anomal_spec::Include;

pub(super) use self::{batch::DocumentBatch, ids::DocumentIds, run_fields::RunFields};
use crate::run_info::RunInfo;

/// Encodes the documents of a run.
pub(super) struct DocumentWriter(RunFields);

impl DocumentWriter {
    pub fn new(run: &RunInfo, include: &[Include]) -> Self {
        Self(RunFields::new(run, include))
    }

    /// Prepares the columns of a batch for encoding row by row.
    pub fn columns<'a>(&'a self, batch: &Batch) -> Result<DocumentBatch<'a>> {
        DocumentBatch::new(&self.0, batch)
    }
}
#[cfg(test)]
mod tests;
