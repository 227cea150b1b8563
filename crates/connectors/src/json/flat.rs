//! Flattens JSON objects into names and values: names of nested objects are joined with dots, lists become JSON text
//! without blanks. Numbers keep their text.

use std::{borrow::Cow, collections::BTreeMap};

use super::names::{NameId, Names, NodeId, ROOT};

/// Nested objects and lists at most.
const MAX_DEPTH: usize = 64;
/// Values of a record at most.
const MAX_NAMES: usize = 10_000;

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
        let start = self.values.len();
        let parsed = self.parse(record, start);
        match parsed {
            Ok(()) => self.ends.push(self.values.len()),
            Err(_) => {
                self.values.truncate(start);
                // The record is none, so its number is that of the next.
                let next = self.ends.len();
                self.last.iter_mut().filter(|last| last.0 == next).for_each(|last| *last = NEVER);
                self.duplicates.retain(|_, record| *record != next);
            }
        }
        parsed
    }

    fn parse(&mut self, record: &str, start: usize) -> Result<(), String> {
        let mut scanner = Scanner { text: record, at: 0, depth: 0, start, chunk: self };
        scanner.blanks();
        if scanner.peek() != Some(b'{') {
            return Err("the record is not a JSON object".to_owned());
        }
        let parsed = scanner.object(ROOT).and_then(|()| {
            scanner.blanks();
            if scanner.at < record.len() { Err("trailing characters".to_owned()) } else { Ok(()) }
        });
        let place = scanner.at + 1;
        parsed
            .map_err(|error| format!("the record is not a JSON object: {error} at column {place}"))
    }
}

/// A name that no record has had.
const NEVER: (usize, usize) = (usize::MAX, 0);

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// The place of the record's first value.
    start: usize,
    chunk: &'a mut FlatChunk,
}

impl Scanner<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    #[cold]
    fn unexpected<T>(&self, wanted: &str) -> Result<T, String> {
        Err(match self.text[self.at..].chars().next() {
            Some(found) => format!("expected {wanted} instead of `{}`", found.escape_debug()),
            None => format!("EOF where {wanted} is expected"),
        })
    }

    fn descend(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("objects and lists are nested deeper than {MAX_DEPTH}"));
        }
        Ok(())
    }

    /// The members of an object, of which the opening brace comes next.
    fn object(&mut self, node: NodeId) -> Result<(), String> {
        self.descend()?;
        self.at += 1;
        let mut first = true;
        let mut member = None;
        while self.more(b'}', &mut first)? {
            let key = self.name()?;
            let names = &mut self.chunk.names;
            let found = match &key {
                Key::Plain(start, end) => names.member(node, member, &self.text[*start..*end]),
                Key::Unescaped(key) => names.member(node, member, key),
            };
            self.value(found)?;
            member = Some(found);
        }
        self.depth -= 1;
        Ok(())
    }

    /// The name of a member, up to its value.
    #[inline]
    fn name(&mut self) -> Result<Key, String> {
        if self.peek() != Some(b'"') {
            return self.unexpected("a name in quotes");
        }
        let (start, end, escapes) = self.string()?;
        let key = if escapes {
            Key::Unescaped(self.unescape(start, end)?)
        } else {
            Key::Plain(start, end)
        };
        self.blanks();
        if self.peek() != Some(b':') {
            return self.unexpected("`:`");
        }
        self.at += 1;
        self.blanks();
        Ok(key)
    }

    /// Moves to the next member or element; false behind the closing bracket.
    #[inline]
    fn more(&mut self, close: u8, first: &mut bool) -> Result<bool, String> {
        self.blanks();
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                return Ok(false);
            }
            Some(_) if *first => {}
            Some(b',') => {
                self.at += 1;
                self.blanks();
                if self.peek() == Some(close) {
                    return Err("trailing comma".to_owned());
                }
            }
            _ => return self.unexpected(&format!("`,` or `{}`", char::from(close))),
        }
        *first = false;
        Ok(true)
    }

    #[inline]
    fn value(&mut self, node: NodeId) -> Result<(), String> {
        let value = match self.peek() {
            Some(b'{') => return self.object(node),
            Some(b'[') => {
                let start = self.chunk.texts.len();
                self.list()?;
                Scalar::List(Span::new(start, self.chunk.texts.len()))
            }
            Some(b'"') => {
                let (start, end, escapes) = self.string()?;
                if escapes {
                    let text = self.unescape(start, end)?;
                    let texts = &mut self.chunk.texts;
                    let start = texts.len();
                    texts.push_str(&text);
                    Scalar::Unescaped(Span::new(start, texts.len()))
                } else {
                    Scalar::Text(Span::new(start, end))
                }
            }
            _ => self.scalar()?,
        };
        let chunk = &mut *self.chunk;
        let Some(name) = chunk.names.name(node) else { return Ok(()) };
        let (record, place) = (chunk.ends.len(), chunk.values.len());
        if chunk.last.len() <= name as usize {
            chunk.last.resize(name as usize + 1, NEVER);
        }
        let last = &mut chunk.last[name as usize];
        if last.0 == record {
            let place = last.1;
            return self.duplicate(name, place, value);
        }
        *last = (record, place);
        if place - self.start == MAX_NAMES {
            return Err(format!("the record has more than {MAX_NAMES} names"));
        }
        chunk.values.push((name, value));
        Ok(())
    }

    /// The value of a name that has one already, at this place.
    #[cold]
    fn duplicate(&mut self, name: NameId, place: usize, value: Scalar) -> Result<(), String> {
        let chunk = &mut *self.chunk;
        if chunk.duplicates_are_errors {
            return Err(format!("duplicate name `{}`", chunk.names.path(name)));
        }
        chunk.values[place].1 = value;
        chunk.duplicates.entry(name).or_insert(chunk.ends.len());
        Ok(())
    }

    fn scalar(&mut self) -> Result<Scalar, String> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [
                    ("true", Scalar::Boolean(true)),
                    ("false", Scalar::Boolean(false)),
                    ("null", Scalar::Null),
                ];
                let rest = &self.text.as_bytes()[self.at..];
                for (word, value) in words {
                    if rest.starts_with(word.as_bytes()) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                self.unexpected("a value")
            }
        }
    }

    fn number(&mut self) -> Result<Scalar, String> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let whole = self.digits()?;
        if whole > 1 && self.text.as_bytes()[self.at - whole] == b'0' {
            return Err("a number with a leading zero".to_owned());
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Scalar::Number(Span::new(start, self.at)))
    }

    /// Passes at least one digit, and returns their number.
    #[inline]
    fn digits(&mut self) -> Result<usize, String> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { self.unexpected("a digit") } else { Ok(count) }
    }

    /// Where the content of a string starts and ends, of which the opening quote comes next, and whether it has escapes.
    #[inline]
    fn string(&mut self) -> Result<(usize, usize, bool), String> {
        self.at += 1;
        let start = self.at;
        let mut escapes = false;
        let bytes = self.text.as_bytes();
        loop {
            let rest = &bytes[self.at..];
            let plain =
                rest.iter().position(|byte| IN_STRING[usize::from(*byte)]).unwrap_or(rest.len());
            self.at += plain;
            match bytes.get(self.at) {
                Some(b'"') => break,
                // What follows is checked with the whole.
                Some(b'\\') if self.at + 1 < bytes.len() => {
                    escapes = true;
                    self.at += 2;
                }
                Some(byte) if *byte < 0x20 => {
                    return Err("a control character in a string".to_owned());
                }
                _ => {
                    self.at = bytes.len();
                    return self.unexpected("a closing quote");
                }
            }
            if !self.text.is_char_boundary(self.at) {
                return Err("an invalid escape in a string".to_owned());
            }
        }
        let end = self.at;
        self.at += 1;
        Ok((start, end, escapes))
    }

    /// The content of a string with escapes.
    #[cold]
    fn unescape(&self, start: usize, end: usize) -> Result<String, String> {
        let text = serde_json::from_str(&self.text[start - 1..=end]);
        text.map_err(|_| "an invalid escape in a string".to_owned())
    }

    /// Appends a list, of which the opening bracket comes next, to the texts as JSON without blanks.
    fn list(&mut self) -> Result<(), String> {
        self.descend()?;
        self.at += 1;
        self.chunk.texts.push('[');
        let mut first = true;
        let mut separator = false;
        while self.more(b']', &mut first)? {
            if std::mem::replace(&mut separator, true) {
                self.chunk.texts.push(',');
            }
            self.nested()?;
        }
        self.chunk.texts.push(']');
        self.depth -= 1;
        Ok(())
    }

    fn nested_object(&mut self) -> Result<(), String> {
        self.descend()?;
        self.at += 1;
        self.chunk.texts.push('{');
        let mut first = true;
        let mut separator = false;
        while self.more(b'}', &mut first)? {
            if std::mem::replace(&mut separator, true) {
                self.chunk.texts.push(',');
            }
            let key = match self.name()? {
                Key::Plain(start, end) => Cow::Borrowed(&self.text[start - 1..=end]),
                Key::Unescaped(key) => Cow::Owned(quoted(&key)),
            };
            self.chunk.texts.push_str(&key);
            self.chunk.texts.push(':');
            self.nested()?;
        }
        self.chunk.texts.push('}');
        self.depth -= 1;
        Ok(())
    }

    /// Appends a value inside of a list.
    fn nested(&mut self) -> Result<(), String> {
        match self.peek() {
            Some(b'[') => self.list(),
            Some(b'{') => self.nested_object(),
            Some(b'"') => {
                let (start, end, escapes) = self.string()?;
                if escapes {
                    let text = quoted(&self.unescape(start, end)?);
                    self.chunk.texts.push_str(&text);
                } else {
                    self.chunk.texts.push_str(&self.text[start - 1..=end]);
                }
                Ok(())
            }
            _ => {
                let start = self.at;
                self.scalar()?;
                self.chunk.texts.push_str(&self.text[start..self.at]);
                Ok(())
            }
        }
    }
}

/// The name of a member: where its text starts and ends in the record, or the text if it has escapes.
enum Key {
    Plain(usize, usize),
    Unescaped(String),
}

/// The bytes at which a string ends or is not as it is read: quotes, backslashes, control characters.
const IN_STRING: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

#[cfg(test)]
mod tests;
