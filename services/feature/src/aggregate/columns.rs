//! Columns as keys, hashes and numbers.

use std::sync::Arc;

use anomal_components::{Dictionaries, MISSING};
use anomal_core::Result;
use polars::prelude::{BooleanChunked, Column, DataType, PlHashMap};
use xxhash_rust::xxh3::xxh3_64;

/// Keys of the rows of a table, numbered from 0.
pub(super) struct Keys {
    pub codes: Vec<u32>,
    pub count: usize,
}

impl Keys {
    /// One key for each combination of values. Missing values are equal to one another. Without columns, all rows have
    /// the same key.
    pub fn new(columns: &[&Column], dictionaries: &Dictionaries, height: usize) -> Result<Self> {
        let mut keys: Option<Self> = None;
        for column in columns {
            let next = Self::from_column(column, dictionaries)?;
            keys = Some(match keys {
                Some(keys) => keys.combine(&next),
                None => next,
            });
        }
        Ok(keys.unwrap_or_else(|| Self { codes: vec![0; height], count: 1 }))
    }

    fn from_column(column: &Column, dictionaries: &Dictionaries) -> Result<Self> {
        if column.dtype() == &DataType::String {
            let dictionary = dictionaries.get(column)?;
            let missing = u32::try_from(dictionary.len()).unwrap_or(MISSING);
            let codes = dictionary.codes().iter();
            let codes = codes.map(|code| if *code == MISSING { missing } else { *code }).collect();
            return Ok(Self { codes, count: dictionary.len() + 1 });
        }
        Ok(Self::number(bits(column)?.into_iter()))
    }

    fn combine(self, other: &Self) -> Self {
        let pairs = self.codes.iter().zip(&other.codes);
        Self::number(pairs.map(|(a, b)| (u64::from(*a) << u32::BITS) | u64::from(*b)))
    }

    /// Numbers values in the order of their first rows.
    fn number<T: std::hash::Hash + Eq>(values: impl Iterator<Item = T>) -> Self {
        let mut known = PlHashMap::default();
        let codes = values.map(|value| {
            let next = u32::try_from(known.len()).unwrap_or(MISSING);
            *known.entry(value).or_insert(next)
        });
        let codes = codes.collect();
        Self { codes, count: known.len() }
    }
}

/// A key, the same in every table that has it.
pub(super) type KeyBytes = Arc<[u8]>;

/// The keys of some rows: a tag and the value of each column; an empty one where there is no row.
pub(super) fn key_bytes(columns: &[&Column], positions: &[Option<u32>]) -> Result<Vec<KeyBytes>> {
    let mut keys = vec![Vec::new(); positions.len()];
    for column in columns {
        let rows = keys.iter_mut().zip(positions);
        let rows = rows.filter_map(|(key, position)| Some((key, (*position)? as usize)));
        if column.dtype() == &DataType::String {
            let texts = column.as_materialized_series().rechunk();
            let texts = texts.str()?;
            rows.for_each(|(key, position)| match texts.get(position) {
                Some(text) => {
                    key.push(1);
                    key.extend((text.len() as u64).to_le_bytes());
                    key.extend(text.as_bytes());
                }
                None => key.push(0),
            });
        } else {
            let bits = bits(column)?;
            rows.for_each(|(key, position)| match bits[position] {
                Some(bits) => {
                    key.push(1);
                    key.extend(bits.to_le_bytes());
                }
                None => key.push(0),
            });
        }
    }
    Ok(keys.into_iter().map(KeyBytes::from).collect())
}

/// A hash of the value of each row; none where it is missing.
pub(super) fn hashes(column: &Column, dictionaries: &Dictionaries) -> Result<Vec<Option<u64>>> {
    if column.dtype() == &DataType::String {
        let dictionary = dictionaries.get(column)?;
        let hashes = dictionary.map(|text| Some(xxh3_64(text.as_bytes())));
        return Ok(dictionary.rows(&hashes).map(Option::<&u64>::copied).collect());
    }
    let missing = non_finite(column)?;
    let hash = |(position, bits): (usize, Option<u64>)| {
        let bits = bits.filter(|_| missing.as_ref().is_none_or(|missing| !missing[position]))?;
        Some(xxh3_64(&bits.to_le_bytes()))
    };
    Ok(bits(column)?.into_iter().enumerate().map(hash).collect())
}

/// The bits of each value, equal for equal values.
fn bits(column: &Column) -> Result<Vec<Option<u64>>> {
    let column = column.to_physical_repr();
    if column.dtype().is_float() {
        let column = column.cast(&DataType::Float64)?;
        // One zero, one NaN.
        let bits = |value: f64| if value.is_nan() { f64::NAN } else { value + 0.0 }.to_bits();
        return Ok(column.f64()?.iter().map(|value| value.map(bits)).collect());
    }
    let column = column.cast(&DataType::Int64)?;
    Ok(column.i64()?.iter().map(|value| value.map(i64::cast_unsigned)).collect())
}

fn non_finite(column: &Column) -> Result<Option<Vec<bool>>> {
    if !column.dtype().is_float() {
        return Ok(None);
    }
    let column = column.cast(&DataType::Float64)?;
    let values = column.f64()?.iter();
    Ok(Some(values.map(|value| value.is_some_and(|value| !value.is_finite())).collect()))
}

/// The numbers of a column, with any number where the row is not counted.
pub(super) enum Numbers {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
}

impl Numbers {
    /// Also clears `counted` for rows without a number. NaN and infinities are none.
    pub fn new(column: &Column, counted: &mut [bool]) -> Result<Self> {
        if column.dtype().is_float() {
            let column = column.cast(&DataType::Float64)?;
            let values = column.f64()?.iter();
            return Ok(Self::Floats(fill(
                values.map(|value| value.filter(|v| v.is_finite())),
                counted,
            )));
        }
        let column = column.cast(&DataType::Int64)?;
        Ok(Self::Integers(fill(column.i64()?.iter(), counted)))
    }

    pub fn into_floats(self) -> Vec<f64> {
        match self {
            Self::Integers(values) => values.into_iter().map(|value| value as f64).collect(),
            Self::Floats(values) => values,
        }
    }
}

fn fill<T: Default>(values: impl Iterator<Item = Option<T>>, counted: &mut [bool]) -> Vec<T> {
    let values = values.zip(counted);
    let value = |(value, counted): (Option<T>, &mut bool)| {
        *counted &= value.is_some();
        value.unwrap_or_default()
    };
    values.map(value).collect()
}

/// The rows for which a condition holds: all, where there is none.
pub(super) fn counted(condition: Option<&BooleanChunked>, height: usize) -> Vec<bool> {
    match condition {
        Some(condition) => condition.iter().map(|holds| holds == Some(true)).collect(),
        None => vec![true; height],
    }
}

/// Clears `counted` for rows without a value.
pub(super) fn require_value(column: &Column, counted: &mut [bool]) {
    let present = column.is_not_null();
    for (counted, present) in counted.iter_mut().zip(present.iter()) {
        *counted &= present == Some(true);
    }
}
