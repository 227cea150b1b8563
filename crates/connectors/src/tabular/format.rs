//! What a format of text records does.

use std::sync::Arc;

use anomal_core::Result;
use anomal_spec::TypeSetting;
use polars::prelude::DataFrame;

use super::settings::TextSettings;
use crate::{
    records::{BadRecordPolicy, HeaderLines, OpenedFile, RawBatch, Records},
    typing::CellText,
};

/// Splits records into cells.
pub(crate) trait TextFormat: Send + Sync {
    /// Sets how records are divided.
    fn prepare(&mut self, records: &mut Records);

    /// Reads what precedes the records of a file behind the first, whose name is `first`.
    ///
    /// # Errors
    /// `InvalidInput` if the file has not the same columns.
    fn begin_next(&self, file: &mut OpenedFile<'_>, first: &str) -> Result<()>;

    /// Looks at the first records, if these show the columns.
    ///
    /// # Errors
    /// `InvalidInput` if they show none.
    fn learn(&mut self, first: &[RawBatch], settings: &TextSettings) -> Result<()> {
        let _ = (first, settings);
        Ok(())
    }

    /// The names of the columns, all different.
    fn columns(&self) -> &[String];

    /// The type of a column that the format itself has. It is that of most values: others are strays.
    fn declared(&self, column: &str) -> Option<TypeSetting> {
        let _ = column;
        None
    }

    /// How the cells of a column are read.
    fn cell_text(&self, column: &str) -> CellText {
        let _ = column;
        CellText::AsRead
    }

    /// What reads header lines between records, where there are such.
    fn header_lines(&self) -> Option<Box<dyn HeaderLines>> {
        None
    }

    /// Whether each line is a record by itself, behind header lines.
    fn is_by_line(&self) -> bool {
        false
    }

    /// The format of records behind a heading, if that has other columns than the first one.
    fn behind(&self, heading: &str) -> Option<Arc<dyn TextFormat>> {
        let _ = heading;
        None
    }

    /// Splits records into the cells of all columns, as text. Records that can't be split are rejected.
    ///
    /// # Errors
    /// `Internal`.
    fn split(&self, raw: RawBatch, policy: &BadRecordPolicy) -> Result<CellBatch>;
}

/// Records split into cells.
pub(crate) struct CellBatch {
    pub raw: RawBatch,
    pub cells: DataFrame,
    /// Names of cells that have no column, in the order of their first appearance.
    pub unknown: Vec<String>,
}
