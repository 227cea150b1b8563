//! The few rows that a summary shows: suspicious or flagged, the highest scores first.

use anomal_connectors::text;
use anomal_spec::Severity;
use polars::prelude::DataFrame;
use serde::Serialize;

/// A row worth a look.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suspect {
    pub row: u64,
    /// The number of its incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<u64>,
    /// Among the rows written.
    #[serde(skip)]
    pub(crate) index: u64,
    pub score: Option<f64>,
    pub suspicious: bool,
    pub severity: Option<Severity>,
    pub flags: Vec<String>,
    pub explanation: Option<String>,
    /// What the flags found.
    pub findings: Vec<String>,
    /// The first columns that the settings name: name and value.
    pub record: Vec<(String, String)>,
}

impl Suspect {
    /// Whether it is shown before the other: suspicious ones first, then the higher score, the higher
    /// severity, the smaller row.
    fn before(&self, other: &Self) -> bool {
        let key =
            |one: &Self| (one.suspicious, one.score.unwrap_or(f64::NEG_INFINITY), one.severity);
        let (a, b) = (key(self), key(other));
        let order = a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2));
        order.then(other.row.cmp(&self.row)).is_gt()
    }
}

/// Keeps the first few of all suspects offered.
#[derive(Debug)]
pub(crate) struct Suspects {
    limit: usize,
    kept: Vec<Suspect>,
}

impl Suspects {
    pub fn new(limit: usize) -> Self {
        Self { limit, kept: Vec::new() }
    }

    /// Takes the suspect if it is one of the first; `complete` adds what costs time to make.
    pub fn offer(&mut self, suspect: Suspect, complete: impl FnOnce(&mut Suspect)) {
        let place = self.kept.iter().take_while(|kept| kept.before(&suspect)).count();
        if place < self.limit {
            self.kept.insert(place, suspect);
            complete(&mut self.kept[place]);
            self.kept.truncate(self.limit);
        }
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Suspect> {
        self.kept.iter_mut()
    }

    pub fn into_vec(self) -> Vec<Suspect> {
        self.kept
    }
}

/// The named columns of a row as text, each from the first frame that has it.
pub(crate) fn record(frames: &[&DataFrame], names: &[String], row: usize) -> Vec<(String, String)> {
    let cell = |name: &String| {
        let column = frames.iter().find_map(|frame| frame.column(name).ok())?;
        let value = column.get(row).ok()?;
        let mut cell = String::new();
        text::push(&mut cell, &value);
        Some((name.clone(), cell))
    };
    names.iter().filter_map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspect(row: u64, score: Option<f64>, suspicious: bool) -> Suspect {
        Suspect {
            row,
            incident: None,
            index: row,
            score,
            suspicious,
            severity: Some(Severity::Low),
            flags: vec![],
            explanation: None,
            findings: vec![],
            record: vec![],
        }
    }

    #[test]
    fn keeps_the_highest_scores_and_the_smaller_row_of_equals() {
        let mut suspects = Suspects::new(3);
        let offered = [(5, 0.1), (1, 0.9), (7, 0.5), (2, 0.5), (3, 0.95)];
        for (row, score) in offered {
            suspects.offer(suspect(row, Some(score), row != 3), |_| ());
        }
        let rows: Vec<u64> = suspects.into_vec().iter().map(|kept| kept.row).collect();
        assert_eq!(rows, [1, 2, 7]);
    }
}
