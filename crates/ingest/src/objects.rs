//! Finds JSON objects in what arrives piece by piece: lines of them, one behind the other, or one over several lines.

use bytes::{Bytes, BytesMut};

use crate::{
    KEPT, MAX_RECORD,
    check::json_record,
    record::NewRecord,
    splitter::{Piece, Splitter},
};

/// As many levels as the parser of records takes.
const DEEPEST: usize = 127;

/// What may follow in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    KeyOrEnd,
    Key,
    Colon,
    Value,
    ValueOrEnd,
    CommaOrEnd,
}

/// Where the scanner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Between objects.
    Between,
    /// Behind a part of an object.
    Object(Expect),
    /// In a text; `key`: of a name.
    Text { key: bool, escaped: bool },
    /// In a number or word.
    Word,
    /// In a line that is no object, for this reason.
    Line(&'static str),
}

/// Divides a stream of bytes into objects.
///
/// A byte that can't follow ends the object: if it began on an earlier line, reading goes on with the line of that byte, else
/// behind it, so that a broken line costs that line alone.
pub struct ObjectSplitter {
    buffer: BytesMut,
    /// Bytes of the buffer that were looked at.
    at: usize,
    /// The beginning of the line of that place.
    line: usize,
    mode: Mode,
    /// The open brackets.
    open: Vec<u8>,
    /// The beginning of a line whose other bytes are not kept.
    kept: Bytes,
}

impl Default for ObjectSplitter {
    fn default() -> Self {
        Self {
            buffer: BytesMut::new(),
            at: 0,
            line: 0,
            mode: Mode::Between,
            open: Vec::new(),
            kept: Bytes::new(),
        }
    }
}

impl ObjectSplitter {
    /// An object begins at this place, or nothing.
    fn begin(&mut self, at: usize) {
        self.at = at;
        self.line = at;
        self.mode = Mode::Between;
        self.open.clear();
    }

    fn bad(&mut self, text: &Bytes, reason: &'static str) -> Piece {
        let kept = std::mem::take(&mut self.kept);
        let text = if kept.is_empty() { text.clone() } else { kept };
        let end = text.len().min(KEPT);
        Piece::Bad(Bytes::copy_from_slice(text[..end].trim_ascii_end()), reason)
    }

    /// The object that ends here.
    fn take(&mut self, end: usize) -> Bytes {
        let text = self.buffer.split_to(end).freeze();
        self.begin(0);
        text
    }

    /// Handles a byte that can't follow.
    fn unexpected(&mut self, reason: &'static str) -> Option<Piece> {
        if self.line > 0 {
            let text = self.take(self.line);
            return Some(self.bad(&text, reason));
        }
        self.mode = Mode::Line(reason);
        None
    }

    /// Looks at a byte within an object. Whether it is the last one; none if it can't follow.
    fn step(&mut self, byte: u8) -> Option<bool> {
        match self.mode {
            Mode::Text { key, escaped: true } => self.mode = Mode::Text { key, escaped: false },
            Mode::Text { key, .. } => match byte {
                b'\\' => self.mode = Mode::Text { key, escaped: true },
                b'"' => {
                    let next = if key { Expect::Colon } else { Expect::CommaOrEnd };
                    self.mode = Mode::Object(next);
                }
                0..0x20 => return None,
                _ => {}
            },
            Mode::Word => {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.') {
                    return Some(false);
                }
                self.mode = Mode::Object(Expect::CommaOrEnd);
                return self.step(byte);
            }
            Mode::Object(_) if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') => {}
            Mode::Object(expect) => return self.structure(expect, byte),
            Mode::Between | Mode::Line(_) => {}
        }
        Some(false)
    }

    fn structure(&mut self, expect: Expect, byte: u8) -> Option<bool> {
        use Expect::{Colon, CommaOrEnd, Key, KeyOrEnd, Value, ValueOrEnd};
        let top = self.open.last().copied();
        self.mode = match (expect, byte) {
            (Key | KeyOrEnd, b'"') => Mode::Text { key: true, escaped: false },
            (Colon, b':') => Mode::Object(Value),
            (Value | ValueOrEnd, b'"') => Mode::Text { key: false, escaped: false },
            (Value | ValueOrEnd, b'{' | b'[') if self.open.len() < DEEPEST => {
                self.open.push(byte);
                Mode::Object(if byte == b'{' { KeyOrEnd } else { ValueOrEnd })
            }
            (Value | ValueOrEnd, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => Mode::Word,
            (CommaOrEnd, b',') => Mode::Object(if top == Some(b'{') { Key } else { Value }),
            (KeyOrEnd, b'}') | (ValueOrEnd, b']') => Mode::Object(CommaOrEnd),
            (CommaOrEnd, b'}') if top == Some(b'{') => Mode::Object(CommaOrEnd),
            (CommaOrEnd, b']') if top == Some(b'[') => Mode::Object(CommaOrEnd),
            _ => return None,
        };
        if matches!(byte, b'}' | b']') {
            self.open.pop();
        }
        Some(self.open.is_empty())
    }

    /// What can't be an object any more, since it is too long.
    fn shorten(&mut self) {
        let reason = match self.mode {
            Mode::Line(reason) => reason,
            _ if self.buffer.len() > MAX_RECORD => "it is longer than 16 MiB",
            _ => return,
        };
        if self.buffer.len() <= KEPT {
            return;
        }
        if self.kept.is_empty() {
            self.kept = Bytes::copy_from_slice(&self.buffer[..KEPT]);
        }
        self.buffer.clear();
        self.begin(0);
        self.mode = Mode::Line(reason);
    }
}

impl Splitter for ObjectSplitter {
    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn finish(&mut self) -> Option<Piece> {
        let rest = self.buffer.split().freeze();
        let reason = match self.mode {
            Mode::Between => None,
            Mode::Line(reason) => Some(reason),
            Mode::Object(_) | Mode::Text { .. } | Mode::Word => Some("it ends within an object"),
        };
        self.begin(0);
        reason.map(|reason| self.bad(&rest, reason))
    }

    fn waiting(&self) -> usize {
        self.buffer.len()
    }

    fn check(text: Bytes) -> NewRecord {
        json_record(text)
    }
}

impl Iterator for ObjectSplitter {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        while let Some(byte) = self.buffer.get(self.at).copied() {
            match self.mode {
                Mode::Between if byte.is_ascii_whitespace() => {
                    let blanks = self.buffer.iter().take_while(|byte| byte.is_ascii_whitespace());
                    let blanks = blanks.count();
                    let _ = self.buffer.split_to(blanks);
                    self.begin(0);
                    continue;
                }
                Mode::Between if byte == b'{' => {
                    self.open.push(byte);
                    self.mode = Mode::Object(Expect::KeyOrEnd);
                }
                Mode::Between => self.mode = Mode::Line("it is no JSON object"),
                Mode::Line(reason) => {
                    let rest = &self.buffer[self.at..];
                    let Some(end) = memchr::memchr(b'\n', rest) else {
                        self.at = self.buffer.len();
                        break;
                    };
                    let text = self.take(self.at + end + 1);
                    return Some(self.bad(&text, reason));
                }
                _ => match self.step(byte) {
                    Some(true) => {
                        let text = self.take(self.at + 1);
                        return Some(Piece::Whole(text));
                    }
                    Some(false) if byte == b'\n' => self.line = self.at + 1,
                    Some(false) => {}
                    None => {
                        if let Some(piece) = self.unexpected("it is no JSON object") {
                            return Some(piece);
                        }
                        continue;
                    }
                },
            }
            self.at += 1;
        }
        self.shorten();
        None
    }
}

#[cfg(test)]
mod tests;
