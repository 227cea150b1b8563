//! Suspicious and flagged rows, each with its reasons.

use anomal_core::Result;

use super::{super::layout::chart::Chart, chart, number, severity, text};
use crate::{
    charts,
    exports::PDF_SUSPECTS,
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
        let shown = whole.suspects.get(..PDF_SUSPECTS).unwrap_or(&whole.suspects);
        let names: Vec<String> =
            report.columns.iter().map(|column| text::value(&column.name)).collect();
        Ok(Self {
            note: note(shown.len() as u64, report.suspects.max(whole.suspects.len() as u64)),
            columns: (names.len() > COLUMNS && !shown.is_empty()).then(|| {
                format!(
                    "Of each record the first {COLUMNS} of {} columns are shown.",
                    number::count(names.len() as u64)
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
                number::rows(all)
            )
        }
        _ => format!(
            "The {} most suspicious of {} that are suspicious or flagged. The others are in the report's \
             tables (CSV, Parquet).",
            number::count(shown),
            number::rows(all)
        ),
    }
}

fn suspect(record: &Record, names: &[String], whole: &ReportDocument) -> Suspect {
    Suspect {
        row: record.row.to_string(),
        score: record.score.map(number::float).unwrap_or_default(),
        rank: record.rank.map(rank).unwrap_or_default(),
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

/// The rank among all rows as a share from the top.
fn rank(rank: f64) -> String {
    if !rank.is_finite() {
        return String::new();
    }
    let above = (1.0 - rank).max(0.0) * 100.0;
    match above {
        0.0..0.01 => "top 0.01 %".to_owned(),
        0.01..1.0 => format!("top {above:.2} %"),
        1.0..10.0 => format!("top {above:.1} %"),
        _ => format!("top {above:.0} %"),
    }
}

fn reason(reason: &Reason, record: &Record, whole: &ReportDocument) -> FeatureReason {
    let place = whole.report.features.iter().position(|feature| feature.name == reason.feature);
    let value = place.and_then(|place| record.features.get(place));
    FeatureReason {
        feature: text::value(&reason.feature),
        share: if reason.share.is_finite() { reason.share.clamp(0.0, 1.0) } else { 0.0 },
        percent: number::percent(reason.share),
        value: value.map_or_else(String::new, |value| match (value.number, &value.text) {
            (Some(number), Some(text)) if text.parse::<f64>().is_ok() => number::float(number),
            (_, Some(text)) => text::value(text),
            (Some(number), None) => number::float(number),
            (None, None) => "missing".to_owned(),
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

    #[test]
    fn ranks_are_counted_from_the_top() {
        assert_eq!(
            [1.0, 0.9995, 0.96, 0.5, f64::NAN].map(rank),
            ["top 0.01 %", "top 0.05 %", "top 4.0 %", "top 50 %", ""]
        );
    }
}
