//! Splits rows into row groups.

use anomal_core::Result;
use polars::prelude::DataFrame;

/// Rows of a row group: enough to compress well, few enough to hold several.
const ROW_GROUP: usize = 131_072;

/// Buffers rows until a row group is full. The split depends on the rows alone, not on the batches.
#[derive(Default)]
pub(super) struct RowGroups(Option<DataFrame>);

impl RowGroups {
    /// Adds rows and returns the full groups.
    pub fn push(&mut self, frame: DataFrame) -> Result<Vec<DataFrame>> {
        let buffered = match self.0.take() {
            Some(mut buffered) => {
                buffered.vstack_mut(&frame)?;
                buffered
            }
            None => frame,
        };
        let full = buffered.height() / ROW_GROUP;
        self.0 = Some(slice(&buffered, full * ROW_GROUP, usize::MAX));
        Ok((0..full).map(|group| slice(&buffered, group * ROW_GROUP, ROW_GROUP)).collect())
    }

    /// Removes the remaining rows: a small group.
    pub fn rest(&mut self) -> Option<DataFrame> {
        self.0.take().filter(|rest| rest.height() > 0)
    }
}

fn slice(frame: &DataFrame, start: usize, length: usize) -> DataFrame {
    frame.slice(i64::try_from(start).unwrap_or(i64::MAX), length)
}
