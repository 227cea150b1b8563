//! Notes about what was found out, each with the settings that decide it.

use super::{dialect::Candidate, reading::Reading};
use crate::dialect::{Dialect, character, describe};

/// A reason and a message.
pub(crate) type Note = (&'static str, String);

/// `header`: whether the first record is read as the header although it looks like the others.
pub(super) fn no_header(header: bool, width: usize) -> Note {
    let message = if header {
        "the first record looks like the others, and is read as the names of columns; `header: false` reads it as a record"
            .to_owned()
    } else {
        format!(
            "the first record looks like the others, so columns are named column_1 to column_{width}; `header: true` reads \
             it as names, and `header: false` with `names` sets them"
        )
    };
    ("NO_HEADER", message)
}

/// What was found out that differs from the default, with its evidence; nothing if it does not.
pub(super) fn found(chosen: &Candidate, base: &Dialect) -> Option<Note> {
    let mut settings = describe(&chosen.dialect, base);
    if chosen.skip_lines > 0 {
        let lines = format!("skipLines: {}", chosen.skip_lines);
        settings = if settings.is_empty() { lines } else { format!("{settings}, {lines}") };
    }
    if settings.is_empty() {
        return None;
    }
    let (fit, all) = chosen.records;
    let lines = match chosen.skip_lines {
        0 => String::new(),
        1 => "; the first line is skipped".to_owned(),
        lines => format!("; the first {lines} lines are skipped"),
    };
    let message = format!(
        "read with `{settings}`, which gives {} columns in {fit} of the first {all} records{lines}; the same settings avoid \
         the guess",
        chosen.width
    );
    Some(("DIALECT", message))
}

pub(super) fn ambiguous(best: &Candidate, other: &Candidate) -> Note {
    let settings = |candidate: &Candidate| {
        let settings = describe(&candidate.dialect, &Dialect::rfc4180(b','));
        if settings.is_empty() { "separator: \",\"".to_owned() } else { settings }
    };
    let message = format!(
        "the file reads as {} columns with `{}` and as {} with `{}`, so it is read as plain CSV with commas; these settings \
         decide",
        best.width,
        settings(best),
        other.width,
        settings(other)
    );
    ("AMBIGUOUS_DIALECT", message)
}

pub(super) fn json() -> Note {
    let message = "the first line looks like a JSON object; the driver `ndjson` reads those";
    ("OTHER_KIND", message.to_owned())
}

/// A note about a separator that is in most lines of a file that reads as one column.
pub(super) fn one_column(reading: &Reading) -> Option<Note> {
    if reading.records.iter().any(|record| record.width > 1) {
        return None;
    }
    let share = |mark: char| {
        let with = (0..reading.records.len())
            .filter(|record| reading.cells(*record).any(|cell| cell.contains(mark)));
        with.count()
    };
    let (mark, count) = [';', '\t', '|']
        .map(|mark| (mark, share(mark)))
        .into_iter()
        .max_by_key(|(_, count)| *count)?;
    (count * 2 > reading.records.len()).then(|| {
        let message = format!(
            "the file reads as one column, and {mark:?} is in {count} of the first {} lines; `separator: {}` reads it as the \
             separator",
            reading.records.len(),
            character(u8::try_from(mark).unwrap_or(b';'))
        );
        ("ONE_COLUMN", message)
    })
}
