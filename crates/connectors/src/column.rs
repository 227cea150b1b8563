//! Builds the columns of a JSON input.

use std::borrow::Cow;

use anomal_core::proto::DataType as Type;
use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder, Column, DataType, Float64Type, Int64Type, IntoColumn,
    PrimitiveChunkedBuilder, StringChunkedBuilder,
};

/// The type in which a column's values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StorageType {
    Integer,
    Float,
    Boolean,
    /// Includes times.
    Text,
}

impl StorageType {
    pub fn new(data_type: Type) -> Self {
        match data_type {
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
}

/// A value in its column's storage type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Text(Cow<'a, str>),
}

impl Cell<'_> {
    /// Bytes in a batch.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Integer(_) | Self::Float(_) | Self::Boolean(_) => 8,
        }
    }
}

/// The values of one column; rows without a value are null.
pub(crate) struct ColumnBuilder {
    values: TypedBuilder,
    height: usize,
}

enum TypedBuilder {
    Integer(PrimitiveChunkedBuilder<Int64Type>),
    Float(PrimitiveChunkedBuilder<Float64Type>),
    Boolean(BooleanChunkedBuilder),
    Text(StringChunkedBuilder),
}

impl ColumnBuilder {
    pub fn new(name: &str, stored: StorageType, capacity: usize) -> Self {
        let name = name.into();
        let values = match stored {
            StorageType::Integer => {
                TypedBuilder::Integer(PrimitiveChunkedBuilder::new(name, capacity))
            }
            StorageType::Float => TypedBuilder::Float(PrimitiveChunkedBuilder::new(name, capacity)),
            StorageType::Boolean => {
                TypedBuilder::Boolean(BooleanChunkedBuilder::new(name, capacity))
            }
            StorageType::Text => TypedBuilder::Text(StringChunkedBuilder::new(name, capacity)),
        };
        Self { values, height: 0 }
    }

    /// Sets the value of `row`, which must be behind all rows set so far.
    pub fn put(&mut self, row: usize, cell: Cell<'_>) {
        self.fill(row);
        match (&mut self.values, cell) {
            (TypedBuilder::Integer(values), Cell::Integer(value)) => values.append_value(value),
            (TypedBuilder::Float(values), Cell::Float(value)) => values.append_value(value),
            (TypedBuilder::Boolean(values), Cell::Boolean(value)) => values.append_value(value),
            (TypedBuilder::Text(values), Cell::Text(text)) => values.append_value(text),
            // A value of another type counts as missing.
            _ => return,
        }
        self.height += 1;
    }

    fn fill(&mut self, height: usize) {
        while self.height < height {
            self.height += 1;
            match &mut self.values {
                TypedBuilder::Integer(values) => values.append_null(),
                TypedBuilder::Float(values) => values.append_null(),
                TypedBuilder::Boolean(values) => values.append_null(),
                TypedBuilder::Text(values) => values.append_null(),
            }
        }
    }

    pub fn finish(mut self, height: usize) -> Column {
        self.fill(height);
        match self.values {
            TypedBuilder::Integer(values) => values.finish().into_column(),
            TypedBuilder::Float(values) => values.finish().into_column(),
            TypedBuilder::Boolean(values) => values.finish().into_column(),
            TypedBuilder::Text(values) => values.finish().into_column(),
        }
    }
}
