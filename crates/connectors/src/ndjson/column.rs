//! A column of a JSON input as it grows.

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

    /// What a value that can't be stored should have been.
    pub fn misses(self, value: &Value) -> Option<&'static str> {
        let (fits, wanted) = match self {
            _ if value.is_null() => return None,
            Self::Integer => (value.as_i64().is_some(), "a whole number"),
            Self::Float => (value.is_number(), "a number"),
            Self::Boolean => (value.is_boolean(), "true or false"),
            Self::Text => return None,
        };
        (!fits).then_some(wanted)
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

    /// Puts a value at `row`, which is behind all that have been put.
    pub fn put(&mut self, row: usize, value: Value) {
        self.fill(row);
        self.height += 1;
        match &mut self.values {
            Growing::Integer(values) => values.append_option(value.as_i64()),
            Growing::Float(values) => values.append_option(value.as_f64()),
            Growing::Boolean(values) => values.append_option(value.as_bool()),
            Growing::Text(values) => match value {
                Value::Null => values.append_null(),
                Value::String(text) => values.append_value(text),
                other => values.append_value(other.to_string()),
            },
        }
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
