//! The stored form of a report beside its manifest, and how it is built from what a runner published.

mod hits;
mod leaf_labels;
pub(crate) mod parquet;
mod reduce;
mod result_table;

use std::{fs::File, io::Read};

use anomal_core::{
    Code, Error, PublishRequest, Result,
    proto::{Analysis, Report},
};
use serde::{Deserialize, Serialize};

pub(crate) use result_table::severity_rank;

use crate::{
    files::temporary::{self, no_space},
    view::View,
};

/// All rows, as published.
pub(crate) const ROWS: &str = "rows.parquet";
/// The same columns of the most suspicious rows, in descending order of suspicion.
pub(crate) const SUSPECTS: &str = "suspects.parquet";
/// `anomal.row` and `value`, grouped by flag in the report's order.
pub(crate) const HITS: &str = "hits.parquet";
/// [`Contents`] as JSON.
pub(crate) const CONTENTS: &str = "contents.json.zst";

/// The data of pages that is not in tables.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Contents {
    pub analysis: Option<Analysis>,
    pub view: View,
    /// The row groups of [`ROWS`], in order.
    pub groups: Vec<RowGroup>,
    /// Rows of [`HITS`] for each flag of the report, in order.
    pub hits: Vec<u64>,
}

/// A row group: a row is found by its number without reading the other groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RowGroup {
    pub first_row: u64,
    /// Index of its first row in the file.
    pub offset: u64,
    pub rows: u64,
}

/// A report ready to be stored.
pub(crate) struct PreparedReport {
    pub report: Report,
    pub files: Vec<(&'static str, File)>,
}

/// Builds the stored files from a published report.
///
/// # Errors
/// `InvalidRequest` if the parts do not belong together; `Output` if the temporary folder is full.
pub(crate) fn prepare(request: PublishRequest) -> Result<PreparedReport> {
    let PublishRequest { mut report, analysis, rows: path, hits, .. } = request;
    let rows =
        File::open(&path).map_err(|error| invalid(&format!("cannot read its rows: {error}")))?;
    let table = result_table::ResultTable::read(&rows, &report)?;
    report.suspects = table.suspects.len() as u64;
    let (hits, counts) = hits::group_by_flag(&report, &hits)?;
    let reduced = reduce::reduce(analysis, &table)?;
    let (points, suspects) = table.gather(&rows, &report, reduced.points)?;
    let view =
        View { points, scores: table.histogram(reduced.cut), leaf_labels: reduced.leaf_labels };
    let contents =
        Contents { analysis: reduced.analysis, view, groups: table.groups, hits: counts };
    let contents = serde_json::to_vec(&contents)
        .map_err(|error| Error::internal(format!("contents as JSON: {error}")))?;
    let contents = zstd::encode_all(contents.as_slice(), 3).map_err(|error| no_space(&error))?;
    let files = vec![
        (ROWS, File::open(&path).map_err(|error| no_space(&error))?),
        (SUSPECTS, parquet::write(suspects)?),
        (HITS, parquet::write(hits)?),
        (CONTENTS, temporary::from_bytes(&contents)?),
    ];
    Ok(PreparedReport { report, files })
}

/// Reads the contents back.
///
/// # Errors
/// `Output` if they are damaged.
pub(crate) fn read(file: File) -> Result<Contents> {
    let damaged = |reason: String| {
        let message = format!("a report's contents are damaged: {reason}");
        Error::new(Code::Output, "REPORT_DAMAGED", message)
    };
    let mut json = Vec::new();
    zstd::Decoder::new(file)
        .and_then(|mut decoder| decoder.read_to_end(&mut json))
        .map_err(|error| damaged(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))
}

pub(crate) fn invalid(reason: &str) -> Error {
    Error::new(Code::InvalidRequest, "REPORT_INVALID", format!("invalid report: {reason}"))
}
