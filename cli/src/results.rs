//! Result files, read again.

use anomal_connectors::{Batch, OpenOptions, Source, open};
use anomal_core::proto::{Column, DataType};
use anomal_spec::{Input, nearest};

use crate::{exit, overrides, present::error::Failure};

/// A result file that is open.
pub struct Results {
    name: String,
    source: Box<dyn Source>,
}

impl Results {
    /// # Errors
    /// What is wrong with the file, or the columns that it lacks.
    pub fn open(name: &str, typed: &[(&str, DataType)]) -> Result<Self, Failure> {
        let input = overrides::input(&Input::default(), name)?;
        let mut results =
            Self { name: name.to_owned(), source: open(&input, &OpenOptions::default())? };
        for (column, _) in typed {
            results.has(column)?;
        }
        let columns = typed
            .iter()
            .map(|(name, of)| Column { name: (*name).to_owned(), data_type: (*of).into() });
        results.source.select(&columns.collect::<Vec<_>>())?;
        Ok(results)
    }

    /// # Errors
    /// With the nearest names.
    pub fn has(&self, column: &str) -> Result<(), Failure> {
        let names: Vec<&str> =
            self.source.schema().iter().map(|known| known.name.as_str()).collect();
        if names.contains(&column) {
            return Ok(());
        }
        let near = nearest(column, names.iter().copied());
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        let message = format!("{}: there is no column {column}{near}", self.name);
        Err(Failure::new(message, exit::INPUT))
    }

    pub fn next(&mut self) -> Result<Option<Batch>, Failure> {
        Ok(self.source.next_batch()?)
    }
}
