//! The columns that a computation reads.

use std::sync::{Arc, Mutex, PoisonError};

use anomal_core::{Cancel, Error, Result, Table, proto::Diagnostic};
use polars::prelude::Column;

use crate::dictionary::{Dictionaries, Dictionary};

/// The call that a computation is part of.
#[derive(Clone, Copy)]
pub struct CallContext<'a> {
    /// The table with the rows of the columns.
    pub table: &'a Table,
    pub cancel: &'a Cancel,
    pub diagnostics: &'a Mutex<Vec<Diagnostic>>,
}

impl CallContext<'_> {
    /// Adds a diagnostic to those of the call.
    pub fn report(&self, diagnostic: Diagnostic) {
        self.diagnostics.lock().unwrap_or_else(PoisonError::into_inner).push(diagnostic);
    }
}

/// The columns of a component's inputs, in their order. That of an optional input may be absent.
#[derive(Clone)]
pub struct Inputs<'a> {
    columns: Vec<Option<&'a Column>>,
    dictionaries: &'a Dictionaries,
    context: Option<CallContext<'a>>,
}

impl<'a> Inputs<'a> {
    /// Columns of one table, whose dictionaries these are.
    pub fn new(columns: Vec<Option<&'a Column>>, dictionaries: &'a Dictionaries) -> Self {
        Self { columns, dictionaries, context: None }
    }

    /// The same columns, as those of a call.
    #[must_use]
    pub fn with_context(mut self, context: CallContext<'a>) -> Self {
        self.context = Some(context);
        self
    }

    pub fn context(&self) -> Option<&CallContext<'a>> {
        self.context.as_ref()
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
