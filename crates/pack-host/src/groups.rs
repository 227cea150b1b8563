//! Rows by group and time, for flags of groups.

use std::{collections::HashMap, ops::Range};

use anomal_components::{Inputs, MISSING};
use anomal_core::Result;
use polars::prelude::{Column, DataType as Dtype, IdxCa, NewChunkedArray};

use crate::{
    describe::{GuestInput, Purpose},
    limits::MAX_ROWS,
};

/// Rows sorted by group, in the order of the groups' first rows; then by time, rows without a time last; then by row. Rows
/// that lack a part of the key are in no group.
pub(crate) struct Groups {
    /// The columns of the inputs, sorted.
    pub columns: Vec<Option<Column>>,
    /// The row of the table of each sorted row.
    order: Vec<u32>,
    /// The first sorted row of each group, and the end.
    starts: Vec<usize>,
    /// The positions of the inputs of the key.
    keys: Vec<usize>,
}

impl Groups {
    pub fn new(inputs: &Inputs<'_>, described: &[GuestInput]) -> Result<Self> {
        let of_purpose = |purpose| {
            let positions = described.iter().enumerate();
            let positions = positions.filter(move |(_, input)| input.purpose == purpose);
            positions.map(|(position, _)| position)
        };
        let keys: Vec<usize> = of_purpose(Purpose::Group).collect();
        let groups = group_numbers(inputs, &keys)?;
        let time = match of_purpose(Purpose::Time).next().and_then(|time| inputs.get(time)) {
            Some(time) => Some(time.to_physical_repr().cast(&Dtype::Int64)?.i64()?.clone()),
            None => None,
        };
        let time = |row: u32| time.as_ref().and_then(|time| time.get(row as usize));
        let grouped = groups.iter().zip(0_u32..).filter(|(group, _)| **group != MISSING);
        let mut rows: Vec<_> = grouped
            .map(|(group, row)| {
                let time = time(row);
                (*group, time.is_none(), time, row)
            })
            .collect();
        rows.sort_unstable();
        let mut starts = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            if place == 0 || rows[place - 1].0 != row.0 {
                starts.push(place);
            }
        }
        starts.push(rows.len());
        let order: Vec<u32> = rows.into_iter().map(|row| row.3).collect();
        let taken = IdxCa::from_slice("rows".into(), &order);
        let columns = (0..described.len()).map(|position| match inputs.get(position) {
            Some(column) => Ok(Some(column.take(&taken)?)),
            None => Ok(None),
        });
        Ok(Self { columns: columns.collect::<Result<_>>()?, order, starts, keys })
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The sorted rows of groups.
    pub fn rows(&self, groups: Range<usize>) -> Range<usize> {
        self.starts[groups.start]..self.starts[groups.end]
    }

    /// The row of the table of a sorted row.
    pub fn row(&self, sorted: usize) -> usize {
        self.order[sorted] as usize
    }

    pub fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.keys.iter().filter_map(|position| self.columns[*position].as_ref())
    }

    /// The first row of each of these groups and the end, counted from the first, as bytes.
    pub fn bounds(&self, groups: Range<usize>) -> Vec<u8> {
        let starts = &self.starts[groups.start..=groups.end];
        let bounds = starts.iter().map(|start| u32::try_from(start - starts[0]));
        bounds.flat_map(|bound| bound.unwrap_or(u32::MAX).to_le_bytes()).collect()
    }

    /// Whole groups, several together where they are small.
    pub fn chunks(&self) -> Vec<Range<usize>> {
        let (mut chunks, mut start) = (Vec::new(), 0);
        for group in 0..self.len() {
            if group > start && self.rows(start..group + 1).len() > MAX_ROWS {
                chunks.push(start..group);
                start = group;
            }
        }
        if start < self.len() {
            chunks.push(start..self.len());
        }
        chunks
    }
}

/// The number of each row's group, in the order of the groups' first rows; [`MISSING`] where a part of the key is.
fn group_numbers(inputs: &Inputs<'_>, keys: &[usize]) -> Result<Vec<u32>> {
    let mut numbers: Option<Vec<u32>> = None;
    for key in keys {
        let dictionary = inputs.dictionary(*key)?;
        let codes = dictionary.codes();
        numbers = Some(match numbers {
            None => codes.to_vec(),
            Some(numbers) => {
                let mut known = HashMap::new();
                let pairs = numbers.into_iter().zip(codes);
                let number = |(number, code): (u32, &u32)| {
                    if number == MISSING || *code == MISSING {
                        return MISSING;
                    }
                    let next = u32::try_from(known.len()).unwrap_or(MISSING);
                    *known.entry((number, *code)).or_insert(next)
                };
                pairs.map(number).collect()
            }
        });
    }
    Ok(numbers.unwrap_or_default())
}
