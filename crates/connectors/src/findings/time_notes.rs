//! Notes on the times of columns.

use std::collections::BTreeMap;

use crate::{datetime::TimeTally, text::grouped};

/// Notes on times: reason, message, count.
pub(super) fn time_notes(
    tallies: &BTreeMap<String, TimeTally>,
) -> Vec<(&'static str, String, u64)> {
    let mut notes = Vec::new();
    let columns: Vec<String> = tallies
        .iter()
        .filter(|(_, tally)| tally.without_zone > 0)
        .map(|(column, _)| format!("`{column}`"))
        .collect();
    if !columns.is_empty() {
        let message = format!(
            "{}: times without a zone are taken as UTC; `times: {{zone: Europe/Berlin}}` or another zone sets theirs, and \
             `zone: UTC` confirms it",
            columns.join(", ")
        );
        notes.push(("NO_ZONE", message, tallies.values().map(|tally| tally.without_zone).sum()));
    }
    for (column, tally) in tallies {
        if tally.gaps + tally.folds > 0 {
            let message = format!(
                "`{column}`: the zone's clock skips {} of the times, which are read as later ones, and has {} of them twice, \
                 which are read as the earlier ones",
                grouped(tally.gaps),
                grouped(tally.folds)
            );
            notes.push(("CLOCK_CHANGES", message, tally.gaps + tally.folds));
        }
        if !tally.by_format.is_empty() {
            let formats = tally
                .by_format
                .iter()
                .map(|(format, count)| format!("{format} {}", grouped(count)));
            let message =
                format!("`{column}`: times by format: {}", formats.collect::<Vec<_>>().join(", "));
            notes.push(("TIME_FORMATS", message, tally.by_format.values().sum()));
        }
    }
    notes
}
