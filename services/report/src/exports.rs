//! A report as a file.

mod html;
mod pdf;
mod spreadsheet;
pub(crate) mod table;

pub(crate) use html::html;
pub(crate) use pdf::pdf;
pub(crate) use spreadsheet::safe_field;
pub(crate) use table::RowSelection;

/// Suspects in a PDF.
pub(crate) const PDF_SUSPECTS: usize = 200;
/// Hits of each flag in a PDF.
pub(crate) const PDF_HITS: usize = 50;
/// Suspects in an HTML file.
pub(crate) const HTML_SUSPECTS: usize = 200;
/// Hits of each flag in an HTML file.
pub(crate) const HTML_HITS: usize = 50;
