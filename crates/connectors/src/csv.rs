//! CSV, in RFC 4180 and other dialects. Every cell stays as it is, to the byte.

mod connector;
mod file;
mod format;
mod inspect;
mod sink;
mod split;
mod start;

pub(crate) use connector::CsvConnector;
pub use file::{CsvFile, CsvText};
pub(crate) use inspect::TableInspection;
pub use sink::flat;
pub(crate) use sink::result_frame;

#[cfg(test)]
mod tests;
