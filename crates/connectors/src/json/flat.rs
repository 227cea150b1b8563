//! Flattens JSON objects into names and values: names of nested objects are joined with dots, lists become JSON text
//! without blanks. Numbers keep their text.

mod scanner;

use std::{borrow::Cow, collections::BTreeMap};

use self::scanner::Scanner;
use super::names::{NameId, Names};

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn new(start: usize, end: usize) -> Self {
        // A record has at most 16 MiB, and a batch ends with the record that takes it over 32 MiB.
        let place = |place| u32::try_from(place).unwrap_or(u32::MAX);
        Self { start: place(start), end: place(end) }
    }

    fn get(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }

    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Null,
    Boolean(bool),
    /// In the record.
    Number(Span),
    /// The content of a string without escapes, in the record.
    Text(Span),
    /// The content of a string with escapes, among the texts of the chunk.
    Unescaped(Span),
    /// A list as JSON, among the texts of the chunk.
    List(Span),
}

/// The texts that values are parts of.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    pub record: &'a str,
    chunk: &'a str,
}

impl Scalar {
    /// The content of a string, the JSON text of others.
    pub fn text(self, texts: Texts<'_>) -> &str {
        match self {
            Self::Null => "null",
            Self::Boolean(true) => "true",
            Self::Boolean(false) => "false",
            Self::Number(span) | Self::Text(span) => span.get(texts.record),
            Self::Unescaped(span) | Self::List(span) => span.get(texts.chunk),
        }
    }

    /// The JSON text.
    pub fn token(self, texts: Texts<'_>) -> Cow<'_, str> {
        match self {
            Self::Text(Span { start, end }) => {
                Span { start: start - 1, end: end + 1 }.get(texts.record).into()
            }
            Self::Unescaped(span) => quoted(span.get(texts.chunk)).into(),
            other => other.text(texts).into(),
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The values of some records.
#[derive(Debug, Default)]
pub(super) struct FlatChunk {
    pub names: Names,
    values: Vec<(NameId, Scalar)>,
    /// Where the values of each record end.
    ends: Vec<usize>,
    /// Unescaped strings and lists.
    texts: String,
    /// For each name, the last record that had it and the place of its value.
    last: Vec<(usize, usize)>,
    duplicates_are_errors: bool,
    /// Names that a record had more than once, each with the first such record.
    pub duplicates: BTreeMap<NameId, usize>,
}

impl FlatChunk {
    /// No records. `names`: those that records are expected to have.
    pub fn new(names: Names, duplicates_are_errors: bool) -> Self {
        Self { names, duplicates_are_errors, ..Self::default() }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The values of a record in their order, and the texts that they are parts of.
    pub fn record<'a>(
        &'a self,
        index: usize,
        text: &'a str,
    ) -> (&'a [(NameId, Scalar)], Texts<'a>) {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        let texts = Texts { record: text, chunk: &self.texts };
        (&self.values[start..self.ends[index]], texts)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// A reason: not JSON, not an object, too many or too deep names, a duplicate name where that is an error.
    pub fn push(&mut self, record: &str) -> Result<(), String> {
        let (start, texts) = (self.values.len(), self.texts.len());
        let parsed = Scanner::new(record, start, self).record();
        match parsed {
            Ok(()) => self.ends.push(self.values.len()),
            Err(_) => {
                self.values.truncate(start);
                self.texts.truncate(texts);
                // The record is none, so its number is that of the next.
                let next = self.ends.len();
                self.last.iter_mut().filter(|last| last.0 == next).for_each(|last| *last = NEVER);
                self.duplicates.retain(|_, record| *record != next);
            }
        }
        parsed
    }
}

/// A name that no record has had.
const NEVER: (usize, usize) = (usize::MAX, 0);

#[cfg(test)]
mod tests;
