//! Section "Flags": direct indicators, by severity.

use anomal_core::{
    proto::{Severity, report::FlagCount},
    words,
};

use super::{severity, text};
use crate::{
    exports::PDF,
    view::{Hit, ReportDocument},
};

pub struct FlagLevel {
    pub severity: &'static str,
    pub flags: Vec<FlagDetails>,
}

pub struct FlagDetails {
    pub name: String,
    pub description: String,
    pub message: String,
    pub count: String,
    pub hit: bool,
    /// Set where rows are left out.
    pub note: Option<String>,
    /// Row and value.
    pub rows: Vec<(String, String)>,
}

/// By severity from the highest; those without one are last.
pub fn levels(whole: &ReportDocument) -> Vec<FlagLevel> {
    [Severity::High, Severity::Medium, Severity::Low, Severity::Unspecified]
        .into_iter()
        .filter_map(|level| {
            let flags: Vec<FlagDetails> = whole
                .report
                .flags
                .iter()
                .enumerate()
                .filter(|(_, flag)| flag.severity() == level)
                .map(|(place, found)| flag(found, whole.hits.get(place).map_or(&[], Vec::as_slice)))
                .collect();
            (!flags.is_empty()).then(|| FlagLevel { severity: severity(level), flags })
        })
        .collect()
}

fn flag(flag: &FlagCount, hits: &[Hit]) -> FlagDetails {
    let shown = hits.get(..PDF.hits).unwrap_or(hits);
    let all = flag.rows.max(hits.len() as u64);
    FlagDetails {
        name: text::name(&flag.name),
        description: text::sentence(&flag.description),
        message: text::sentence(&flag.message.replace("{count}", &words::grouped(flag.rows))),
        count: if all == 0 { "no row".to_owned() } else { words::rows(all) },
        hit: all > 0,
        note: (shown.len() as u64 != all).then(|| {
            format!(
                "The first {} of {}. The others are in the report's tables (CSV, Parquet).",
                words::grouped(shown.len() as u64),
                words::rows(all)
            )
        }),
        rows: shown.iter().map(|hit| (hit.row.to_string(), text::value(&hit.value))).collect(),
    }
}
