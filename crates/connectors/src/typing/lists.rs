//! Columns of lists in one form.

use anomal_core::{Result, json_list};
use polars::prelude::{Column, IntoColumn, StringChunked};

use super::stored::texts;
use crate::json_text;

/// How the lists of a column are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListForm {
    /// What stands between items; none: one of the forms that are known.
    pub separator: Option<String>,
}

impl ListForm {
    /// The lists as JSON arrays. Cells without a value stay so.
    ///
    /// # Errors
    /// `Internal`.
    pub fn normalize(&self, column: &Column) -> Result<Column> {
        let texts = texts(&json_text::to_plain(column)?)?;
        let separator = self.separator.as_deref();
        let lists: StringChunked = texts
            .str()?
            .iter()
            .map(|cell| cell.filter(|cell| !cell.is_empty()).map(|cell| json_list(cell, separator)))
            .collect();
        Ok(lists.with_name(column.name().clone()).into_column())
    }
}
