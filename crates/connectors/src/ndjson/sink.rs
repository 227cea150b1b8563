//! Results as NDJSON. Names stay flat, missing values are null.

use std::{
    io::{self, Write},
    path::Path,
};

use anomal_core::{Batch, Result};
use anomal_dataflow::{PreparedEpoch, Sink, WriteOutcome};
use anomal_spec::NdjsonOutput;
use polars::prelude::{AnyValue, Column};

use crate::{
    atomic_file::AtomicFile,
    remote::Access,
    sink::{Projection, typed_frame},
    text,
};

pub(crate) struct NdjsonSink {
    file: AtomicFile,
    projection: Projection,
    rows: u64,
}

impl NdjsonSink {
    pub fn create(output: &NdjsonOutput, access: &Access<'_>) -> Result<Self> {
        let file = AtomicFile::create(Path::new(&output.path), access)?;
        Ok(Self { file, projection: Projection::new(output.rows, &output.include), rows: 0 })
    }
}

impl Sink for NdjsonSink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let frame = typed_frame(&self.projection.project(batch)?)?;
        let mut lines = Vec::new();
        let keys: Vec<Vec<u8>> = frame.columns().iter().map(key).collect();
        for row in 0..frame.height() {
            let mut before = b'{';
            for (key, column) in keys.iter().zip(frame.columns()) {
                lines.push(before);
                before = b',';
                lines.extend(key);
                push(&mut lines, &column.get(row).unwrap_or(AnyValue::Null));
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

/// A column's name as a JSON key with its colon.
fn key(column: &Column) -> Vec<u8> {
    let mut key = Vec::new();
    text_to(&mut key, column.name());
    key.push(b':');
    key
}

fn text_to(out: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Appends a value as JSON. NaN and infinities, which JSON lacks, become null.
fn push(out: &mut Vec<u8>, value: &AnyValue<'_>) {
    let _ = match value {
        AnyValue::Null => write!(out, "null"),
        AnyValue::Boolean(value) => write!(out, "{value}"),
        AnyValue::String(value) => return text_to(out, value),
        AnyValue::StringOwned(value) => return text_to(out, value),
        AnyValue::Int64(value) => write!(out, "{value}"),
        AnyValue::Int32(value) => write!(out, "{value}"),
        AnyValue::UInt64(value) => write!(out, "{value}"),
        AnyValue::UInt32(value) => write!(out, "{value}"),
        AnyValue::Float64(value) => serde_json::to_writer(out, value).map_err(io::Error::from),
        AnyValue::List(list) => {
            let mut before = b'[';
            for value in list.iter() {
                out.push(before);
                before = b',';
                push(out, &value);
            }
            let end: &[u8] = if before == b'[' { b"[]" } else { b"]" };
            out.write_all(end)
        }
        AnyValue::Struct(_, _, fields) => {
            let mut before = b'{';
            for (field, value) in fields.iter().zip(value._iter_struct_av()) {
                out.push(before);
                before = b',';
                text_to(out, field.name());
                out.push(b':');
                push(out, &value);
            }
            out.write_all(b"}")
        }
        value => {
            let mut text = String::new();
            text::push(&mut text, value);
            return text_to(out, &text);
        }
    };
}
