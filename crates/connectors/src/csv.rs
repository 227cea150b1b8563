//! CSV (RFC 4180). Every cell stays as it is, to the byte.

mod file;
mod prefetch;
mod sink;
mod source;
mod split;

pub use file::{CsvFile, CsvText};
pub(crate) use sink::CsvSink;
pub use sink::flat;
pub(crate) use source::CsvSource;

#[cfg(test)]
mod tests;
