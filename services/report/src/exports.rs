//! A report as a file.

mod csv;
mod download;
mod table;

pub(crate) use download::bytes;
pub(crate) use table::{Choice, table};

pub(crate) const PDF_SUSPECTS: usize = 200;
pub(crate) const PDF_HITS: usize = 50;
pub(crate) const HTML_SUSPECTS: usize = 500;
pub(crate) const HTML_HITS: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Pdf,
    Html,
    Csv,
    Parquet,
}

