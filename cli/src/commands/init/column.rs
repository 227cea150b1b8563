//! What the first rows of a file show of a column.

use anomal_core::{
    proto::{Column, DataType},
    text_view, time_view,
};
use polars::prelude::{Column as Values, DataFrame, PolarsError};

use super::value_counts::ValueCounts;
use crate::present::error::Failure;

/// The key of a row without a value.
const MISSING: u32 = 0;
/// Memory of a row's key and time.
const ROW_BYTES: usize = size_of::<u32>() + size_of::<f64>();

pub struct ColumnProfile {
    pub name: String,
    pub data_type: DataType,
    /// Whether a job reads its numbers as times where it needs them.
    pub is_time_on_demand: bool,
    /// Different texts, the most frequent first, with their numbers of rows: all where memory is enough. A value counts as
    /// its text, as `kind: categorical` reads it.
    pub values: Vec<(String, usize)>,
    /// The least and the greatest number; of times in microseconds since the epoch.
    pub range: Option<(f64, f64)>,
    /// Whether its numbers never fall from row to row.
    pub ascends: bool,
    rows: usize,
    present: usize,
    distinct: usize,
    /// Of the first rows, as many as memory is for: equal for equal texts.
    keys: Vec<u32>,
    /// Of the same rows, for times: microseconds since the epoch, NaN where there is none.
    times: Vec<f64>,
}

/// Builds a [`ColumnProfile`] from batches.
pub struct ColumnProfiler {
    profile: ColumnProfile,
    counts: ValueCounts,
    last: f64,
    kept_rows: usize,
}

impl ColumnProfiler {
    /// `budget`: bytes.
    pub fn new(column: &Column, is_time_on_demand: bool, budget: usize) -> Self {
        let profile = ColumnProfile {
            name: column.name.clone(),
            data_type: if is_time_on_demand { DataType::Datetime } else { column.data_type() },
            is_time_on_demand,
            values: Vec::new(),
            range: None,
            ascends: true,
            rows: 0,
            present: 0,
            distinct: 0,
            keys: Vec::new(),
            times: Vec::new(),
        };
        Self {
            profile,
            counts: ValueCounts::new(budget / 2),
            last: f64::NEG_INFINITY,
            kept_rows: budget / 2 / ROW_BYTES,
        }
    }

    /// # Errors
    /// `Internal` if the batch lacks the column.
    pub fn add(&mut self, typed: &DataFrame) -> Result<(), Failure> {
        let error = |error| Failure::from(anomal_core::Error::from(error));
        let profile = &mut self.profile;
        let name = &profile.name;
        let view = if profile.is_time_on_demand { time_view(name) } else { name.clone() };
        let values = typed.column(&view).map_err(error)?;
        let texts = typed.column(&text_view(name)).map_err(error)?;
        // A stray or a word for a missing value has a text and no value.
        let present = values.is_not_null();
        for (text, present) in texts.str().map_err(error)?.iter().zip(present.iter()) {
            let hash = text.filter(|_| present == Some(true)).map(|text| self.counts.add(text));
            profile.present += usize::from(hash.is_some());
            if profile.keys.len() < self.kept_rows {
                // Half of the hash is enough to compare rows.
                let key = |hash: u64| u32::try_from(hash >> 32).unwrap_or(1).max(1);
                profile.keys.push(hash.map_or(MISSING, key));
            }
        }
        profile.rows += values.len();
        if profile.is_number() || profile.data_type == DataType::Datetime {
            self.add_numbers(&floats(values).map_err(error)?);
        }
        Ok(())
    }

    fn add_numbers(&mut self, numbers: &[Option<f64>]) {
        let profile = &mut self.profile;
        for number in numbers.iter().copied().flatten() {
            let (least, greatest) = profile.range.unwrap_or((number, number));
            profile.range = Some((least.min(number), greatest.max(number)));
            profile.ascends &= self.last <= number;
            self.last = number;
        }
        if profile.data_type == DataType::Datetime {
            let left = self.kept_rows - profile.times.len();
            profile.times.extend(numbers.iter().take(left).map(|time| time.unwrap_or(f64::NAN)));
        }
    }

    pub fn finish(self) -> ColumnProfile {
        let distinct = self.counts.distinct();
        ColumnProfile { distinct, values: self.counts.into_values(), ..self.profile }
    }
}

impl ColumnProfile {
    pub fn is_number(&self) -> bool {
        matches!(self.data_type, DataType::Integer | DataType::Float)
    }

    /// The number of different values; for many values, an estimate.
    pub fn distinct(&self) -> usize {
        self.distinct
    }

    /// The number of rows with a value.
    pub fn present(&self) -> usize {
        self.present
    }

    pub fn missing(&self) -> usize {
        self.rows - self.present
    }

    /// Whether nearly each row has a value of its own. Estimates of many different values are a few percent off.
    pub fn is_unique(&self) -> bool {
        self.present > 20 && self.distinct * 100 >= self.present * 97
    }

    /// For the first rows: equal for equal texts, nothing where there is none.
    pub fn keys(&self) -> impl Iterator<Item = Option<u32>> {
        self.keys.iter().map(|key| (*key != MISSING).then_some(*key))
    }

    /// For the first rows: the times in microseconds since the epoch.
    pub fn times(&self) -> impl Iterator<Item = Option<f64>> {
        self.times.iter().map(|time| Some(*time).filter(|time| !time.is_nan()))
    }

    /// The share of the different values that satisfy a predicate, of at most 1,000 of them.
    pub fn share(&self, predicate: impl Fn(&str) -> bool) -> f64 {
        let sample = &self.values[..self.values.len().min(1_000)];
        let fits = sample.iter().filter(|(text, _)| predicate(text)).count();
        fits as f64 / sample.len().max(1) as f64
    }
}

fn floats(values: &Values) -> Result<Vec<Option<f64>>, PolarsError> {
    let numbers = values.to_physical_repr().cast(&polars::prelude::DataType::Float64)?;
    Ok(numbers.f64()?.iter().collect())
}

#[cfg(test)]
pub mod testing {
    use super::*;

    /// The profile of a column of texts; empty ones are missing.
    pub fn profile(name: &str, texts: &[&str]) -> ColumnProfile {
        let column = Column { name: name.to_owned(), data_type: DataType::String.into() };
        let mut profiler = ColumnProfiler::new(&column, false, 1 << 20);
        let texts: Vec<Option<&str>> =
            texts.iter().map(|text| Some(*text).filter(|text| !text.is_empty())).collect();
        let columns =
            [name.to_owned(), text_view(name)].map(|name| Values::new(name.into(), &texts));
        let frame = DataFrame::new(texts.len(), columns.to_vec()).unwrap();
        profiler.add(&frame).unwrap();
        profiler.finish()
    }
}
