//! Reports documents that can't be read like rejected records of files.

use anomal_core::{Error, RejectedRecord};
use polars::prelude::DataFrame;

use super::page::BadDocument;

/// The text of a cell.
pub(super) fn cell(frame: &DataFrame, name: &str, row: usize) -> String {
    let column = frame.column(name).ok().and_then(|column| column.str().ok());
    column.and_then(|column| column.get(row)).unwrap_or_default().to_owned()
}

/// `row`: the number among all documents.
pub(super) fn rejected_document(bad: BadDocument, index: &str, row: u64) -> RejectedRecord {
    let BadDocument { id, column, reason, raw } = bad;
    // Documents have no lines.
    RejectedRecord { file: format!("{index}/_doc/{id}"), line: 0, row, column, reason, raw }
}

/// The error that stops a run where `badLines` is `error`.
pub(super) fn bad_record_error(bad: &RejectedRecord) -> Error {
    let column = bad.column.as_ref().map(|column| format!(" in `{column}`")).unwrap_or_default();
    Error::input(
        "BAD_RECORD",
        format!(
            "{}: row {}{column}: {}; fix the document, set the field's type in input.elasticsearch.types, or set \
             badLines: skip to write such documents to the dead-letter file and continue",
            bad.file, bad.row, bad.reason
        ),
    )
}
