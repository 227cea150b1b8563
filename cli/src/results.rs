//! Reading result files.

use anomal_connectors::{OpenOptions, csv::flat, open, text};
use anomal_core::{
    Batch,
    proto::{Column, DataType},
};
use anomal_dataflow::read_batches;
use anomal_spec::{Input, nearest};
use polars::prelude::{AnyValue, Column as Values, DataFrame};

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

/// The cells of a row by column name, as text.
pub struct RowCells(Vec<(String, String)>);

impl RowCells {
    /// Of a table with the columns of a result file, as they were read.
    ///
    /// # Errors
    /// `Internal`.
    pub fn new(table: &DataFrame, place: usize) -> anomal_core::Result<Self> {
        let cell = |column: &Values| {
            let column = flat(column)?;
            let mut cell = String::new();
            text::push(&mut cell, &column.get(place).unwrap_or(AnyValue::Null));
            let lists = ["anomal.flags", "anomal.reasons"].contains(&column.name().as_str());
            let cell = if lists { join_list(&cell).unwrap_or(cell) } else { cell };
            Ok((column.name().to_string(), cell))
        };
        Ok(Self(table.columns().iter().map(cell).collect::<anomal_core::Result<_>>()?))
    }

    /// The cell of a column, unless it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let cell = self.0.iter().find(|(column, _)| column == name);
        cell.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    }

    /// All cells, a line each.
    pub fn text(&self) -> String {
        self.0.iter().map(|(_, cell)| cell.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The columns of the record.
    pub fn record(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter().filter(|(name, _)| !name.starts_with("anomal."))
    }

    /// Each feature's share of the score, the largest first. A file without these columns has at least the reasons.
    pub fn shares(&self) -> Vec<(&str, f64)> {
        let share = |(name, share): (_, &str)| Some((name, share.parse().ok()?));
        let all = self.0.iter().filter_map(|(name, text)| {
            Some((name.strip_prefix("anomal.contributions.")?, text.as_str()))
        });
        let mut shares: Vec<(&str, f64)> = all.filter_map(share).collect();
        if shares.is_empty() {
            let reasons = self.get("anomal.reasons").unwrap_or_default();
            let pairs = reasons.split(';').filter_map(|pair| pair.rsplit_once('='));
            shares = pairs.filter_map(share).collect();
        }
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares
    }
}

/// Converts the JSON list of an NDJSON file to the text of other formats: `a;b`, `feature=share;…`.
fn join_list(json: &str) -> Option<String> {
    let list: Vec<serde_json::Value> = serde_json::from_str(json).ok()?;
    let item = |item: &serde_json::Value| match item.as_str() {
        Some(name) => Some(name.to_owned()),
        None => Some(format!("{}={}", item["feature"].as_str()?, item["share"])),
    };
    Some(list.iter().filter_map(item).collect::<Vec<_>>().join(";"))
}
