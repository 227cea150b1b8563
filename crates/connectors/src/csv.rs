//! CSV (RFC 4180). Every cell stays as it is, to the byte.

mod connector;
mod file;
mod prefetch;
mod sample;
mod sink;
mod source;
mod split;

pub(crate) use connector::CsvConnector;
pub use file::{CsvFile, CsvText};
pub use sink::flat;

#[cfg(test)]
mod tests;
