//! A column of a JSON input as it grows.

use std::borrow::Cow;

use anomal_core::proto::DataType as Type;
use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder, Column, DataType, Float64Type, Int64Type, IntoColumn,
    PrimitiveChunkedBuilder, StringChunkedBuilder,
};
use serde_json::Value;

/// As what a column's values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Integer,
    Float,
    Boolean,
    /// Also times.
    Text,
}

impl Stored {
    pub fn new(of: Type) -> Self {
        match of {
            Type::Integer => Self::Integer,
            Type::Float => Self::Float,
            Type::Boolean => Self::Boolean,
            Type::String | Type::Datetime | Type::Unspecified => Self::Text,
        }
    }

    pub fn dtype(self) -> DataType {
        match self {
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Text => DataType::String,
        }
    }

    /// A value as it is stored, null as none.
    ///
    /// # Errors
    /// What it should have been.
    pub fn cell(self, value: &Value) -> Result<Option<Cell<'_>>, &'static str> {
        let (cell, wanted) = match (self, value) {
            (_, Value::Null) => return Ok(None),
            (Self::Text, Value::String(text)) => return Ok(Some(Cell::Text(text.into()))),
            (Self::Text, other) => return Ok(Some(Cell::Text(other.to_string().into()))),
            (Self::Integer, value) => (value.as_i64().map(Cell::Integer), "a whole number"),
            (Self::Float, value) => (value.as_f64().map(Cell::Float), "a number"),
            (Self::Boolean, value) => (value.as_bool().map(Cell::Boolean), "true or false"),
        };
        cell.map(Some).ok_or(wanted)
    }
}

/// A value as its column stores it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Text(Cow<'a, str>),
}

impl Cell<'_> {
    /// Its size in a batch.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Integer(_) | Self::Float(_) | Self::Boolean(_) => 8,
        }
    }
}

/// Values of one column; rows that have none are null.
pub(crate) struct Builder {
    values: Growing,
    height: usize,
}

enum Growing {
    Integer(PrimitiveChunkedBuilder<Int64Type>),
    Float(PrimitiveChunkedBuilder<Float64Type>),
    Boolean(BooleanChunkedBuilder),
    Text(StringChunkedBuilder),
}

impl Builder {
    pub fn new(name: &str, stored: Stored, capacity: usize) -> Self {
        let name = name.into();
        let values = match stored {
            Stored::Integer => Growing::Integer(PrimitiveChunkedBuilder::new(name, capacity)),
            Stored::Float => Growing::Float(PrimitiveChunkedBuilder::new(name, capacity)),
            Stored::Boolean => Growing::Boolean(BooleanChunkedBuilder::new(name, capacity)),
            Stored::Text => Growing::Text(StringChunkedBuilder::new(name, capacity)),
        };
        Self { values, height: 0 }
    }

    /// Puts a value of the column's type at `row`, which is behind all that have been put.
    pub fn put(&mut self, row: usize, cell: Cell<'_>) {
        self.fill(row);
        match (&mut self.values, cell) {
            (Growing::Integer(values), Cell::Integer(value)) => values.append_value(value),
            (Growing::Float(values), Cell::Float(value)) => values.append_value(value),
            (Growing::Boolean(values), Cell::Boolean(value)) => values.append_value(value),
            (Growing::Text(values), Cell::Text(text)) => values.append_value(text),
            // One of another type is as good as none.
            _ => return,
        }
        self.height += 1;
    }

    fn fill(&mut self, height: usize) {
        while self.height < height {
            self.height += 1;
            match &mut self.values {
                Growing::Integer(values) => values.append_null(),
                Growing::Float(values) => values.append_null(),
                Growing::Boolean(values) => values.append_null(),
                Growing::Text(values) => values.append_null(),
            }
        }
    }

    pub fn finish(mut self, height: usize) -> Column {
        self.fill(height);
        match self.values {
            Growing::Integer(values) => values.finish().into_column(),
            Growing::Float(values) => values.finish().into_column(),
            Growing::Boolean(values) => values.finish().into_column(),
            Growing::Text(values) => values.finish().into_column(),
        }
    }
}
