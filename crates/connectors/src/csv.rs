//! CSV (RFC 4180), every cell kept to the byte.

mod ahead;
mod file;
mod sink;
mod source;
mod split;

pub use file::{CsvFile, CsvText};
pub(crate) use sink::CsvSink;
pub use sink::flat;
pub(crate) use source::CsvSource;
