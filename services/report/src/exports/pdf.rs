//! The report as a PDF: [`content`] prepares the data, [`design`] arranges them with [`layout`], [`writer`] writes the
//! file.
//!
//! Fonts are embedded, date and identifier are the report's, so the same report always has the same bytes.

mod content;
mod design;
mod fonts;
mod layout;
#[cfg(test)]
mod tests;
mod writer;

use anomal_core::Result;

use crate::view::ReportDocument;
use content::Content;
use design::Document;
use writer::Properties;

/// Renders the report as a PDF. `full`: with all suspects and charts after its incidents. This takes up to a second of CPU time: do not call it on an async thread.
///
/// # Errors
/// `Internal`: a bug.
pub fn pdf(whole: &ReportDocument, full: bool) -> Result<Vec<u8>> {
    let document = Document::new(&Content::new(whole, full)?);
    writer::write(&document, &properties(whole, &document))
}

fn properties(whole: &ReportDocument, document: &Document) -> Properties {
    let report = &whole.report;
    Properties {
        title: document.title.clone(),
        creator: format!("Anomal {}", content::text::name(&report.version)),
        time: report.create_time.parse().ok().map(|time| jiff::tz::Offset::UTC.to_datetime(time)),
        id: report.id.clone(),
    }
}
