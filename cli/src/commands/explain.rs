//! `anomal explain`: one row of a result file, with the reasons for its score.

use std::fmt::Write;

use anomal_connectors::terminal::harmless;
use anomal_core::{Batch, ROW, proto::DataType};

use super::{CommandResult, print};
use crate::{
    args::Explain,
    exit,
    present::error::Failure,
    results::{ResultFile, RowCells},
};

/// The longest value that is shown in full.
const MAX_CHARS: usize = 120;
/// The length of the longest bar.
const BAR_WIDTH: f64 = 30.0;

pub fn explain(arguments: &Explain) -> CommandResult {
    let mut results = ResultFile::open(&arguments.results, &[(ROW, DataType::Integer)])?;
    let mut rows = 0;
    while let Some(batch) = results.next()? {
        rows += batch.height();
        let numbers = batch.typed.column(ROW).map_err(anomal_core::Error::from)?;
        let numbers = numbers.i64().map_err(anomal_core::Error::from)?;
        let place = numbers
            .iter()
            .position(|row| row.is_some_and(|row| row.unsigned_abs() == arguments.row));
        if let Some(place) = place {
            return print(&describe_row(&batch, place)?);
        }
    }
    let message = format!("{}: there is no row {} among {rows}", arguments.results, arguments.row);
    Err(Failure::new(message, exit::INPUT))
}

fn describe_row(batch: &Batch, place: usize) -> Result<String, Failure> {
    let cells = RowCells::new(&batch.raw, place)?;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let row = cells.get(ROW).unwrap_or_default();
    let _ = match cells.get("anomal.score") {
        Some(score) => {
            let rank = cells.get("anomal.rank").and_then(|rank| rank.parse::<f64>().ok());
            let rank = rank.map(|rank| format!(", above {:.1} % of the rows", 100.0 * rank));
            let suspicious = cells.get("anomal.suspicious") == Some("true");
            let suspicious = if suspicious { ": suspicious" } else { ": not suspicious" };
            writeln!(out, "row {row}, score {score}{}{suspicious}", rank.unwrap_or_default())
        }
        None => writeln!(out, "row {row}, without a score"),
    };
    if let Some(explanation) = cells.get("anomal.explanation") {
        let _ = writeln!(out, "  {}", harmless(explanation, 4 * MAX_CHARS));
    }
    if let Some(flags) = cells.get("anomal.flags") {
        let severity = cells.get("anomal.severity").unwrap_or_default();
        let _ = writeln!(out, "  flags ({severity}): {}", harmless(flags, MAX_CHARS));
    }
    write_shares(&mut out, &cells);
    let _ = writeln!(out, "\nRecord");
    for (name, text) in cells.record() {
        let _ = writeln!(out, "  {name}: {}", harmless(text, MAX_CHARS));
    }
    Ok(out)
}

/// Writes each feature's share of the score with its value.
fn write_shares(out: &mut String, cells: &RowCells) {
    let shares = cells.shares();
    if shares.is_empty() {
        return;
    }
    let most = shares[0].1.max(f64::MIN_POSITIVE);
    let width = shares.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let _ = writeln!(out, "\nShares of the score");
    for (name, share) in shares {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most BAR")]
        let bar = "\u{2588}".repeat((BAR_WIDTH * share / most).round() as usize);
        let value = cells.get(&format!("anomal.features.{name}"));
        let value = value.map(|value| format!("  is {}", harmless(value, 40))).unwrap_or_default();
        let _ = writeln!(
            out,
            "  {:<width$} {:>5.1} %  {bar}{value}",
            harmless(name, MAX_CHARS),
            100.0 * share
        );
    }
}
