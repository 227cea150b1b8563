//! Results as a JSON object a line; names stay flat, missing values are null.

use std::path::Path;

use anomal_core::Result;
use anomal_spec::NdjsonOutput;
use polars::prelude::{AnyValue, Column, Series};
use serde_json::{Map, Number, Value};

use crate::{
    atomic_file::AtomicFile,
    sink::{Choice, ResultBatch, Sink, Written},
    text,
};

pub(crate) struct NdjsonSink {
    file: AtomicFile,
    choice: Choice,
    rows: u64,
}

impl NdjsonSink {
    pub fn create(output: &NdjsonOutput) -> Result<Self> {
        let file = AtomicFile::create(Path::new(&output.path))?;
        Ok(Self { file, choice: Choice::new(output.rows, &output.include), rows: 0 })
    }
}

impl Sink for NdjsonSink {
    fn write(&mut self, batch: &ResultBatch) -> Result<()> {
        let frame = self.choice.of(batch)?.typed_frame()?;
        let mut lines = Vec::new();
        for row in 0..frame.height() {
            let entry = |column: &Column| {
                let value = column.get(row).unwrap_or(AnyValue::Null);
                (column.name().to_string(), json(&value))
            };
            let object: Map<String, Value> = frame.columns().iter().map(entry).collect();
            lines.extend(Value::Object(object).to_string().into_bytes());
            lines.push(b'\n');
        }
        self.rows += frame.height() as u64;
        self.file.write(&lines)
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        let target = self.file.target().display().to_string();
        self.file.finish()?;
        Ok(Written { target, rows: self.rows })
    }
}

/// A number that JSON has none for (NaN, infinities) is null.
fn json(value: &AnyValue<'_>) -> Value {
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => (*value).into(),
        AnyValue::String(value) => (*value).into(),
        AnyValue::StringOwned(value) => value.as_str().into(),
        AnyValue::Int64(value) => (*value).into(),
        AnyValue::Int32(value) => (*value).into(),
        AnyValue::UInt64(value) => (*value).into(),
        AnyValue::UInt32(value) => (*value).into(),
        AnyValue::Float64(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
        AnyValue::List(list) => list_of(list),
        AnyValue::Struct(_, _, fields) => {
            let values = value._iter_struct_av().map(|value| json(&value));
            fields.iter().map(|field| field.name().to_string()).zip(values).collect()
        }
        value => {
            let mut text = String::new();
            text::push(&mut text, value);
            text.into()
        }
    }
}

fn list_of(list: &Series) -> Value {
    list.iter().map(|value| json(&value)).collect()
}
