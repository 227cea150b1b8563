//! Reading result files.

use anomal_connectors::{Batch, OpenOptions, Source, open};
use anomal_core::proto::{Column, DataType};
use anomal_spec::{Input, nearest};

use crate::{exit, overrides, present::error::Failure};

/// An open result file.
pub struct ResultFile {
    name: String,
    source: Box<dyn Source>,
}

impl ResultFile {
    /// Opens the file `name`; `columns` are read with these types, all others as text.
    ///
    /// # Errors
    /// If the file can't be read, or lacks one of the columns.
    pub fn open(name: &str, columns: &[(&str, DataType)]) -> Result<Self, Failure> {
        let input = overrides::input(&Input::default(), name)?;
        let mut results =
            Self { name: name.to_owned(), source: open(&input, &OpenOptions::default())? };
        for (column, _) in columns {
            results.require_column(column)?;
        }
        let columns = columns.iter().map(|(name, data_type)| Column {
            name: (*name).to_owned(),
            data_type: (*data_type).into(),
        });
        results.source.select(&columns.collect::<Vec<_>>())?;
        Ok(results)
    }

    /// # Errors
    /// If there is no column of this name; the message has the most similar name.
    pub fn require_column(&self, column: &str) -> Result<(), Failure> {
        let names: Vec<&str> =
            self.source.schema().iter().map(|column| column.name.as_str()).collect();
        if names.contains(&column) {
            return Ok(());
        }
        let similar = nearest(column, names.iter().copied());
        let hint = similar.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        let message = format!("{}: there is no column {column}{hint}", self.name);
        Err(Failure::new(message, exit::INPUT))
    }

    /// The next batch; none at the end of the file.
    pub fn next(&mut self) -> Result<Option<Batch>, Failure> {
        Ok(self.source.next_batch()?)
    }
}
