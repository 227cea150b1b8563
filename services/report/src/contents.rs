//! The stored form of a report beside its manifest, and how it is built from what a runner published.

pub(crate) mod entity_rows;
mod groups;
mod hits;
pub(crate) mod incident_frame;
mod incidents;
mod leaf_labels;
mod medians;
pub(crate) mod parquet;
mod reduce;
mod result_table;
pub(crate) mod timeline;

use std::{fs::File, io::Read};

use anomal_core::{
    Code, Error, PublishRequest, ROW, Result,
    proto::{Analysis, Report},
};
use polars::prelude::Column;
use serde::{Deserialize, Serialize};

use entity_rows::{LISTED_ROWS, entity_tables};
use groups::Groups;
use incidents::{CheckedIncidents, IncidentFrames};
pub(crate) use result_table::severity_rank;

use crate::{
    files::temporary::{self, no_space},
    view::{View, incidents::IncidentSummary},
};

/// All rows, as published.
pub(crate) const ROWS: &str = "rows.parquet";
/// The same columns of the most suspicious rows, in descending order of suspicion.
pub(crate) const SUSPECTS: &str = "suspects.parquet";
/// `anomal.row` and `value`, grouped by flag in the report's order.
pub(crate) const HITS: &str = "hits.parquet";
/// Incidents, one a row, by number.
pub(crate) const INCIDENTS: &str = "incidents.parquet";
/// What evidence is about, the highest risk first.
pub(crate) const ENTITIES: &str = "entities.parquet";
/// All rows of entities, one after another in the order of [`ENTITIES`].
pub(crate) const ENTITY_ROWS: &str = "entity_rows.parquet";
/// The quartiles of the first entities, one a row.
pub(crate) const ENTITY_VALUES: &str = "entity_values.parquet";
/// Hits by flag, incident and entities, grouped by flag in the report's order.
pub(crate) const GROUPS: &str = "groups.parquet";
/// [`Contents`] as JSON.
pub(crate) const CONTENTS: &str = "contents.json.zst";

/// Columns of [`SUSPECTS`], and but for the first of [`ROWS`], with what a row is about: the number of its incident, its time
/// in microseconds since the epoch, its entities.
pub(crate) const INCIDENT: &str = "anomal.incident";
pub(crate) const TIME: &str = "anomal.time";
pub(crate) const ACTOR: &str = "anomal.actor";
pub(crate) const TARGET: &str = "anomal.target";

/// The data of pages that is not in tables.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Contents {
    pub analysis: Option<Analysis>,
    pub view: View,
    /// The row groups of [`ROWS`], in order.
    pub groups: Vec<RowGroup>,
    /// Rows of [`HITS`] for each flag of the report, in order.
    pub hits: Vec<u64>,
    /// Absent where rows are not grouped, and in reports of older versions.
    #[serde(default)]
    pub incidents: Option<IncidentSummary>,
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
    let PublishRequest { mut report, analysis, rows: path, hits, incidents, .. } = request;
    let incidents = incidents.map(CheckedIncidents::new).transpose()?;
    if report.incidents.is_some() != incidents.is_some() {
        return Err(invalid("it counts incidents that it does not have, or the other way round"));
    }
    if let (Some(counts), Some(incidents)) = (&mut report.incidents, &incidents) {
        counts.keys = incidents.keys(counts);
    }
    let rows =
        File::open(&path).map_err(|error| invalid(&format!("cannot read its rows: {error}")))?;
    let mut table = result_table::ResultTable::read(&rows, &report)?;
    report.suspects = table.suspects.len() as u64;
    let hits = hits::group_by_flag(&report, &hits)?;
    let frames = incidents
        .as_ref()
        .map(|incidents| incidents.frames(&report, Groups::new(&report, incidents, hits.iter())));
    let frames = frames.transpose()?;
    let counts = hits.counts();
    let reduced = reduce::reduce(analysis, &table)?;
    let (points, mut suspects) = table.gather(&rows, &report, reduced.points)?;
    if let Some(incidents) = &incidents {
        let rows: Vec<u64> = suspects.column(ROW)?.u64()?.into_no_null_iter().collect();
        for column in incidents.columns(&rows) {
            suspects.with_column(column)?;
        }
    }
    let view =
        View { points, scores: table.histogram(reduced.cut), leaf_labels: reduced.leaf_labels };
    let mut summary = frames.as_ref().map(|frames| frames.summary.clone());
    let tables = match &frames {
        Some(frames) => entity_tables(&rows, &table, &report, frames)?,
        None => None,
    };
    if let (Some(summary), Some(tables)) = (&mut summary, &tables) {
        [summary.target_median, summary.actor_median] = tables.medians.clone();
    }
    let contents = Contents {
        analysis: reduced.analysis,
        view,
        groups: std::mem::take(&mut table.groups),
        hits: counts,
        incidents: summary,
    };
    let contents = serde_json::to_vec(&contents)
        .map_err(|error| Error::internal(format!("contents as JSON: {error}")))?;
    let contents = zstd::encode_all(contents.as_slice(), 3).map_err(|error| no_space(&error))?;
    let mut files = vec![
        (ROWS, File::open(&path).map_err(|error| no_space(&error))?),
        (SUSPECTS, parquet::write(suspects)?),
        (HITS, parquet::write(hits.into_frame()?)?),
        (CONTENTS, temporary::from_bytes(&contents)?),
    ];
    if let Some(IncidentFrames { incidents, mut entities, groups, .. }) = frames {
        if let Some(tables) = tables {
            entities.with_column(Column::new(LISTED_ROWS.into(), tables.listed))?;
            files.push((ENTITY_ROWS, parquet::write(tables.rows)?));
            files.push((ENTITY_VALUES, parquet::write(tables.values)?));
        }
        for (name, frame) in [(INCIDENTS, incidents), (ENTITIES, entities), (GROUPS, groups)] {
            files.push((name, parquet::write(frame)?));
        }
    }
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
