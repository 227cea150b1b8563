//! NDJSON: one JSON object a line.

mod column;
mod flat;
mod sink;
mod source;

pub(crate) use column::{Cell, ColumnBuilder, StorageType};
pub(crate) use sink::NdjsonSink;
pub(crate) use source::NdjsonSource;
