//! Columns of records whose values are known by name.

use std::collections::HashMap;

use anomal_core::Result;
use polars::prelude::{Column, DataFrame};
use rayon::prelude::*;

use super::{
    flat::{FlatChunk, Scalar, Texts},
    names::Names,
    storage::Storage,
};
use crate::{
    column::{Cell, ColumnBuilder},
    json_text,
    typing::Class,
};

/// The columns of an input, and the names that have one.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub columns: Vec<(String, Storage)>,
    /// Names of the first records, in the places that they have in records; the first ones are those of the columns.
    names: Names,
    /// Whether a value that does not fit is a reason to read again.
    pub can_restart: bool,
}

/// A value that can't be stored in its column.
pub(super) struct Misfit {
    pub column: String,
    pub class: Class,
    pub text: String,
    pub wanted: &'static str,
}

/// The columns of some records.
pub(super) struct ChunkColumns {
    columns: Vec<Column>,
    height: usize,
    /// The records that have a value that can't be stored, by place; they are not among the rows.
    pub misfits: Vec<(usize, Misfit)>,
    /// Names without a column, in the order of their appearance.
    pub unknown: Vec<String>,
}

/// Where the values of a name go.
#[derive(Clone, Copy)]
enum Place {
    Column(usize),
    Unknown { reported: bool },
}

impl Layout {
    /// `sampled`: the names of the first records, in the order in which records are expected to have them.
    pub fn new(columns: Vec<(String, Storage)>, can_restart: bool, sampled: &Names) -> Self {
        Self { columns, names: sampled.clone(), can_restart }
    }

    /// The names that records are expected to have.
    pub fn names(&self) -> Names {
        self.names.clone()
    }

    /// The places of the names of a chunk, and of those that were found since.
    fn places(&self, names: &Names) -> Vec<Place> {
        let columns = self.columns.iter().enumerate();
        let columns: HashMap<&str, usize> =
            columns.map(|(place, (name, _))| (name.as_str(), place)).collect();
        let place = |path| match columns.get(path) {
            Some(place) => Place::Column(*place),
            None => Place::Unknown { reported: false },
        };
        names.paths().map(place).collect()
    }

    /// The columns of the records of a chunk. `texts`: those of the records.
    ///
    /// # Errors
    /// `Internal`.
    pub fn columns<'a>(
        &self,
        chunk: &FlatChunk,
        records: impl Iterator<Item = &'a str>,
    ) -> Result<ChunkColumns> {
        let mut places = self.places(&chunk.names);
        let mut builders: Vec<ColumnBuilder> =
            self.columns.iter().map(|(name, stored)| stored.builder(name, chunk.len())).collect();
        let (mut misfits, mut unknown) = (Vec::new(), Vec::new());
        let mut height = 0;
        let mut cells: Vec<(usize, Cell<'_>)> = Vec::new();
        for (index, record) in records.enumerate() {
            cells.clear();
            let (values, texts) = chunk.record(index, record);
            let mut misfit = None;
            for (name, value) in values {
                let column = match &mut places[*name as usize] {
                    Place::Column(column) => *column,
                    Place::Unknown { reported } => {
                        if !std::mem::replace(reported, true) {
                            unknown.push(chunk.names.path(*name).to_owned());
                        }
                        continue;
                    }
                };
                match self.cell(column, *value, texts) {
                    Ok(cell) => cells.extend(cell.map(|cell| (column, cell))),
                    Err(found) => {
                        misfit = Some(found);
                        break;
                    }
                }
            }
            if let Some(misfit) = misfit {
                misfits.push((index, misfit));
                continue;
            }
            for (column, cell) in cells.drain(..) {
                builders[column].put(height, cell);
            }
            height += 1;
        }
        let stored = self.columns.iter().map(|(_, stored)| stored);
        let columns = builders.into_iter().zip(stored);
        let columns = columns.map(|(builder, stored)| stored.finish(builder, height));
        let columns = columns.collect::<Result<_>>()?;
        Ok(ChunkColumns { columns, height, misfits, unknown })
    }

    /// A value for its column; nothing if it is null.
    #[inline]
    fn cell<'a>(
        &self,
        column: usize,
        value: Scalar,
        texts: Texts<'a>,
    ) -> Result<Option<Cell<'a>>, Misfit> {
        let stored = self.columns[column].1;
        match stored.cell(value, texts) {
            Ok(cell) => Ok(cell),
            Err(wanted) => {
                let forced = stored.force(value, texts);
                if self.can_restart || forced.is_none() {
                    let text = value.token(texts);
                    let class = json_text::class(&text);
                    let (column, text) = (self.columns[column].0.clone(), text.into_owned());
                    return Err(Misfit { column, class, text, wanted });
                }
                Ok(forced)
            }
        }
    }

    /// The columns of all chunks, one behind the other, up to `height` rows.
    ///
    /// # Errors
    /// `Internal`.
    pub fn concat(&self, chunks: Vec<ChunkColumns>, height: usize) -> Result<DataFrame> {
        let all = chunks.iter().map(|chunk| chunk.height).sum();
        let mut parts: Vec<Vec<Column>> = self.columns.iter().map(|_| Vec::new()).collect();
        for chunk in chunks {
            for (part, column) in parts.iter_mut().zip(chunk.columns) {
                part.push(column);
            }
        }
        let columns: Vec<Column> = parts
            .into_par_iter()
            .zip(&self.columns)
            .map(|(parts, (name, stored))| {
                let mut parts = parts.into_iter();
                let Some(mut whole) = parts.next() else {
                    return Ok(Column::new_empty(name.as_str().into(), &stored.dtype()));
                };
                for part in parts {
                    whole.append(&part)?;
                }
                Ok(whole.rechunk())
            })
            .collect::<Result<_>>()?;
        Ok(DataFrame::new(all, columns)?.head(Some(height)))
    }

    pub fn empty(&self) -> DataFrame {
        let column = |(name, stored): &(String, Storage)| {
            Column::new_empty(name.as_str().into(), &stored.dtype())
        };
        DataFrame::new(0, self.columns.iter().map(column).collect()).unwrap_or_default()
    }
}
