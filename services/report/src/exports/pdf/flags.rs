//! Section "Flags": direct indicators, by severity.

use anomal_core::proto::{Severity, report::FlagCount};
use serde::Serialize;

use super::{HITS, data::severity, number, text};
use crate::view::{Hit, ReportDocument};

#[derive(Serialize)]
pub struct Level {
    severity: &'static str,
    flags: Vec<Flag>,
}

#[derive(Serialize)]
struct Flag {
    name: String,
    description: String,
    message: String,
    count: String,
    hit: bool,
    /// That not all rows follow.
    note: Option<String>,
    /// Row and value.
    rows: Vec<(String, String)>,
}

pub fn of(whole: &ReportDocument) -> Vec<Level> {
    [Severity::High, Severity::Medium, Severity::Low, Severity::Unspecified]
        .into_iter()
        .filter_map(|level| {
            let flags: Vec<Flag> = whole
                .report
                .flags
                .iter()
                .enumerate()
                .filter(|(_, flag)| flag.severity() == level)
                .map(|(place, found)| flag(found, whole.hits.get(place).map_or(&[], Vec::as_slice)))
                .collect();
            (!flags.is_empty()).then(|| Level { severity: severity(level), flags })
        })
        .collect()
}

fn flag(flag: &FlagCount, hits: &[Hit]) -> Flag {
    let shown = hits.get(..HITS).unwrap_or(hits);
    let all = flag.rows.max(hits.len() as u64);
    Flag {
        name: text::name(&flag.name),
        description: text::sentence(&flag.description),
        message: text::sentence(&flag.message.replace("{count}", &number::count(flag.rows))),
        count: if all == 0 { "no row".to_owned() } else { number::rows(all) },
        hit: all > 0,
        note: (shown.len() as u64 != all).then(|| {
            format!(
                "The first {} of {}. The others are in the report's tables (CSV, Parquet).",
                number::count(shown.len() as u64),
                number::rows(all)
            )
        }),
        rows: shown.iter().map(|hit| (hit.row.to_string(), text::value(&hit.value))).collect(),
    }
}
