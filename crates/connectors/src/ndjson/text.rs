//! Rows of results as lines of JSON. Names stay flat, missing values are null.

use anomal_core::{Batch, Result};
use anomal_spec::NdjsonOutput;
use polars::prelude::{AnyValue, Column, DataType, StringChunked};

use crate::{
    json_text, json_value,
    sink::{Projection, columns_as_read, frame},
    typing::{Class, NullValues, is_whole},
};

/// Encodes the rows and columns that an output writes.
pub(crate) struct NdjsonText {
    projection: Projection,
    /// Texts that the settings of the input name as missing.
    nulls: NullValues,
}

impl NdjsonText {
    /// `null_values`: the texts that the input's settings name as missing.
    pub fn new(output: &NdjsonOutput, null_values: &[String]) -> Self {
        let projection = Projection::new(output.rows, &output.include);
        Self { projection, nulls: NullValues::new(null_values) }
    }

    /// Appends the lines of a batch, and returns their number.
    ///
    /// # Errors
    /// `Internal` if the batch has no results.
    pub fn append(&self, batch: &Batch, lines: &mut Vec<u8>) -> Result<u64> {
        let batch = self.projection.project(batch)?;
        let frame = frame(&batch, columns_as_read(&batch))?;
        let raw = |column: &Column| batch.raw.column(column.name()).ok();
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
                        self.push_typed(lines, &value, text.get(row).unwrap_or_default().trim());
                    }
                    Cells::Other(column) => {
                        json_value::push(lines, &column.get(row).unwrap_or(AnyValue::Null));
                    }
                }
            }
            lines.extend(b"}\n");
        }
        Ok(frame.height() as u64)
    }

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
