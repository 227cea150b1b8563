//! A report as a file.

mod csv;
pub(crate) mod download;
mod html;
mod pdf;
pub(crate) mod table;

pub(crate) use csv::field;
pub(crate) use html::html;
pub(crate) use pdf::pdf;
pub(crate) use table::Choice;

/// Suspects and hits of a flag that a PDF holds.
pub(crate) const PDF_SUSPECTS: usize = 200;
pub(crate) const PDF_HITS: usize = 50;
/// Those that the file holds.
pub(crate) const HTML_SUSPECTS: usize = 200;
pub(crate) const HTML_HITS: usize = 50;
