//! Parses JSON objects into the values of a chunk.

use std::borrow::Cow;

use super::{FlatChunk, NEVER, Scalar, Span, quoted};
use crate::json::names::{NameId, NodeId, ROOT};

/// Nested objects and lists at most.
const MAX_DEPTH: usize = 64;
/// Values of a record at most.
const MAX_NAMES: usize = 10_000;

/// Reads a record into a chunk.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// The place of the record's first value.
    start: usize,
    chunk: &'a mut FlatChunk,
}

impl<'a> Scanner<'a> {
    /// `start`: the place of the record's first value.
    pub fn new(text: &'a str, start: usize, chunk: &'a mut FlatChunk) -> Self {
        Self { text, at: 0, depth: 0, start, chunk }
    }

    /// # Errors
    /// Why the text is no record.
    pub fn record(mut self) -> Result<(), String> {
        self.blanks();
        if self.peek() != Some(b'{') {
            return Err("the record is not a JSON object".to_owned());
        }
        let parsed = self.object(ROOT).and_then(|()| {
            self.blanks();
            let whole = self.at == self.text.len();
            if whole { Ok(()) } else { Err("trailing characters".to_owned()) }
        });
        let place = self.at + 1;
        parsed
            .map_err(|error| format!("the record is not a JSON object: {error} at column {place}"))
    }

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
