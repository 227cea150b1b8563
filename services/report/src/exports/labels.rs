//! Rows of incidents that were judged, as labels for `anomal evaluate`.

use std::{collections::HashMap, fmt::Write};

use anomal_core::{ROW, Result};

use crate::{
    OpenReport,
    verdicts::{Judgement, VerdictBook},
};

/// As CSV: `anomal.row`, `label` (1: a true positive, 0: benign or a false positive), `verdict`, `incident`, by row. Rows of
/// incidents that are open are left out.
///
/// # Errors
/// `Output` if the stored table is damaged.
pub(crate) fn labels(open: &OpenReport, book: &VerdictBook) -> Result<String> {
    let all = open.incidents.as_ref().map_or(&[][..], |all| &all.incidents);
    let judged: HashMap<u64, Judgement> =
        all.iter().filter_map(|it| Some((it.number, book.standing(it)?.judgement))).collect();
    let mut rows: Vec<(u64, u64, Judgement)> = open
        .rows_of_incidents()?
        .into_iter()
        .filter_map(|(row, incident)| Some((row, incident, *judged.get(&incident)?)))
        .collect();
    rows.sort_unstable();
    let mut text = format!("{ROW},label,verdict,incident\r\n");
    for (row, incident, judgement) in rows {
        let label = u8::from(judgement == Judgement::TruePositive);
        // Writing to a string cannot fail.
        let _ = write!(text, "{row},{label},{},{incident}\r\n", judgement.name());
    }
    Ok(text)
}
