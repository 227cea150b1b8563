//! What reading an input has shown about the types of its columns: counts and notes for the summary of a run, and what
//! the next attempt has to know where a run is restarted with wider types.

mod time_notes;

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use anomal_core::{Code, Error, Violation, proto::Diagnostic};
use serde::Serialize;

use crate::{
    csv::TableInspection,
    datetime::TimeTally,
    files::Files,
    text::grouped,
    typing::{Class, Classes},
};

/// The reason of the error that ends reading because a column needs a wider type.
pub const WIDEN: &str = "WIDEN";
/// Restarts in a run at most.
const MAX_RESTARTS: usize = 2;
/// Strays that a note quotes.
const EXAMPLES: usize = 3;

/// Findings of one attempt to read an input. Clones share the counts. The default is for inputs that are read once.
#[derive(Clone, Debug, Default)]
pub struct TypeFindings {
    widened: Arc<BTreeMap<String, Classes>>,
    /// The number with marks that each of these columns has behind the sample.
    marked: Arc<BTreeMap<String, String>>,
    /// Why reading began again, once for each restart.
    restarts: Arc<Vec<String>>,
    can_restart: bool,
    flag: Arc<OnceLock<usize>>,
    table: Arc<OnceLock<TableInspection>>,
    found: Arc<OnceLock<String>>,
    records: Arc<OnceLock<String>>,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    columns: BTreeMap<String, ColumnCounts>,
    times: BTreeMap<String, TimeTally>,
    notes: Vec<Diagnostic>,
}

#[derive(Debug, Default)]
struct ColumnCounts {
    wanted: &'static str,
    words: BTreeMap<String, u64>,
    strays: u64,
    /// The first strays by row.
    examples: BTreeMap<u64, StrayExample>,
}

/// A stray that messages quote.
#[derive(Clone, Debug)]
pub(crate) struct StrayExample {
    pub text: String,
    /// `file:line`.
    pub place: String,
}

/// What a run reports of the types of its input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputSummary {
    /// How often reading began again with wider types.
    pub restarts: usize,
    /// The columns with values that count as missing.
    pub columns: Vec<ColumnSummary>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnSummary {
    pub name: String,
    /// Words that mean a missing value, with their numbers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub null_words: BTreeMap<String, u64>,
    /// Values that are not of the column's type.
    pub strays: u64,
}

impl TypeFindings {
    /// The first attempt of a run, which begins again if an input that can be read again asks for it.
    pub fn for_run() -> Self {
        Self { can_restart: true, ..Self::default() }
    }

    /// The same findings, which ask for no other attempt if the files can be read only once.
    #[must_use]
    pub(crate) fn for_files(&self, files: &Files) -> Self {
        Self { can_restart: self.can_restart && files.can_reread(), ..self.clone() }
    }

    /// The findings for the next attempt, after reading has ended with `error`; nothing if that asks for none.
    #[must_use]
    pub fn after(&self, error: &Error) -> Option<Self> {
        let [Violation { path: column, message: class }, Violation { message: text, .. }] =
            error.violations.as_slice()
        else {
            return None;
        };
        if error.reason != WIDEN || !self.can_restart() {
            return None;
        }
        let mut widened = self.widened.as_ref().clone();
        let mut marked = self.marked.as_ref().clone();
        match Class::from_name(class)? {
            Class::Marked => {
                marked.insert(column.clone(), text.clone());
            }
            class => *widened.entry(column.clone()).or_default() |= class.into(),
        }
        let mut restarts = self.restarts.as_ref().clone();
        restarts.push(error.message.clone());
        let can_restart = self.can_restart;
        Some(Self {
            widened: Arc::new(widened),
            marked: Arc::new(marked),
            restarts: Arc::new(restarts),
            can_restart,
            ..Self::default()
        })
    }

    /// Whether reading may end with [`WIDEN`].
    pub fn can_restart(&self) -> bool {
        self.can_restart && self.restarts.len() < MAX_RESTARTS
    }

    /// Whether columns of whole numbers are read as numbers: a fraction behind the sample then is no misfit.
    pub(crate) fn whole_numbers_are_numbers(&self, rereadable: bool) -> bool {
        !rereadable || !self.restarts.is_empty()
    }

    /// The classes that values behind the sample have shown in attempts before.
    pub(crate) fn widened(&self, column: &str) -> Classes {
        self.widened.get(column).copied().unwrap_or_default()
    }

    /// The number with marks that a column has behind the sample, as an attempt before has shown.
    pub(crate) fn marked(&self, column: &str) -> Option<&str> {
        self.marked.get(column).map(String::as_str)
    }

    /// The error that ends reading because the value `text` at `place` is of a class that `column` does not take.
    pub(crate) fn widen(column: &str, class: Class, text: &str, place: &str) -> Error {
        let message = format!("`{column}` has `{text}` at {place}");
        let mut error = Error::new(Code::Internal, WIDEN, message);
        let of_column =
            |message: &str| Violation { path: column.to_owned(), message: message.to_owned() };
        error.violations = vec![of_column(class.name()), of_column(text)];
        error
    }

    /// Sets the flag that rows with strays hit, by its place in the plan.
    pub fn set_flag(&self, flag: usize) {
        // A second call would be one of the same attempt.
        let _ = self.flag.set(flag);
    }

    /// The flag that rows with strays hit.
    pub fn flag(&self) -> Option<usize> {
        self.flag.get().copied()
    }

    /// Sets what the start of a CSV input shows.
    pub(crate) fn set_table(&self, table: TableInspection) {
        // An input that is opened twice shows the same.
        self.set_found(table.found.clone());
        let _ = self.table.set(table);
    }

    pub(crate) fn table(&self) -> Option<&TableInspection> {
        self.table.get()
    }

    /// What opening the input has found out of the first file: settings in a flow mapping, such as `separator: ";",
    /// skipLines: 2`; nothing for inputs that are read as their settings say.
    pub fn found_settings(&self) -> &str {
        self.found.get().map_or("", String::as_str)
    }

    /// Sets what opening the input has found out.
    pub(crate) fn set_found(&self, settings: String) {
        let _ = self.found.set(settings);
    }

    /// The path of the records that the first file of JSON shows, if the settings leave it open.
    pub(crate) fn records(&self) -> Option<&String> {
        self.records.get()
    }

    pub(crate) fn set_records(&self, path: String) {
        let _ = self.records.set(path);
    }

    pub(crate) fn note(&self, note: Diagnostic) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        // An input that is opened twice shows the same.
        if !counts.notes.contains(&note) {
            counts.notes.push(note);
        }
    }

    /// Counts values that are missing since they are words, and values that are strays, by row.
    pub(crate) fn count(
        &self,
        column: &str,
        wanted: &'static str,
        words: &BTreeMap<String, u64>,
        strays: Vec<(u64, StrayExample)>,
    ) {
        if words.is_empty() && strays.is_empty() {
            return;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = counts.columns.entry(column.to_owned()).or_default();
        counts.wanted = wanted;
        for (word, count) in words {
            *counts.words.entry(word.clone()).or_default() += count;
        }
        counts.strays += strays.len() as u64;
        counts.examples.extend(strays);
        while counts.examples.len() > EXAMPLES {
            counts.examples.pop_last();
        }
    }

    /// Counts what reading the times of a column has met.
    pub(crate) fn count_times(&self, column: &str, tally: &TimeTally) {
        if *tally != TimeTally::default() {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.times.entry(column.to_owned()).or_default().add(tally);
        }
    }

    /// The notes for a summary. `driver`: the path of the input in the settings, such as `input.csv`.
    pub fn notes(&self, driver: &str) -> Vec<Diagnostic> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let note = |reason: &str, message: String, count: u64| Diagnostic {
            path: driver.to_owned(),
            reason: reason.to_owned(),
            message,
            count,
        };
        // Columns of Parquet have their types without settings.
        let (types, rules) = if driver == "input.parquet" {
            ("", "")
        } else {
            (
                "; `types` sets the column's type without that",
                "; strays: text makes such a column text, and strays: bad rejects the records",
            )
        };
        let restarts = self.restarts.iter().map(|why| {
            let message = format!("read again from the start, because {why}{types}");
            note("RESTARTED", message, 0)
        });
        let words = counts.columns.iter().filter(|(_, counts)| !counts.words.is_empty());
        let words = words.map(|(column, counts)| {
            let mut list = String::new();
            for (word, count) in &counts.words {
                // Writing to a string cannot fail.
                let _ = write!(list, "{}`{word}`", if list.is_empty() { "" } else { ", " });
                let _ = write!(list, " {}", times(*count));
            }
            let all = counts.words.values().sum();
            let message = format!(
                "`{column}`: {list} count as missing; nullWords: [] makes a column with such words text"
            );
            note("NULL_WORDS", message, all)
        });
        let strays = counts.columns.iter().filter(|(_, counts)| counts.strays > 0);
        let strays = strays.map(|(column, counts)| {
            let quoted = counts
                .examples
                .values()
                .map(|stray| format!("`{}` at {}", stray.text, stray.place));
            let message = format!(
                "`{column}`: values that are not {} count as missing: {}{rules}",
                counts.wanted,
                quoted.collect::<Vec<_>>().join(", ")
            );
            note("STRAYS", message, counts.strays)
        });
        let times = time_notes::time_notes(&counts.times);
        let times = times.into_iter().map(|(reason, message, count)| note(reason, message, count));
        restarts
            .chain(counts.notes.iter().cloned())
            .chain(times)
            .chain(words)
            .chain(strays)
            .collect()
    }

    /// The figures for a summary; nothing if there is nothing to report.
    pub fn summary(&self) -> Option<InputSummary> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let columns = counts.columns.iter().map(|(name, counts)| ColumnSummary {
            name: name.clone(),
            null_words: counts.words.clone(),
            strays: counts.strays,
        });
        let summary = InputSummary { restarts: self.restarts.len(), columns: columns.collect() };
        (summary != InputSummary::default()).then_some(summary)
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{} times", grouped(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_restarts_at_most_twice() {
        let error = TypeFindings::widen("b", Class::Number, "2.5", "in.csv:10");
        assert!(TypeFindings::default().after(&error).is_none());
        let first = TypeFindings::for_run();
        assert!(first.after(&Error::internal("other")).is_none());
        let second = first.after(&error).unwrap();
        assert!(second.widened("b").contains(Class::Number));
        let third =
            second.after(&TypeFindings::widen("b", Class::PlusSign, "+2", "in.csv:20")).unwrap();
        assert!(third.widened("b").contains(Class::Number));
        assert!(third.widened("b").contains(Class::PlusSign));
        assert!(!third.can_restart());
        assert!(third.after(&error).is_none());
        assert_eq!(third.summary().unwrap().restarts, 2);
        let notes = third.notes("input.csv");
        assert!(notes[0].message.contains("`b` has `2.5` at in.csv:10"), "{notes:?}");
    }

    #[test]
    fn counts_are_added_up_and_the_first_strays_quoted() {
        let findings = TypeFindings::default();
        let stray = |row: u64| {
            (row, StrayExample { text: format!("x{row}"), place: format!("in.csv:{row}") })
        };
        findings.count("a", "numbers", &BTreeMap::new(), vec![stray(7), stray(9)]);
        let words = BTreeMap::from([("-".to_owned(), 2)]);
        findings.count("a", "numbers", &words, vec![stray(2), stray(3)]);
        let notes = findings.notes("input.csv");
        assert_eq!(notes.iter().map(|note| note.count).collect::<Vec<_>>(), [2, 4]);
        assert!(notes[0].message.contains("`-` 2 times"), "{notes:?}");
        assert!(notes[1].message.contains("`x2` at in.csv:2, `x3` at in.csv:3, `x7`"), "{notes:?}");
        let summary = findings.summary().unwrap();
        assert_eq!((summary.columns[0].strays, &summary.columns[0].null_words), (4, &words));
    }
}
