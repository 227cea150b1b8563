//! The columns that a computation reads.

use std::sync::Arc;

use anomal_core::{Error, Result};
use polars::prelude::Column;

use crate::dictionary::{Dictionaries, Dictionary};

/// The columns of a component's inputs, in their order. That of an optional input may be absent.
#[derive(Clone)]
pub struct Inputs<'a> {
    columns: Vec<Option<&'a Column>>,
    dictionaries: &'a Dictionaries,
}

impl<'a> Inputs<'a> {
    /// Columns of one table, whose dictionaries these are.
    pub fn new(columns: Vec<Option<&'a Column>>, dictionaries: &'a Dictionaries) -> Self {
        Self { columns, dictionaries }
    }

    /// The length of the columns.
    pub fn rows(&self) -> usize {
        self.columns.iter().flatten().map(|column| column.len()).next().unwrap_or_default()
    }

    pub fn get(&self, position: usize) -> Option<&'a Column> {
        self.columns.get(position).copied().flatten()
    }

    /// The column of an input that is not optional.
    ///
    /// # Errors
    /// `Internal` if it is absent.
    pub fn required(&self, position: usize) -> Result<&'a Column> {
        self.get(position).ok_or_else(|| Error::internal("a component lacks a column"))
    }

    /// The dictionary of a text column.
    ///
    /// # Errors
    /// `Internal` if it is absent or not text.
    pub fn dictionary(&self, position: usize) -> Result<Arc<Dictionary>> {
        self.dictionaries.get(self.required(position)?)
    }
}
