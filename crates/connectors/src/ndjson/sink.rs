//! Results as NDJSON. Names stay flat, missing values are null.

use std::path::Path;

use anomal_core::{Batch, Result};
use anomal_dataflow::{PreparedEpoch, Sink, WriteOutcome};
use anomal_spec::NdjsonOutput;
use polars::prelude::{AnyValue, Column, DataType, StringChunked};

use crate::{
    atomic_file::AtomicFile,
    json_text, json_value,
    remote::Access,
    sink::{Projection, columns_as_read, frame},
    typing::{Class, NullValues, is_whole},
};

pub(crate) struct NdjsonSink {
    file: AtomicFile,
    projection: Projection,
    /// Texts that the settings of the input name as missing.
    nulls: NullValues,
    rows: u64,
}

impl NdjsonSink {
    pub fn create(
        output: &NdjsonOutput,
        access: &Access<'_>,
        null_values: &[String],
    ) -> Result<Self> {
        let file = AtomicFile::create(Path::new(&output.path), access)?;
        let projection = Projection::new(output.rows, &output.include);
        Ok(Self { file, projection, nulls: NullValues::new(null_values), rows: 0 })
    }
}

impl NdjsonSink {
    /// Appends a value whose text was read. A text that is not of the column's type stays text, and a whole number in a
    /// column of decimals stays one.
    fn push_typed(&self, out: &mut Vec<u8>, value: &AnyValue<'_>, text: &str) {
        match value {
            AnyValue::Null if !text.is_empty() && !self.nulls.contains(text) => {
                json_value::push_text(out, text);
            }
            AnyValue::Datetime(..) | AnyValue::DatetimeOwned(..) => {
                json_value::push_text(out, text);
            }
            AnyValue::Float64(_) if is_whole(text) => out.extend(text.as_bytes()),
            // Such as 1.234,50 or 45%.
            AnyValue::Float64(_) if Class::classify(text) == Class::Text => {
                json_value::push_text(out, text);
            }
            value => json_value::push(out, value),
        }
    }
}

impl Sink for NdjsonSink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let batch = self.projection.project(batch)?;
        let frame = frame(&batch, columns_as_read(&batch))?;
        let raw = |column: &Column| batch.raw.column(column.name()).ok();
        let mut lines = Vec::new();
        let keys: Vec<Vec<u8>> = frame.columns().iter().map(key).collect();
        let cells = frame.columns().iter().map(|column| Cells::new(column, raw(column)));
        let cells: Vec<Cells<'_>> = cells.collect::<Result<_>>()?;
        for row in 0..frame.height() {
            let mut before = b'{';
            for (key, column) in keys.iter().zip(&cells) {
                lines.push(before);
                before = b',';
                lines.extend(key);
                match column {
                    Cells::Json(tokens) => {
                        lines.extend(tokens.get(row).unwrap_or("null").as_bytes());
                    }
                    Cells::Typed(column, text) => {
                        let value = column.get(row).unwrap_or(AnyValue::Null);
                        self.push_typed(
                            &mut lines,
                            &value,
                            text.get(row).unwrap_or_default().trim(),
                        );
                    }
                    Cells::Other(column) => {
                        json_value::push(&mut lines, &column.get(row).unwrap_or(AnyValue::Null));
                    }
                }
            }
            lines.extend(b"}\n");
        }
        self.rows += frame.height() as u64;
        self.file.write(&lines)
    }

    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch> {
        self.file.prepare()?;
        Ok(PreparedEpoch { epoch })
    }

    fn commit(&mut self, _: PreparedEpoch) -> Result<WriteOutcome> {
        self.file.commit()?;
        Ok(WriteOutcome::new(self.file.target().display().to_string(), self.rows))
    }
}

/// The values of a column.
enum Cells<'a> {
    /// Each is JSON already.
    Json(StringChunked),
    /// Values that were read as text, and that text.
    Typed(&'a Column, &'a StringChunked),
    Other(&'a Column),
}

impl<'a> Cells<'a> {
    /// `raw`: the column as it was read, if it is one of the input.
    fn new(column: &'a Column, raw: Option<&'a Column>) -> Result<Self> {
        if let Some(tokens) = json_text::tokens(column)? {
            return Ok(Self::Json(tokens));
        }
        let text = raw.filter(|raw| raw.dtype() == &DataType::String);
        let text = text.filter(|_| column.dtype() != &DataType::String);
        Ok(match text {
            Some(text) => Self::Typed(column, text.str()?),
            None => Self::Other(column),
        })
    }
}

/// A column's name as a JSON key with its colon.
fn key(column: &Column) -> Vec<u8> {
    let mut key = Vec::new();
    json_value::push_text(&mut key, column.name());
    key.push(b':');
    key
}
