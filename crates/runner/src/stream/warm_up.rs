//! The rows on which the first model is fitted.

use anomal_core::{Batch, Error, Result, Table};
use polars::prelude::DataFrame;

/// The features of the first rows.
pub(super) struct WarmUp {
    wanted: usize,
    rows: Option<DataFrame>,
}

impl WarmUp {
    pub fn new(wanted: usize) -> Self {
        Self { wanted, rows: None }
    }

    pub fn rows(&self) -> Option<&DataFrame> {
        self.rows.as_ref()
    }

    pub fn restore(&mut self, rows: Option<DataFrame>) {
        self.rows = rows;
    }

    /// Adds the rows of a batch that belong to it, and returns them; then, if it ends with them, those behind.
    ///
    /// # Errors
    /// `Internal`.
    pub fn add(&mut self, batch: Batch) -> Result<(Batch, Option<Batch>)> {
        let missing = self.wanted - self.rows.as_ref().map_or(0, DataFrame::height);
        if batch.height() < missing {
            self.append(&batch)?;
            return Ok((batch, None));
        }
        let offsets = batch.offsets();
        let behind = offsets.get(missing).copied();
        let end = behind.unwrap_or_else(|| offsets.last().map_or(0, |last| last + 1));
        let (head, tail) = batch.split_at_offset(end)?;
        self.append(&head)?;
        Ok((head, Some(tail)))
    }

    fn append(&mut self, batch: &Batch) -> Result<()> {
        match &mut self.rows {
            Some(rows) => {
                rows.vstack_mut(&batch.features)?;
            }
            None => self.rows = Some(batch.features.clone()),
        }
        Ok(())
    }

    /// All of its rows, numbered.
    ///
    /// # Errors
    /// `Internal` if there are none.
    pub fn table(&self) -> Result<Table> {
        let rows = self.rows.clone().ok_or_else(|| Error::internal("a warm-up without rows"))?;
        let numbers = (0..rows.height() as u64).collect();
        let mut table = Table::new(numbers, rows)?;
        table.rechunk();
        Ok(table)
    }
}
