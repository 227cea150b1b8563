//! The rows that are suspicious or flagged, each with why.

use serde::Serialize;

use super::{
    SUSPECTS,
    data::{chart, severity},
    number, text,
    world::Files,
};
use crate::{
    charts,
    view::{Reason, Record, ReportDocument},
};

/// Columns of the record that are shown.
const COLUMNS: usize = 6;
/// Reasons shown.
const REASONS: usize = 3;
/// Flags shown for a row.
const FLAGS: usize = 6;

#[derive(Serialize)]
pub struct Suspects {
    /// How many there are and how many of them follow.
    note: String,
    /// What is shown of the record, where that is not all.
    columns: Option<String>,
    /// Whether rows have scores and reasons.
    classified: bool,
    scores: Option<String>,
    rows: Vec<Suspect>,
}

#[derive(Serialize)]
struct Suspect {
    row: String,
    /// Empty where it has none.
    score: String,
    rank: String,
    suspicious: bool,
    severity: &'static str,
    flags: Vec<String>,
    more_flags: usize,
    reasons: Vec<Why>,
    explanation: String,
    /// Column and value; none: missing.
    record: Vec<(String, Option<String>)>,
}

#[derive(Serialize)]
struct Why {
    feature: String,
    share: f64,
    percent: String,
    /// The row's value of the feature.
    value: String,
}

pub fn of(whole: &ReportDocument, files: &mut Files) -> Suspects {
    let report = &whole.report;
    let shown = whole.suspects.get(..SUSPECTS).unwrap_or(&whole.suspects);
    let names: Vec<String> =
        report.columns.iter().map(|column| text::value(&column.name)).collect();
    Suspects {
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
            .map(|scores| chart(files, "scores", &charts::scores(scores))),
        rows: shown.iter().map(|record| suspect(record, &names, whole)).collect(),
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
            .map(|reason| why(reason, record, whole))
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

/// Where among all rows, from the most anomalous.
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

fn why(reason: &Reason, record: &Record, whole: &ReportDocument) -> Why {
    let place = whole.report.features.iter().position(|feature| feature.name == reason.feature);
    let value = place.and_then(|place| record.features.get(place));
    Why {
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
    fn notes_tell_what_is_left_out() {
        assert_eq!(note(0, 0), "No row is suspicious, and none is flagged.");
        assert!(note(20, 20).starts_with("All 20 rows"));
        assert!(note(200, 1_234).starts_with("The 200 most suspicious of 1,234 rows"));
    }

    #[test]
    fn ranks_are_told_from_the_top() {
        assert_eq!(
            [1.0, 0.9995, 0.96, 0.5, f64::NAN].map(rank),
            ["top 0.01 %", "top 0.05 %", "top 4.0 %", "top 50 %", ""]
        );
    }
}
