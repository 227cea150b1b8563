//! CSV, in RFC 4180 and other dialects. Every cell stays as it is, to the byte.

mod connector;
mod file;
mod followed;
mod format;
mod inspect;
mod sink;
mod split;
mod start;
mod values;

pub(crate) use connector::CsvConnector;
pub use file::{CsvFile, CsvText};
pub(crate) use inspect::TableInspection;
pub use sink::flat;
pub(crate) use sink::result_frame;
pub(crate) use values::open_values;

#[cfg(test)]
mod tests;
