//! Rows that know their numbers.

use polars::prelude::{BooleanChunked, Column, DataFrame, IntoColumn, NamedFrom, Series};

use crate::{Error, Result};

/// The name of the row numbers' column where a table travels or is stored.
pub const ROW: &str = "anomal.row";

/// Columns of equal length with the number that each row has in the input (from 0, in input order).
/// Results refer to rows by number, never by position.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Column,
    columns: DataFrame,
}

impl Table {
    /// # Errors
    /// `Internal` if the number of rows differs.
    pub fn new(rows: Vec<u64>, columns: DataFrame) -> Result<Self> {
        Self::from_parts(Series::new(ROW.into(), rows).into_column(), columns)
    }

    pub(crate) fn from_parts(rows: Column, columns: DataFrame) -> Result<Self> {
        if columns.width() > 0 && columns.height() != rows.len() {
            return Err(Error::internal(format!(
                "{} row numbers for {} rows",
                rows.len(),
                columns.height()
            )));
        }
        Ok(Self { rows, columns })
    }

    pub fn height(&self) -> usize {
        self.rows.len()
    }

    /// The rows' numbers.
    pub fn rows(&self) -> Vec<u64> {
        self.rows.u64().map(|rows| rows.into_no_null_iter().collect()).unwrap_or_default()
    }

    pub fn columns(&self) -> &DataFrame {
        &self.columns
    }

    pub fn into_columns(self) -> DataFrame {
        self.columns
    }

    /// The same rows with other columns.
    ///
    /// # Errors
    /// `Internal` if the number of rows differs.
    pub fn with_columns(&self, columns: DataFrame) -> Result<Self> {
        Self::from_parts(self.rows.clone(), columns)
    }

    /// The rows for which `mask` is true.
    ///
    /// # Errors
    /// `Internal` if the mask is of another length.
    pub fn filter(&self, mask: &BooleanChunked) -> Result<Self> {
        let columns = if self.columns.width() == 0 {
            self.columns.clone()
        } else {
            self.columns.filter(mask)?
        };
        Self::from_parts(self.rows.filter(mask)?, columns)
    }

    #[must_use]
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        let columns = if self.columns.width() == 0 {
            self.columns.clone()
        } else {
            self.columns.slice(offset, length)
        };
        Self { rows: self.rows.slice(offset, length), columns }
    }

    /// Appends rows; call [`Table::rechunk`] before reading columns after many of them.
    ///
    /// # Errors
    /// `Internal` if the columns differ.
    pub fn append(&mut self, other: &Self) -> Result<()> {
        self.rows.append(&other.rows)?;
        if self.columns.width() > 0 {
            self.columns.vstack_mut(&other.columns)?;
        }
        Ok(())
    }

    /// Appends these rows to a table that begins with the first of them.
    ///
    /// # Errors
    /// As [`Table::append`].
    pub fn append_to(self, sum: &mut Option<Self>) -> Result<()> {
        match sum {
            Some(sum) => sum.append(&self),
            none => {
                *none = Some(self);
                Ok(())
            }
        }
    }

    /// Brings every column into one piece, so that what is computed does not depend on how it came.
    pub fn rechunk(&mut self) {
        self.rows = self.rows.rechunk();
        self.columns.rechunk_mut_par();
    }

    /// One frame with [`ROW`] as its first column: the form in which a table travels.
    ///
    /// # Errors
    /// `Internal` if a column has that name.
    pub fn into_frame(self) -> Result<DataFrame> {
        let height = self.rows.len();
        let mut columns = Vec::with_capacity(self.columns.width() + 1);
        columns.push(self.rows);
        columns.extend(self.columns.into_columns());
        Ok(DataFrame::new(height, columns)?)
    }

    /// The inverse of [`Table::into_frame`].
    ///
    /// # Errors
    /// `InvalidRequest` if the first column is not [`ROW`] of type u64 without nulls.
    pub fn from_frame(frame: DataFrame) -> Result<Self> {
        use crate::Code;
        let height = frame.height();
        let mut columns = frame.into_columns();
        let good = columns.first().is_some_and(|rows| {
            rows.name().as_str() == ROW && rows.u64().is_ok_and(|rows| rows.null_count() == 0)
        });
        if !good {
            return Err(Error::new(
                Code::InvalidRequest,
                "ROW_COLUMN_MISSING",
                format!("the first column of a table must be `{ROW}` of type u64 without nulls"),
            ));
        }
        let rows = columns.remove(0);
        Self::from_parts(rows, DataFrame::new(height, columns)?)
    }
}
