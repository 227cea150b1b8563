//! Records that a log has more of than a text: their values as lines of a format, with further columns.

mod columns;

use std::path::PathBuf;

use anomal_core::{
    Batch, Error, Position, Result, column_of_view,
    proto::{Column, TimeReading},
};
use anomal_dataflow::{ChunkDecoder, Reader, Source, Split, TextChunk};
use polars::prelude::{Column as FrameColumn, DataFrame, IdxCa, IdxSize};

/// The values of records, with further columns.
pub(crate) struct AttributedSource {
    values: Box<dyn Source>,
    schema: Vec<Column>,
    /// Of the columns beside the values.
    own: Vec<Column>,
    selected: Vec<Column>,
    empty: DataFrame,
    place: &'static str,
}

impl AttributedSource {
    /// `own`: the further columns, and `empty` their table without rows. `place`: that of the input in the settings.
    pub fn new(
        values: Box<dyn Source>,
        mut own: Vec<Column>,
        mut empty: DataFrame,
        place: &'static str,
    ) -> Self {
        let mut schema = values.schema().to_vec();
        // A member of the values with such a name goes before.
        own.retain(|column| {
            let is_new = schema.iter().all(|known| known.name != column.name);
            if !is_new {
                empty = empty.drop(&column.name).unwrap_or_default();
            }
            is_new
        });
        schema.extend(own.clone());
        Self { values, schema, own, selected: Vec::new(), empty, place }
    }
}

impl Source for AttributedSource {
    fn schema(&self) -> &[Column] {
        &self.schema
    }

    fn times(&self) -> Vec<TimeReading> {
        self.values.times()
    }

    fn select(&mut self, columns: &[Column]) -> Result<()> {
        let find =
            |column: &Column| self.own.iter().find(|own| own.name == column_of_view(&column.name));
        let (mut own, mut values) = (Vec::new(), Vec::new());
        for column in columns {
            match find(column) {
                Some(known) => {
                    columns::check(column, known, self.place)?;
                    own.push(column.clone());
                }
                None => values.push(column.clone()),
            }
        }
        self.selected = own;
        self.values.select(&values)
    }

    fn is_bounded(&self) -> bool {
        false
    }

    fn open(&mut self, _: &Split, _: Option<Position>) -> Result<Box<dyn Reader>> {
        Err(Error::internal("it is read by a log"))
    }

    fn empty(&self) -> DataFrame {
        let values = self.values.empty();
        values.hstack(self.empty.columns()).unwrap_or(values)
    }

    fn files(&self) -> &[PathBuf] {
        &[]
    }

    fn decoder(&self) -> Option<Box<dyn ChunkDecoder>> {
        let values = self.values.decoder()?;
        let names = self.own.iter().map(|column| column.name.clone()).collect();
        Some(Box::new(AttributedDecoder { values, names, selected: self.selected.clone() }))
    }
}

struct AttributedDecoder {
    values: Box<dyn ChunkDecoder>,
    names: Vec<String>,
    selected: Vec<Column>,
}

impl ChunkDecoder for AttributedDecoder {
    fn decode(&mut self, mut chunk: TextChunk) -> Result<Batch> {
        let attributes = chunk.attributes.take();
        let attributes = attributes.ok_or_else(|| Error::internal("records without attributes"))?;
        let mut batch = self.values.decode(TextChunk { first: 0, line: 1, ..chunk })?;
        let rows =
            batch.offsets().into_iter().map(|row| IdxSize::try_from(row).unwrap_or(IdxSize::MAX));
        let rows = IdxCa::from_vec("row".into(), rows.collect());
        let own = attributes.columns.take(&rows)?;
        batch.typed = joined(&batch.typed, columns::typed(&own, &self.selected)?, rows.len())?;
        let raw = own.select(self.names.iter().map(String::as_str))?;
        batch.raw = joined(&batch.raw, raw.columns().to_vec(), rows.len())?;
        for record in &mut batch.rejected {
            record.line = 1;
        }
        let mut batch = batch.renumber(&attributes.offsets)?;
        let further = attributes.rejected.len() as u64;
        batch.statistics.read += further;
        batch.statistics.rejected += further;
        batch.rejected.extend(attributes.rejected);
        batch.rejected.sort_by_key(|record| record.row);
        Ok(batch)
    }
}

fn joined(frame: &DataFrame, columns: Vec<FrameColumn>, height: usize) -> Result<DataFrame> {
    if frame.width() == 0 {
        return Ok(DataFrame::new(height, columns)?);
    }
    Ok(frame.hstack(&columns)?)
}
