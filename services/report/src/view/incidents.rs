//! Incidents, entities and time, as pages show them.

use std::collections::HashMap;

use anomal_core::proto::{self, EntityTotal, Incident, Severity};
use serde::{Deserialize, Serialize};

use crate::contents::timeline::timeline;

/// What a report has of its incidents beside the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentTable {
    /// By number; those of the highest risk where there are very many.
    pub incidents: Vec<Incident>,
    /// Those of evidence, the highest risk first.
    pub entities: Vec<EntitySummary>,
    pub summary: IncidentSummary,
}

/// The part of [`IncidentTable`] that is not in tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IncidentSummary {
    /// Different values of all rows.
    pub totals: Vec<EntityTotal>,
    /// None where rows have no times.
    pub timeline: Option<Timeline>,
    /// For each flag of the report, in order.
    pub flags: Vec<FlagSummary>,
    /// Of all actors, and of all targets; none where rows have no times, and in reports of older versions.
    #[serde(default)]
    pub actor_median: Option<MedianRows>,
    #[serde(default)]
    pub target_median: Option<MedianRows>,
}

/// Intervals of a timeline that are one in a narrow chart.
pub const MERGED: usize = 3;

/// The median of the rows that all actors, or all targets, have at a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MedianRows {
    /// In each interval of the timeline.
    pub rows: Vec<u64>,
    /// In each [`MERGED`] of them.
    pub merged: Vec<u64>,
}

/// Rows by time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Microseconds since the epoch.
    pub start: i64,
    /// Microseconds of an interval.
    pub width: i64,
    /// All rows of each interval.
    pub rows: Vec<u64>,
    /// Rows of incidents of low, medium and high severity.
    pub evidence: [Vec<u64>; 3],
    /// Rows without a time.
    pub without: u64,
}

impl Timeline {
    /// In at most 121 intervals of a round length. `evidence`: the times of rows that are suspicious or flagged, with the
    /// levels of their severities, 0 to 2; `step`: microseconds of the unit that times count, 0 where they are times.
    pub fn new(
        all: &proto::Timeline,
        evidence: impl Iterator<Item = (Option<i64>, usize)>,
        step: u64,
    ) -> Self {
        timeline(all, evidence, step)
    }

    /// The interval that a time is in.
    pub fn bin(&self, time: i64) -> Option<usize> {
        let place = time.checked_sub(self.start)?.div_euclid(self.width.max(1));
        usize::try_from(place).ok().filter(|place| *place < self.rows.len())
    }

    /// With intervals of so many of its own, for a narrower chart.
    #[must_use]
    pub fn merged(&self, intervals: usize) -> Self {
        let intervals = intervals.max(1);
        Self {
            width: self.width.saturating_mul(i64::try_from(intervals).unwrap_or(1)),
            rows: merged(&self.rows, intervals),
            evidence: self.evidence.each_ref().map(|rows| merged(rows, intervals)),
            ..self.clone()
        }
    }

    /// The start of an interval; that after the last is its end.
    pub fn time(&self, bin: usize) -> i64 {
        let bin = i64::try_from(bin).unwrap_or(i64::MAX);
        self.start.saturating_add(self.width.saturating_mul(bin))
    }
}

/// The sums of so many numbers in a row.
pub fn merged(rows: &[u64], intervals: usize) -> Vec<u64> {
    rows.chunks(intervals.max(1)).map(|part| part.iter().sum()).collect()
}

/// The groups of a flag's hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagSummary {
    pub groups: u64,
    pub actors: u64,
    pub targets: u64,
    pub incidents: u64,
}

/// Hits of a flag about the same things in one incident.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlagGroup {
    /// Its place in the report.
    pub flag: usize,
    pub incident: u64,
    /// None where the flag does not group by it, or rows have none.
    pub actor: Option<String>,
    pub target: Option<String>,
    /// The details of the first row.
    pub value: String,
    /// Different details.
    pub values: u64,
    pub rows: u64,
    pub first_row: u64,
    /// Microseconds since the epoch.
    pub span: Option<(i64, i64)>,
    /// Whether no one else has its target, in all rows.
    pub is_rare: bool,
}

/// A thing that evidence is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntitySummary {
    pub kind: String,
    pub value: String,
    /// Of all rows: those that have it as actor, and as target.
    pub actor_rows: u64,
    pub target_rows: u64,
    /// Different actors that have it as target; 65: more than 64.
    pub actors: u64,
    /// Rows of evidence about it.
    pub evidence: u64,
    pub incidents: u64,
    /// The incident with the highest risk.
    pub first_incident: u64,
    /// That of its highest incident, and 5 for each further one of medium or high severity; at most 100.
    pub risk: u32,
    /// Of its evidence, in microseconds since the epoch.
    pub span: Option<(i64, i64)>,
}

impl EntitySummary {
    /// Whether it acts in more rows than it is acted on.
    pub fn is_actor(&self) -> bool {
        self.actor_rows >= self.target_rows
    }

    pub fn rows(&self) -> u64 {
        self.actor_rows.max(self.target_rows)
    }
}

/// Rows that fit a filter, by what they are about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matches {
    pub rows: u64,
    /// Number of an incident and its rows that fit, by number.
    pub incidents: Vec<(u64, u64)>,
    /// By the intervals of the timeline, as [`Timeline::evidence`].
    pub timeline: Option<[Vec<u64>; 3]>,
    /// Actors, and targets, with their rows that fit.
    pub actors: HashMap<String, u64>,
    pub targets: HashMap<String, u64>,
    /// Where no row fits: how many would without each of the filters of the address, in their order.
    pub without: Vec<u64>,
}

/// The highest severity of what stood out in each of [`crate::charts::CELLS`] intervals of the data's time.
pub type Lane = Vec<Option<Severity>>;

/// 0 to 2: low to high.
pub fn level(severity: Severity) -> usize {
    match severity {
        Severity::High => 2,
        Severity::Medium => 1,
        Severity::Low | Severity::Unspecified => 0,
    }
}
