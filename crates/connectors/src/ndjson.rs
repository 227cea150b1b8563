//! A JSON object a line.

mod column;
mod flat;
mod sink;
mod source;

pub(crate) use column::{Builder, Cell, Stored};
pub(crate) use sink::NdjsonSink;
pub(crate) use source::NdjsonSource;
