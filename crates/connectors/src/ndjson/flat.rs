//! Flattens a JSON object into names and values: names of nested objects are joined with dots, lists become JSON text
//! without blanks. Numbers keep their text.

use std::{borrow::Cow, ops::Range};

/// Nested objects and lists at most.
const MAX_DEPTH: usize = 127;

/// Names and values in the order of the record.
pub(super) type FlatRecord = Vec<(String, Scalar)>;

/// A value. Ranges are those of bytes in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Null,
    Boolean(bool),
    Number(Range<usize>),
    /// The content of a string without escapes.
    Text(Range<usize>),
    /// The content of a string with escapes.
    Unescaped(String),
    /// A list as JSON.
    List(String),
}

impl Scalar {
    /// The content of a string, the JSON text of others.
    pub fn text<'a>(&'a self, record: &'a str) -> &'a str {
        match self {
            Self::Null => "null",
            Self::Boolean(true) => "true",
            Self::Boolean(false) => "false",
            Self::Number(range) | Self::Text(range) => &record[range.clone()],
            Self::Unescaped(text) | Self::List(text) => text,
        }
    }

    /// The JSON text.
    pub fn token<'a>(&'a self, record: &'a str) -> Cow<'a, str> {
        match self {
            Self::Text(range) => record[range.start - 1..=range.end].into(),
            Self::Unescaped(text) => quoted(text).into(),
            other => other.text(record).into(),
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// # Errors
/// A reason: not JSON, not an object, a duplicate name.
pub(super) fn parse(line: &str) -> Result<FlatRecord, String> {
    let mut scanner =
        Scanner { text: line, at: 0, depth: 0, path: String::new(), flat: FlatRecord::new() };
    scanner.blanks();
    if scanner.peek() != Some(b'{') {
        return Err("the line is not a JSON object".to_owned());
    }
    let parsed = scanner.object().and_then(|()| {
        scanner.blanks();
        if scanner.at < line.len() { Err("trailing characters".to_owned()) } else { Ok(()) }
    });
    let place = scanner.at + 1;
    parsed.map_err(|error| format!("the line is not a JSON object: {error} at column {place}"))?;
    Ok(scanner.flat)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// The name of the value that comes next.
    path: String,
    flat: FlatRecord,
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

    fn unexpected<T>(&self, wanted: &str) -> Result<T, String> {
        Err(match self.text[self.at..].chars().next() {
            Some(found) => format!("expected {wanted} instead of `{}`", found.escape_debug()),
            None => format!("EOF where {wanted} is expected"),
        })
    }

    fn descend(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err("recursion limit exceeded".to_owned()) } else { Ok(()) }
    }

    /// The members of an object, of which the opening brace comes next, below the current path.
    fn object(&mut self) -> Result<(), String> {
        self.descend()?;
        self.at += 1;
        let length = self.path.len();
        let mut first = true;
        while self.more(b'}', &mut first)? {
            let name = self.name()?;
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(name.text(self.text));
            self.value()?;
            self.path.truncate(length);
        }
        self.depth -= 1;
        Ok(())
    }

    /// The name of a member, up to its value.
    fn name(&mut self) -> Result<Scalar, String> {
        if self.peek() != Some(b'"') {
            return self.unexpected("a name in quotes");
        }
        let name = self.string()?;
        self.blanks();
        if self.peek() != Some(b':') {
            return self.unexpected("`:`");
        }
        self.at += 1;
        self.blanks();
        Ok(name)
    }

    /// Moves to the next member or element; false behind the closing bracket.
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

    fn value(&mut self) -> Result<(), String> {
        let value = match self.peek() {
            Some(b'{') => return self.object(),
            Some(b'[') => {
                let mut list = String::new();
                self.list(&mut list)?;
                Scalar::List(list)
            }
            _ => self.scalar()?,
        };
        if self.flat.iter().any(|(name, _)| *name == self.path) {
            return Err(format!("duplicate name `{}`", self.path));
        }
        self.flat.push((self.path.clone(), value));
        Ok(())
    }

    fn scalar(&mut self) -> Result<Scalar, String> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [
                    ("true", Scalar::Boolean(true)),
                    ("false", Scalar::Boolean(false)),
                    ("null", Scalar::Null),
                ];
                for (word, value) in words {
                    if self.text[self.at..].starts_with(word) {
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
        Ok(Scalar::Number(start..self.at))
    }

    /// Passes at least one digit, and returns their number.
    fn digits(&mut self) -> Result<usize, String> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { self.unexpected("a digit") } else { Ok(count) }
    }

    /// A string, of which the opening quote comes next.
    fn string(&mut self) -> Result<Scalar, String> {
        let open = self.at;
        self.at += 1;
        let mut escapes = false;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .unwrap_or(rest.len());
            self.at += plain;
            match self.peek() {
                Some(b'"') => break,
                // What follows is checked with the whole.
                Some(b'\\') if self.at + 1 < self.text.len() => {
                    escapes = true;
                    self.at += 2;
                }
                Some(byte) if byte < 0x20 => {
                    return Err("a control character in a string".to_owned());
                }
                _ => {
                    self.at = self.text.len();
                    return self.unexpected("a closing quote");
                }
            }
            if !self.text.is_char_boundary(self.at) {
                return Err("an invalid escape in a string".to_owned());
            }
        }
        let content = open + 1..self.at;
        self.at += 1;
        if !escapes {
            return Ok(Scalar::Text(content));
        }
        let text = serde_json::from_str(&self.text[open..self.at]);
        text.map(Scalar::Unescaped).map_err(|_| "an invalid escape in a string".to_owned())
    }

    /// Appends a list, of which the opening bracket comes next, as JSON without blanks.
    fn list(&mut self, out: &mut String) -> Result<(), String> {
        self.descend()?;
        self.at += 1;
        out.push('[');
        let mut first = true;
        while self.more(b']', &mut first)? {
            if !out.ends_with('[') {
                out.push(',');
            }
            self.nested(out)?;
        }
        out.push(']');
        self.depth -= 1;
        Ok(())
    }

    fn nested_object(&mut self, out: &mut String) -> Result<(), String> {
        self.descend()?;
        self.at += 1;
        out.push('{');
        let mut first = true;
        while self.more(b'}', &mut first)? {
            if !out.ends_with('{') {
                out.push(',');
            }
            let name = self.name()?;
            out.push_str(&name.token(self.text));
            out.push(':');
            self.nested(out)?;
        }
        out.push('}');
        self.depth -= 1;
        Ok(())
    }

    /// Appends a value inside of a list.
    fn nested(&mut self, out: &mut String) -> Result<(), String> {
        match self.peek() {
            Some(b'[') => self.list(out),
            Some(b'{') => self.nested_object(out),
            _ => {
                let value = self.scalar()?;
                out.push_str(&value.token(self.text));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
