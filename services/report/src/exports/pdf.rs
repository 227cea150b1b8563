//! A report as a PDF, set by typst.
//!
//! The template (pdf/*.typ) is fixed and reads the report as values from `data.json` and its charts as SVG files:
//! no datum ever becomes part of typst's source, so none can be markup. Fonts are embedded, date and identifier
//! are the report's, so that one report always gives the same bytes.

mod behaviour;
mod clustering;
mod cover;
mod data;
mod flags;
mod fonts;
mod number;
mod suspects;
#[cfg(test)]
mod tests;
mod text;
mod world;

use anomal_core::{Error, Result};
use typst::{
    comemo,
    diag::SourceDiagnostic,
    foundations::{Datetime, Smart},
    layout::PagedDocument,
};
use typst_pdf::{PdfOptions, Timestamp};

use crate::view::ReportDocument;
use world::{Desk, Files};

/// Suspects shown.
pub const SUSPECTS: usize = 200;
/// Rows shown for each flag.
pub const HITS: usize = 50;

/// The report as a PDF. Takes a core for some seconds: not for an async thread.
pub fn pdf(whole: &ReportDocument) -> Result<Vec<u8>> {
    let bytes = compile(whole).and_then(|document| write(whole, &document));
    // What typst remembers is of use within a document only.
    comemo::evict(0);
    bytes
}

fn write(whole: &ReportDocument, document: &PagedDocument) -> Result<Vec<u8>> {
    let report = &whole.report;
    let options = PdfOptions {
        ident: Smart::Custom(&report.id),
        timestamp: datetime(&report.create_time).map(Timestamp::new_utc),
        ..PdfOptions::default()
    };
    typst_pdf::pdf(document, &options).map_err(|found| failed(&found))
}

/// The report laid out on pages.
fn compile(whole: &ReportDocument) -> Result<PagedDocument> {
    let mut files = Files::default();
    let data = data::of(whole, &mut files);
    let data = serde_json::to_string(&data)
        .map_err(|found| Error::internal(format!("data of the PDF: {found}")))?;
    files.add("data.json", data);
    let desk = Desk::new(files, datetime(&whole.report.create_time));
    typst::compile(&desk).output.map_err(|found| failed(&found))
}

/// A template that does not compile is a defect of ours, whatever the data.
fn failed(found: &[SourceDiagnostic]) -> Error {
    let messages: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
    Error::internal(format!("the PDF could not be made: {}", messages.join("; ")))
}

fn datetime(time: &str) -> Option<Datetime> {
    let time = jiff::tz::Offset::UTC.to_datetime(time.parse().ok()?);
    let part = |part: i8| u8::try_from(part).ok();
    Datetime::from_ymd_hms(
        time.year().into(),
        part(time.month())?,
        part(time.day())?,
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
    )
}
