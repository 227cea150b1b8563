//! What a search covers: the text of each suspect, made at the first search.

use std::{num::NonZero, panic::resume_unwind, thread};

use anomal_connectors::text::push as push_text;
use anomal_core::{ROW, Result, proto::Report};
use polars::prelude::{AnyValue, Column, DataFrame};

use super::OpenReport;

/// Characters of each value.
const SEARCHED: usize = 4_000;
/// Rows for which a thread is worth its start.
const ROWS_OF_A_THREAD: usize = 1_000;

impl OpenReport {
    /// The searched text of each suspect, in lower case.
    pub(super) fn texts(&self) -> Result<&Vec<String>> {
        if let Some(texts) = self.texts.get() {
            return Ok(texts);
        }
        let rows = self.suspects.height();
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let length = rows.div_ceil(cores).max(ROWS_OF_A_THREAD);
        let parts: Result<Vec<Vec<String>>> = thread::scope(|scope| {
            let part = |from: usize| {
                let from = i64::try_from(from).unwrap_or(i64::MAX);
                scope.spawn(move || searched(&self.report, &self.suspects.slice(from, length)))
            };
            let parts: Vec<_> = (0..rows).step_by(length).map(part).collect();
            let join = |it: thread::ScopedJoinHandle<'_, _>| {
                it.join().unwrap_or_else(|panic| resume_unwind(panic))
            };
            parts.into_iter().map(join).collect()
        });
        let texts = parts?.into_iter().flatten().collect();
        Ok(self.texts.get_or_init(|| texts))
    }
}

/// The text of each row: its number, its record, its features, its flags, and why it stands out.
fn searched(report: &Report, rows: &DataFrame) -> Result<Vec<String>> {
    let numbers = rows.column(ROW)?.u64()?;
    let mut texts: Vec<String> =
        numbers.iter().map(|number| number.unwrap_or_default().to_string()).collect();
    let record = report.columns.iter().map(|column| column.name.clone());
    let features =
        report.features.iter().map(|feature| format!("anomal.features.{}", feature.name));
    for name in record.chain(features).chain(["anomal.explanation".to_owned()]) {
        if let Ok(column) = rows.column(&name) {
            add_column(&mut texts, column);
        }
    }
    if let Ok(flags) = rows.column("anomal.flags") {
        // One series for all lists.
        for (text, flags) in texts.iter_mut().zip(flags.list()?.amortized_iter()) {
            let Some(flags) = flags else { continue };
            for flag in flags.as_ref().str()?.iter().flatten() {
                add(text, flag);
            }
        }
    }
    Ok(texts)
}

fn add_column(texts: &mut [String], column: &Column) {
    if let Ok(values) = column.str() {
        for (text, value) in texts.iter_mut().zip(values.iter()) {
            if let Some(value) = value {
                add(text, value);
            }
        }
        return;
    }
    let mut cell = String::new();
    for (index, text) in texts.iter_mut().enumerate() {
        match column.get(index) {
            Ok(AnyValue::Null) | Err(_) => {}
            Ok(value) => {
                cell.clear();
                push_text(&mut cell, &value);
                add(text, &cell);
            }
        }
    }
}

fn add(text: &mut String, value: &str) {
    let end = match value.len() {
        ..=SEARCHED => value.len(),
        _ => value.char_indices().nth(SEARCHED).map_or(value.len(), |(end, _)| end),
    };
    let value = &value[..end];
    text.push('\n');
    if value.is_ascii() {
        let begin = text.len();
        text.push_str(value);
        text[begin..].make_ascii_lowercase();
    } else {
        text.push_str(&value.to_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_searched_without_case_and_in_part() {
        let mut text = "7".to_owned();
        add(&mut text, "ÄB");
        add(&mut text, &("é".repeat(SEARCHED) + "x"));
        add(&mut text, &("A".repeat(SEARCHED) + "x"));
        let parts: Vec<&str> = text.split('\n').collect();
        assert_eq!(parts[..2], ["7", "äb"]);
        assert_eq!((parts[2].chars().count(), parts[2].contains('x')), (SEARCHED, false));
        assert_eq!(parts[3], "a".repeat(SEARCHED));
    }
}
