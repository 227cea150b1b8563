//! Documents that can't be read, told as records of files are.

use anomal_core::Error;
use polars::prelude::DataFrame;

use super::page::Bad;
use crate::source::Rejected;

/// A text of a column of these.
pub(super) fn cell(frame: &DataFrame, name: &str, row: usize) -> String {
    let column = frame.column(name).ok().and_then(|column| column.str().ok());
    column.and_then(|column| column.get(row)).unwrap_or_default().to_owned()
}

/// `row`: among all documents.
pub(super) fn refused(bad: Bad, index: &str, row: u64) -> Rejected {
    let Bad { id, column, reason, raw } = bad;
    // Documents have no lines.
    Rejected { file: format!("{index}/_doc/{id}"), line: 0, row, column, reason, raw }
}

/// What stops a run where bad documents are errors.
pub(super) fn stopped(bad: &Rejected) -> Error {
    let column = bad.column.as_ref().map(|column| format!(" in `{column}`")).unwrap_or_default();
    Error::input(
        "BAD_RECORD",
        format!(
            "{}: row {}{column}: {}; mend the document, name the field's type in input.elasticsearch.types, or set \
             badLines: skip to keep such documents in a file of their own and go on",
            bad.file, bad.row, bad.reason
        ),
    )
}
