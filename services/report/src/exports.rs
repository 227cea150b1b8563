//! A report as a file.

use crate::open_report::DocumentLimits;

mod case;
mod html;
mod labels;
mod pdf;
mod run;
mod spreadsheet;
pub(crate) mod table;

pub(crate) use case::Case;
pub use case::escape_markdown;
pub(crate) use html::html;
pub(crate) use labels::labels;
pub(crate) use pdf::pdf;
pub(crate) use run::digest;
pub(crate) use spreadsheet::safe_field;
pub(crate) use table::{RowSelection, TableFiles};

/// Rows of the tables in a PDF.
pub(crate) const PDF: DocumentLimits =
    DocumentLimits { suspects: 200, hits: 50, groups: 20, incidents: 60, incident_rows: 8 };
/// Rows of the tables in an HTML file.
pub(crate) const HTML: DocumentLimits =
    DocumentLimits { suspects: 100, hits: 50, groups: 50, incidents: 200, incident_rows: 10 };
