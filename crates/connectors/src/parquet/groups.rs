//! Rows cut into row groups.

use anomal_core::Result;
use polars::prelude::DataFrame;

/// Rows of a row group: enough to compress well, few enough to hold several.
const ROW_GROUP: usize = 131_072;

/// Rows that wait for a full row group. The cut depends on the rows alone, not on how they come.
#[derive(Default)]
pub(super) struct Groups(Option<DataFrame>);

impl Groups {
    /// Takes rows and gives the groups that are full.
    pub fn push(&mut self, frame: DataFrame) -> Result<Vec<DataFrame>> {
        let waiting = match self.0.take() {
            Some(mut waiting) => {
                waiting.vstack_mut(&frame)?;
                waiting
            }
            None => frame,
        };
        let full = waiting.height() / ROW_GROUP;
        self.0 = Some(slice(&waiting, full * ROW_GROUP, usize::MAX));
        Ok((0..full).map(|group| slice(&waiting, group * ROW_GROUP, ROW_GROUP)).collect())
    }

    /// The rows that are left, once: a small group.
    pub fn rest(&mut self) -> Option<DataFrame> {
        self.0.take().filter(|rest| rest.height() > 0)
    }
}

fn slice(frame: &DataFrame, start: usize, length: usize) -> DataFrame {
    frame.slice(i64::try_from(start).unwrap_or(i64::MAX), length)
}
