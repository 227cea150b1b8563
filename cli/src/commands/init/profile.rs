//! What the first rows of a file show of its columns.

use std::collections::HashMap;

use anomal_core::{
    proto::{Column, DataType},
    text_view, time_view,
};
use anomal_dataflow::{Source, read_batches};
use polars::prelude::{Column as Values, DataFrame};

use super::names;
use crate::present::error::Failure;

/// The code of a row without a value.
const MISSING: u32 = u32::MAX;

/// The first rows of a file.
pub struct Profile {
    /// The rows that were read.
    pub rows: usize,
    /// The rows of the file: an estimate from its size where not all were read.
    pub total: usize,
    pub columns: Vec<ColumnProfile>,
}

pub struct ColumnProfile {
    pub name: String,
    pub data_type: DataType,
    /// The different texts, the most frequent first, with their numbers of rows. A value counts as its text, as
    /// `kind: categorical` reads it.
    pub values: Vec<(String, usize)>,
    /// The place in `values` of each row's value.
    codes: Vec<u32>,
    /// The numbers of a numeric column, row by row; times in microseconds since the epoch.
    pub numbers: Vec<Option<f64>>,
    /// Whether a job reads its numbers as times where it needs them.
    pub is_time_on_demand: bool,
}

impl Profile {
    /// Reads up to `limit` rows.
    ///
    /// # Errors
    /// Those of the source.
    pub fn read(mut source: Box<dyn Source>, limit: usize) -> Result<Self, Failure> {
        let columns = source.schema().to_vec();
        let text = |column: &Column| Column {
            name: text_view(&column.name),
            data_type: DataType::String.into(),
        };
        let readings = source.times().into_iter().filter(|reading| reading.problem.is_empty());
        let times: Vec<String> = readings
            .map(|reading| reading.column)
            .filter(|column| names::has(column, names::TIME))
            .collect();
        let time = |column: &String| Column {
            name: time_view(column),
            data_type: DataType::Datetime.into(),
        };
        let views = columns.iter().map(text).chain(times.iter().map(time));
        let selected: Vec<Column> = columns.iter().cloned().chain(views).collect();
        source.select(&selected)?;
        let mut profile = Self {
            rows: 0,
            total: 0,
            columns: columns.iter().map(|column| ColumnProfile::new(column, &times)).collect(),
        };
        let mut counters: Vec<Counter> = columns.iter().map(|_| Counter::default()).collect();
        for batch in read_batches(source) {
            let batch = batch?;
            profile.rows += batch.height();
            for (column, counter) in profile.columns.iter_mut().zip(&mut counters) {
                column.add(&batch.typed, counter)?;
            }
            profile.total = profile.rows;
            if profile.rows >= limit {
                profile.total =
                    estimate(profile.rows, batch.position.consumed, batch.position.total);
                break;
            }
        }
        for (column, counter) in profile.columns.iter_mut().zip(counters) {
            column.finish(counter);
        }
        Ok(profile)
    }

    /// Whether all rows were read.
    pub fn is_complete(&self) -> bool {
        self.total <= self.rows
    }

    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// The rows of an input of which `consumed` of `total` have been read.
fn estimate(rows: usize, consumed: u64, total: Option<u64>) -> usize {
    match total.filter(|total| consumed > 0 && *total > consumed) {
        Some(total) => {
            let all = rows as u128 * u128::from(total) / u128::from(consumed);
            usize::try_from(all).unwrap_or(usize::MAX)
        }
        None => rows,
    }
}

/// The codes of texts in order of first appearance.
#[derive(Default)]
struct Counter {
    codes: HashMap<String, u32>,
    counts: Vec<usize>,
}

impl Counter {
    fn code(&mut self, text: &str) -> u32 {
        let code = match self.codes.get(text) {
            Some(code) => *code,
            None => {
                let code = u32::try_from(self.counts.len()).unwrap_or(MISSING);
                self.codes.insert(text.to_owned(), code);
                self.counts.push(0);
                code
            }
        };
        self.counts[code as usize] += 1;
        code
    }
}

impl ColumnProfile {
    /// A column without rows. `times`: those that are read as times on demand.
    fn new(column: &Column, times: &[String]) -> Self {
        let is_time_on_demand = times.contains(&column.name);
        Self {
            name: column.name.clone(),
            data_type: if is_time_on_demand { DataType::Datetime } else { column.data_type() },
            is_time_on_demand,
            values: Vec::new(),
            codes: Vec::new(),
            numbers: Vec::new(),
        }
    }

    fn add(&mut self, typed: &DataFrame, counter: &mut Counter) -> Result<(), Failure> {
        let error = |error| Failure::from(anomal_core::Error::from(error));
        let view = if self.is_time_on_demand { time_view(&self.name) } else { self.name.clone() };
        let values = typed.column(&view).map_err(error)?;
        let texts = typed.column(&text_view(&self.name)).map_err(error)?;
        // A stray or a word for a missing value has a text and no value.
        let present = values.is_not_null();
        let texts = texts.str().map_err(error)?.iter().zip(present.iter());
        self.codes.extend(texts.map(|(text, present)| {
            let text = text.filter(|_| present == Some(true));
            text.map_or(MISSING, |text| counter.code(text))
        }));
        if self.is_number() || self.data_type == DataType::Datetime {
            self.numbers.extend(floats(values).map_err(error)?);
        }
        Ok(())
    }

    fn finish(&mut self, counter: Counter) {
        let mut order: Vec<usize> = (0..counter.counts.len()).collect();
        order.sort_by_key(|code| std::cmp::Reverse(counter.counts[*code]));
        let mut places = vec![0_u32; order.len()];
        for (place, code) in (0_u32..).zip(&order) {
            places[*code] = place;
        }
        let mut texts = vec![String::new(); order.len()];
        for (text, code) in counter.codes {
            texts[places[code as usize] as usize] = text;
        }
        self.values =
            texts.into_iter().zip(order.iter().map(|code| counter.counts[*code])).collect();
        for code in self.codes.iter_mut().filter(|code| **code != MISSING) {
            *code = places[*code as usize];
        }
    }

    pub fn is_number(&self) -> bool {
        matches!(self.data_type, DataType::Integer | DataType::Float)
    }

    /// The number of different values.
    pub fn distinct(&self) -> usize {
        self.values.len()
    }

    /// The number of rows with a value.
    pub fn present(&self) -> usize {
        self.values.iter().map(|(_, rows)| rows).sum()
    }

    pub fn missing(&self) -> usize {
        self.codes.len() - self.present()
    }

    /// The place in `values` of each row's value, if it has one.
    pub fn codes(&self) -> impl Iterator<Item = Option<usize>> {
        self.codes.iter().map(|code| (*code != MISSING).then_some(*code as usize))
    }

    /// The share of the different values that satisfy a predicate, of at most 1,000 of them.
    pub fn share(&self, predicate: impl Fn(&str) -> bool) -> f64 {
        let sample = &self.values[..self.values.len().min(1_000)];
        let fits = sample.iter().filter(|(text, _)| predicate(text)).count();
        fits as f64 / sample.len().max(1) as f64
    }

    fn text(&self, code: u32) -> Option<&str> {
        self.values.get(code as usize).map(|(text, _)| text.as_str())
    }

    /// Whether two columns have the same text in 99.9 % of the rows where both have one, which are nine tenths or more.
    pub fn equals(&self, other: &Self) -> bool {
        let rows = self.codes.len();
        let (mut both, mut different) = (0, 0);
        for (mine, others) in self.codes.iter().zip(&other.codes) {
            let (Some(mine), Some(others)) = (self.text(*mine), other.text(*others)) else {
                continue;
            };
            both += 1;
            different += usize::from(mine != others);
            if different * 1_000 > rows {
                return false;
            }
        }
        both * 10 >= rows * 9
    }
}

fn floats(values: &Values) -> Result<Vec<Option<f64>>, polars::prelude::PolarsError> {
    let numbers = values.to_physical_repr().cast(&polars::prelude::DataType::Float64)?;
    Ok(numbers.f64()?.iter().collect())
}
