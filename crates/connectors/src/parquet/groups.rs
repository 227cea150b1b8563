//! Rows cut into row groups.

use anomal_core::Result;
use polars::prelude::DataFrame;

/// Rows of a row group: enough to compress well, few enough to hold one for each thread.
const ROW_GROUP: usize = 131_072;

/// Rows that wait for a full row group. The cut depends on the rows alone, not on how they come.
#[derive(Default)]
pub(super) struct Groups(Option<DataFrame>);

impl Groups {
    /// Takes rows and gives the groups that are full, as soon as there is one for each thread.
    pub fn push(&mut self, frame: DataFrame) -> Result<Vec<DataFrame>> {
        let waiting = match self.0.take() {
            Some(mut waiting) => {
                waiting.vstack_mut(&frame)?;
                waiting
            }
            None => frame,
        };
        let full = waiting.height() / ROW_GROUP;
        if full < rayon::current_num_threads() {
            self.0 = Some(waiting);
            return Ok(Vec::new());
        }
        self.0 = Some(slice(&waiting, full * ROW_GROUP, usize::MAX));
        Ok((0..full).map(|group| slice(&waiting, group * ROW_GROUP, ROW_GROUP)).collect())
    }

    /// The rows that are left, once; the last group may be a small one.
    pub fn rest(&mut self) -> Option<Vec<DataFrame>> {
        let waiting = self.0.take()?;
        let groups = waiting.height().div_ceil(ROW_GROUP);
        Some((0..groups).map(|group| slice(&waiting, group * ROW_GROUP, ROW_GROUP)).collect())
    }
}

fn slice(frame: &DataFrame, start: usize, length: usize) -> DataFrame {
    frame.slice(i64::try_from(start).unwrap_or(i64::MAX), length)
}
