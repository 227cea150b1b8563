//! The rows of a table as calls get them: in chunks of distinct values, of rows, or of whole groups.

use std::{fmt::Write, ops::Range, sync::Arc};

use anomal_components::Dictionary;
use anomal_core::{Error, Result};
use polars::prelude::{AnyValue, Column};

use crate::{
    buffers::ColumnBuffers,
    error::FailureKind,
    groups::Groups,
    limits::{MAX_GROUP_TEXT, MAX_ROWS, MAX_VALUE},
    world::WireInputs,
};

/// What is computed: each unit (a distinct value, a row or a group) by itself.
pub(crate) enum Rows {
    Distinct(Arc<Dictionary>),
    Plain { columns: Vec<Option<Column>>, rows: usize },
    Groups(Groups),
}

/// The columns of a call.
pub(crate) struct EncodedRows {
    columns: Vec<Option<ColumnBuffers>>,
    /// The rows of each column.
    pub rows: usize,
    /// The first row of each group and the end, of groups.
    pub groups: Vec<u8>,
}

impl EncodedRows {
    pub fn text_bytes(&self) -> usize {
        self.columns.iter().flatten().map(ColumnBuffers::text_bytes).sum()
    }

    /// The columns as wasmtime passes them.
    pub fn wire(&self) -> Box<WireInputs<'_>> {
        let columns = self.columns.iter().map(|column| {
            let column = column.as_ref()?;
            Some((
                column.kind,
                column.rows,
                column.validity.as_slice(),
                column.offsets.as_slice(),
                column.values.as_slice(),
            ))
        });
        columns.collect()
    }
}

impl Rows {
    pub fn units(&self) -> usize {
        match self {
            Self::Distinct(dictionary) => dictionary.len(),
            Self::Plain { rows, .. } => *rows,
            Self::Groups(groups) => groups.len(),
        }
    }

    /// Units that are computed by one call, in order.
    pub fn chunks(&self) -> Vec<Range<usize>> {
        if let Self::Groups(groups) = self {
            return groups.chunks();
        }
        let units = self.units();
        (0..units).step_by(MAX_ROWS).map(|start| start..(start + MAX_ROWS).min(units)).collect()
    }

    /// # Errors
    /// `PACK_GROUP_SIZE` if a group is too large for a call.
    pub fn encode(&self, units: Range<usize>) -> Result<EncodedRows> {
        let plain = |columns, rows| EncodedRows { columns, rows, groups: Vec::new() };
        match self {
            Self::Distinct(dictionary) => {
                let code = |unit| u32::try_from(unit).unwrap_or(u32::MAX);
                let values = units.clone().map(|unit| dictionary.value(code(unit)));
                Ok(plain(vec![Some(ColumnBuffers::from_present(values))], units.len()))
            }
            Self::Plain { columns, .. } => {
                let encoded = columns.iter().map(|column| encode(column.as_ref(), &units));
                Ok(plain(encoded.collect::<Result<_>>()?, units.len()))
            }
            Self::Groups(groups) => {
                let rows = groups.rows(units.clone());
                let columns = groups.columns.iter().map(|column| encode(column.as_ref(), &rows));
                let columns = columns.collect::<Result<_>>()?;
                let encoded =
                    EncodedRows { columns, rows: rows.len(), groups: groups.bounds(units.clone()) };
                if units.len() == 1 && encoded.text_bytes() > MAX_GROUP_TEXT {
                    return Err(FailureKind::Answer.error(format!(
                        "the group of {} has {} MiB of text; a call takes at most {} MiB: add a column to group by, or a \
                         filter",
                        self.value(units.start),
                        encoded.text_bytes() >> 20,
                        MAX_GROUP_TEXT >> 20
                    )));
                }
                Ok(encoded)
            }
        }
    }

    /// The first row of a unit in the table.
    pub fn first_row(&self, unit: usize) -> usize {
        match self {
            Self::Distinct(dictionary) => {
                let first = dictionary.codes().iter().position(|code| *code as usize == unit);
                first.unwrap_or_default()
            }
            Self::Plain { .. } => unit,
            Self::Groups(groups) => groups.row(groups.rows(unit..unit + 1).start),
        }
    }

    /// How many rows of the table have a unit's result.
    pub fn count(&self, unit: usize) -> usize {
        match self {
            Self::Distinct(dictionary) => {
                dictionary.codes().iter().filter(|code| **code as usize == unit).count()
            }
            Self::Plain { .. } => 1,
            Self::Groups(groups) => groups.rows(unit..unit + 1).len(),
        }
    }

    /// The values of a unit's first row, for people.
    pub fn value(&self, unit: usize) -> String {
        let row = self.first_row(unit);
        let mut text = String::new();
        let mut add = |value: &str| {
            let separator = if text.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{separator}{value}");
        };
        match self {
            Self::Distinct(dictionary) => {
                add(&format!("{:?}", dictionary.value(u32::try_from(unit).unwrap_or(u32::MAX))));
            }
            Self::Plain { columns, .. } => columns.iter().flatten().for_each(|column| {
                add(&shown(column, row));
            }),
            Self::Groups(groups) => {
                let row = groups.rows(unit..unit + 1).start;
                groups.key_columns().for_each(|column| add(&shown(column, row)));
            }
        }
        if text.chars().count() > MAX_VALUE {
            text = text.chars().take(MAX_VALUE).chain(['…']).collect();
        }
        text
    }
}

fn shown(column: &Column, row: usize) -> String {
    match column.get(row) {
        Ok(AnyValue::Null) | Err(_) => "nothing".into(),
        Ok(value) => match value.get_str() {
            Some(text) => format!("{text:?}"),
            None => value.to_string(),
        },
    }
}

fn encode(column: Option<&Column>, rows: &Range<usize>) -> Result<Option<ColumnBuffers>> {
    let Some(column) = column else { return Ok(None) };
    let start = i64::try_from(rows.start).map_err(|_| Error::internal("too many rows"))?;
    Ok(Some(ColumnBuffers::encode(&column.slice(start, rows.len()))?))
}
