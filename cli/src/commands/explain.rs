//! `anomal explain`: one row of a result file, with the reasons for its score.

use std::fmt::Write;

use anomal_connectors::{csv::flat, terminal::harmless, text};
use anomal_core::{Batch, ROW, proto::DataType};
use polars::prelude::{AnyValue, Column};

use super::{CommandResult, print};
use crate::{args::Explain, exit, present::error::Failure, results::ResultFile};

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

/// Converts the JSON list of an NDJSON file to the text of other formats: `a;b`, `feature=share;…`.
fn join_list(json: &str) -> Option<String> {
    let list: Vec<serde_json::Value> = serde_json::from_str(json).ok()?;
    let item = |item: &serde_json::Value| match item.as_str() {
        Some(name) => Some(name.to_owned()),
        None => Some(format!("{}={}", item["feature"].as_str()?, item["share"])),
    };
    Some(list.iter().filter_map(item).collect::<Vec<_>>().join(";"))
}

/// The cells of a row by column name, as text.
struct RowCells(Vec<(String, String)>);

impl RowCells {
    fn from_batch(batch: &Batch, place: usize) -> Result<Self, Failure> {
        let cell = |column: &Column| {
            let column = flat(column)?;
            let mut cell = String::new();
            text::push(&mut cell, &column.get(place).unwrap_or(AnyValue::Null));
            let lists = ["anomal.flags", "anomal.reasons"].contains(&column.name().as_str());
            let cell = if lists { join_list(&cell).unwrap_or(cell) } else { cell };
            Ok((column.name().to_string(), cell))
        };
        let cells = batch.raw.columns().iter().map(cell);
        Ok(Self(cells.collect::<Result<_, anomal_core::Error>>()?))
    }

    /// The cell of a column, unless it is empty.
    fn get(&self, name: &str) -> Option<&str> {
        let cell = self.0.iter().find(|(column, _)| column == name);
        cell.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    }

    fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let cells = self.0.iter();
        cells.filter_map(move |(name, text)| Some((name.strip_prefix(prefix)?, text.as_str())))
    }
}

fn describe_row(batch: &Batch, place: usize) -> Result<String, Failure> {
    let cells = RowCells::from_batch(batch, place)?;
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
    let record = cells.0.iter().filter(|(name, _)| !name.starts_with("anomal."));
    for (name, text) in record {
        let _ = writeln!(out, "  {name}: {}", harmless(text, MAX_CHARS));
    }
    Ok(out)
}

/// Writes each feature's share of the score with its value. A file without these columns has at least the reasons.
fn write_shares(out: &mut String, cells: &RowCells) {
    let shares = cells.with_prefix("anomal.contributions.");
    let mut shares: Vec<(&str, f64)> =
        shares.filter_map(|(name, share)| Some((name, share.parse().ok()?))).collect();
    if shares.is_empty() {
        let write_shares = cells.get("anomal.reasons").unwrap_or_default();
        let pairs = write_shares.split(';').filter_map(|pair| pair.rsplit_once('='));
        shares = pairs.filter_map(|(name, share)| Some((name, share.parse().ok()?))).collect();
    }
    if shares.is_empty() {
        return;
    }
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
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
