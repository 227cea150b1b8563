//! Suspicious and flagged rows, each with its reasons.

use anomal_core::{Result, words};

use super::{super::layout::chart::Chart, chart, severity, text};
use crate::{
    charts,
    exports::PDF,
    view::{Reason, Record, ReportDocument},
};

/// Columns of the record that are shown.
const COLUMNS: usize = 6;
/// Reasons shown.
const REASONS: usize = 3;
/// Flags shown for a row.
const FLAGS: usize = 6;

pub struct Suspects {
    /// The number of rows and how many of them are listed.
    pub note: String,
    /// Set where not all columns of the records are shown.
    pub columns: Option<String>,
    /// Whether rows have scores and reasons.
    pub classified: bool,
    pub scores: Option<Chart>,
    pub rows: Vec<Suspect>,
}

pub struct Suspect {
    pub row: String,
    /// Empty where the row has none.
    pub score: String,
    pub rank: String,
    pub suspicious: bool,
    pub severity: &'static str,
    pub flags: Vec<String>,
    pub more_flags: usize,
    pub reasons: Vec<FeatureReason>,
    pub explanation: String,
    /// Column and value; none: missing.
    pub record: Vec<(String, Option<String>)>,
}

pub struct FeatureReason {
    pub feature: String,
    pub share: f64,
    pub percent: String,
    /// The row's value of the feature.
    pub value: String,
}

impl Suspects {
    /// # Errors
    /// `Internal` where the chart cannot be read.
    pub fn new(whole: &ReportDocument) -> Result<Self> {
        let report = &whole.report;
        let shown = whole.suspects.get(..PDF.suspects).unwrap_or(&whole.suspects);
        let names: Vec<String> =
            report.columns.iter().map(|column| text::value(&column.name)).collect();
        Ok(Self {
            note: note(shown.len() as u64, report.suspects.max(whole.suspects.len() as u64)),
            columns: (names.len() > COLUMNS && !shown.is_empty()).then(|| {
                format!(
                    "Of each record the first {COLUMNS} of {} columns are shown.",
                    words::grouped(names.len() as u64)
                )
            }),
            classified: !report.engine.is_empty(),
            scores: whole
                .view
                .scores
                .as_ref()
                .map(|scores| chart(&charts::scores(scores)))
                .transpose()?,
            rows: shown.iter().map(|record| suspect(record, &names, whole)).collect(),
        })
    }
}

fn note(shown: u64, all: u64) -> String {
    match all {
        0 => "No row is suspicious, and none is flagged.".to_owned(),
        1 if shown == 1 => "One row is suspicious or flagged.".to_owned(),
        _ if shown == all => {
            format!(
                "All {} that are suspicious or flagged, the most suspicious first.",
                words::rows(all)
            )
        }
        _ => format!(
            "The {} most suspicious of {} that are suspicious or flagged. The others are in the report's \
             tables (CSV, Parquet).",
            words::grouped(shown),
            words::rows(all)
        ),
    }
}

fn suspect(record: &Record, names: &[String], whole: &ReportDocument) -> Suspect {
    Suspect {
        row: record.row.to_string(),
        score: record.score.map(words::number).unwrap_or_default(),
        rank: record.rank.map(|lower| words::rank(lower, whole.report.results)).unwrap_or_default(),
        suspicious: record.suspicious,
        severity: record.severity.map(severity).unwrap_or_default(),
        flags: record.flags.iter().take(FLAGS).map(|flag| text::value(flag)).collect(),
        more_flags: record.flags.len().saturating_sub(FLAGS),
        reasons: record
            .reasons
            .iter()
            .take(REASONS)
            .map(|found| reason(found, record, whole))
            .collect(),
        explanation: record.explanation.as_deref().map(text::sentence).unwrap_or_default(),
        record: names
            .iter()
            .zip(&record.source)
            .take(COLUMNS)
            .map(|(name, value)| (name.clone(), value.as_deref().map(text::value)))
            .collect(),
    }
}

fn reason(reason: &Reason, record: &Record, whole: &ReportDocument) -> FeatureReason {
    let place = whole.report.features.iter().position(|feature| feature.name == reason.feature);
    let value = place.and_then(|place| record.features.get(place));
    FeatureReason {
        feature: text::value(&reason.feature),
        share: if reason.share.is_finite() { reason.share.clamp(0.0, 1.0) } else { 0.0 },
        percent: words::percent(reason.share),
        value: value.map_or_else(String::new, |value| match (place, &value.text) {
            (Some(place), Some(text)) => {
                text::value(&words::feature(&whole.report.features[place], text))
            }
            _ => "missing".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_name_the_rows_left_out() {
        assert_eq!(note(0, 0), "No row is suspicious, and none is flagged.");
        assert!(note(20, 20).starts_with("All 20 rows"));
        assert!(note(200, 1_234).starts_with("The 200 most suspicious of 1,234 rows"));
    }
}
