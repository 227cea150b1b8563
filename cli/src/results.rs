//! Reading result files.

use anomal_connectors::{OpenOptions, open};
use anomal_core::{
    Batch,
    proto::{Column, DataType},
};
use anomal_dataflow::read_batches;
use anomal_spec::{Input, nearest};

use crate::{exit, overrides, present::error::Failure};

/// An open result file.
pub struct ResultFile {
    name: String,
    columns: Vec<String>,
    batches: Box<dyn Iterator<Item = anomal_core::Result<Batch>>>,
}

impl ResultFile {
    /// Opens the file `name`; `columns` are read with these types, all others as text.
    ///
    /// # Errors
    /// If the file can't be read, or lacks one of the columns.
    pub fn open(name: &str, columns: &[(&str, DataType)]) -> Result<Self, Failure> {
        let input = overrides::input(&Input::default(), name)?;
        let mut source = open(&input, &OpenOptions::default())?;
        let names =
            source.empty().get_column_names().into_iter().map(ToString::to_string).collect();
        let selected = columns.iter().map(|(name, data_type)| Column {
            name: (*name).to_owned(),
            data_type: (*data_type).into(),
        });
        let selected: Vec<Column> = selected.collect();
        let (name, no_batches) = (name.to_owned(), Box::new(std::iter::empty()));
        let mut results = Self { name, columns: names, batches: no_batches };
        for (column, _) in columns {
            results.require_column(column)?;
        }
        source.select(&selected)?;
        results.batches = Box::new(read_batches(source));
        Ok(results)
    }

    /// # Errors
    /// If there is no column of this name; the message has the most similar name.
    pub fn require_column(&self, column: &str) -> Result<(), Failure> {
        let mut names = self.columns.iter().map(String::as_str);
        if names.any(|name| name == column) {
            return Ok(());
        }
        let similar = nearest(column, self.columns.iter().map(String::as_str));
        let hint = similar.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        let message = format!("{}: there is no column {column}{hint}", self.name);
        Err(Failure::new(message, exit::INPUT))
    }

    /// The next batch; none at the end of the file.
    pub fn next(&mut self) -> Result<Option<Batch>, Failure> {
        Ok(self.batches.next().transpose()?)
    }
}
