//! The values that the pages and documents show. Plain data: no table, no store.

pub mod entity;
pub mod filter;
pub mod incidents;

use anomal_core::proto::{Analysis, Report, Severity};
use serde::{Deserialize, Serialize};

use crate::pages::verdicts::ShownVerdicts;
use filter::Filter;
use incidents::{FlagGroup, IncidentTable, Lane};

/// Drawn data that the analysis lacks: computed once, when a report is published.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Absent where nothing was classified.
    pub scores: Option<ScoreHistogram>,
    /// The map: a few thousand points, every suspicious one among them.
    pub points: Vec<Point>,
    /// For each clustering of the analysis, in order, the cluster of each leaf of its (truncated)
    /// dendrogram; 1 is the largest.
    pub leaf_labels: Vec<Vec<u32>>,
}

/// The histogram of the scores of all rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreHistogram {
    /// Ascending; one more than there are bins.
    pub edges: Vec<f64>,
    pub normal: Vec<u64>,
    pub suspicious: Vec<u64>,
    /// Rows with a score at or above it are suspicious, where the score decides.
    pub cut: Option<f64>,
}

/// A point of the map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub row: u64,
    pub x: f32,
    pub y: f32,
    /// Rows at this point.
    pub count: u64,
    pub suspicious: bool,
    pub score: Option<f64>,
    /// Its cluster in each clustering of the analysis, in order; 1 is the largest.
    pub labels: Vec<u32>,
    /// In feature order, as text; none: missing.
    pub features: Vec<Option<String>>,
}

/// What a list shows of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub row: u64,
    pub score: Option<f64>,
    pub severity: Option<Severity>,
    pub flags: Vec<String>,
    pub explanation: Option<String>,
    /// In the order of [`Report::columns`], as text; none: missing.
    pub source: Vec<Option<String>>,
    /// The number of its incident, where rows are grouped.
    pub incident: Option<u64>,
}

/// One row with its results.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    pub row: u64,
    pub score: Option<f64>,
    /// Share of the rows with a lower score, 0..1.
    pub rank: Option<f64>,
    pub cluster: Option<u32>,
    pub suspicious: bool,
    pub severity: Option<Severity>,
    pub flags: Vec<String>,
    /// The largest contributions, from the largest.
    pub reasons: Vec<Reason>,
    pub explanation: Option<String>,
    /// In the order of [`Report::columns`], as text; none: missing.
    pub source: Vec<Option<String>>,
    /// In the order of [`Report::features`].
    pub features: Vec<Value>,
    /// Share of each feature in the score, 0..1, in the order of [`Report::features`]; empty where nothing
    /// was classified.
    pub contributions: Vec<f64>,
    /// The number of its incident, its time in microseconds since the epoch, and what it is about: of suspects, where
    /// rows are grouped.
    pub incident: Option<u64>,
    pub time: Option<i64>,
    pub actor: Option<String>,
    pub target: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    pub feature: String,
    /// 0..1.
    pub share: f64,
}

/// A value of a feature.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Value {
    /// None: missing.
    pub text: Option<String>,
    /// Where it is a number (or a truth value: 0, 1).
    pub number: Option<f64>,
}

/// A row that a flag hit, and the details.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hit {
    pub row: u64,
    pub value: String,
}

/// A page of a longer list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Index of the first item among all that match, from 0.
    pub offset: usize,
    /// All that match, as far as they are stored for pages.
    pub total: usize,
}

impl<T> Page<T> {
    /// With something else for each item.
    ///
    /// # Errors
    /// The first of `change`.
    pub(crate) fn try_map<U, E>(self, change: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self.items.into_iter().map(change).collect::<Result<_, E>>()?;
        Ok(Page { items, offset: self.offset, total: self.total })
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), offset: 0, total: 0 }
    }
}

/// A query for suspects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// `row`, `time`, `actor`, `target`, `incident`, `score`, `severity`, a column's name after `source.`, or a feature's
    /// after `feature.`. Empty: the most suspicious first. Missing values are last.
    pub sort: String,
    pub descending: bool,
    /// Only rows that fit.
    pub filter: Filter,
    pub offset: usize,
    pub limit: usize,
}

/// A report with as many rows of its tables as a document shows.
#[derive(Clone, Debug, Default)]
pub struct ReportDocument {
    pub report: Report,
    /// Without labels per row, its dendrogram truncated to at most [`LEAVES`] leaves.
    pub analysis: Option<Analysis>,
    pub view: View,
    /// The most suspicious first; not all if there are very many.
    pub suspects: Vec<Record>,
    /// For each of the report's flags, in order, the first rows hit.
    pub hits: Vec<Vec<Hit>>,
    /// None where rows are not grouped.
    pub incidents: Option<IncidentTable>,
    /// For each of the report's flags, in order, the first groups of its hits.
    pub groups: Vec<Vec<FlagGroup>>,
    /// When the actors with the highest risk stood out.
    pub lanes: Vec<Lane>,
    /// The first rows of the first incidents, the most suspicious first.
    pub incident_rows: Vec<Vec<Record>>,
    /// What was decided about the incidents when it was made; none where that is not known.
    pub verdicts: Option<ShownVerdicts>,
}

/// Leaves that a dendrogram is truncated to.
pub const LEAVES: usize = 60;

/// The title of a report, or else the name of its job.
pub fn display_name(report: &Report) -> &str {
    if report.title.is_empty() { &report.job } else { &report.title }
}
