//! Splits a stream of JSON into the records that a frame names, in bounded memory: one record at a time.
//!
//! Nothing is lost without a trace. A file that ends too early ends in a bad record. Behind a record that is no JSON, the
//! next one is looked for at the start of a later line with the same indentation; where that can't be, reading ends with
//! an error.

mod attach;
mod recovery;

use std::io::{self, ErrorKind};

use super::{
    frame::Frame,
    scan::{ValueScanner, string},
};
use crate::lines::{Lines, MAX_RECORD, Record};

const CUT_OFF: &str = "the file ends within the record";
const CUT_OFF_OUTSIDE: &str =
    "the file ends within the object or array that the records are in, so that records are missing";
const NO_PATH: &str = "the value has no member under the path that `records` gives";
const NO_MEMBER: &str = "the record has no object under the name that `unwrap` gives";
const NO_COLON: &str = "a member of an object has no name or no value";

/// Bytes of a record that is too long that are kept.
const KEPT: usize = 4096;

pub(crate) struct Elements {
    lines: Lines,
    frame: Frame,
    /// The objects and arrays that are open around the records, from the outermost.
    stack: Vec<Level>,
    /// Blanks since the last line end, if nothing else has been on the line.
    indent: Option<usize>,
    /// That of the value at the top that has been begun last.
    top_indent: Option<usize>,
    /// A record with what belongs to it from elsewhere, or the start of one that is too long.
    built: Vec<u8>,
    /// Why no more records can be found.
    failed: Option<String>,
}

/// An open object or array, with the number of names of the path above it.
enum Level {
    Object {
        depth: usize,
        /// Whether it has had the next name of the path.
        found: bool,
        line: u64,
        /// Members that records get, as `"name":value,`.
        attached: Vec<u8>,
    },
    Array {
        depth: usize,
    },
}

/// A record in the buffer, or in `built`.
struct FoundRecord {
    length: usize,
    line: u64,
    built: bool,
    bad: Option<&'static str>,
}

impl Elements {
    pub fn new(lines: Lines, frame: Frame) -> Self {
        let (stack, built) = (Vec::new(), Vec::new());
        Self { lines, frame, stack, indent: Some(0), top_indent: None, built, failed: None }
    }

    /// The next record.
    ///
    /// # Errors
    /// If the stream can't be read or decompressed, or if no record can be found behind one that is no JSON.
    pub fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        let found = loop {
            if let Some(why) = &self.failed {
                return Err(io::Error::new(ErrorKind::InvalidData, why.clone()));
            }
            let Some(byte) = self.significant()? else {
                if self.stack.is_empty() {
                    return Ok(None);
                }
                self.stack.clear();
                let line = self.lines.line();
                break FoundRecord { length: 0, line, built: false, bad: Some(CUT_OFF_OUTSIDE) };
            };
            if let Some(found) = self.step(byte)? {
                break found;
            }
        };
        let FoundRecord { length, line, built, bad } = found;
        let bytes = if built { &self.built[..length] } else { self.lines.passed(length) };
        Ok(Some(Record { bytes, line, quotes: false, bad }))
    }

    /// Passes blanks and commas; the byte behind them, if there is one.
    fn significant(&mut self) -> io::Result<Option<u8>> {
        loop {
            let rest = self.lines.rest();
            let blanks =
                rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b','));
            let blanks = blanks.count();
            let next = rest.get(blanks).copied();
            let lines = memchr::memchr_iter(b'\n', &rest[..blanks]).count() as u64;
            self.indent = match (memchr::memrchr(b'\n', &rest[..blanks]), self.indent) {
                (Some(last), _) => Some(blanks - last - 1),
                (None, indent) => indent.map(|indent| indent + blanks),
            };
            self.lines.pass(blanks, lines);
            if next.is_some() || !self.lines.read_more()? {
                return Ok(next);
            }
        }
    }

    /// Goes one step into the frame, of which this byte comes next.
    fn step(&mut self, byte: u8) -> io::Result<Option<FoundRecord>> {
        match self.stack.last() {
            Some(Level::Object { .. }) => self.member(byte),
            Some(Level::Array { .. }) if byte == b']' => {
                self.close();
                Ok(None)
            }
            Some(Level::Array { depth }) => {
                let depth = *depth;
                self.value(byte, depth, false)
            }
            None => {
                self.top_indent = self.indent;
                self.value(byte, 0, false)
            }
        }
    }

    /// Passes a closing bracket.
    fn close(&mut self) {
        self.lines.pass(1, 0);
        self.indent = None;
        self.stack.pop();
    }

    /// A value below so many names of the path. `member`: it is the value of the path's name in an object.
    fn value(&mut self, byte: u8, depth: usize, member: bool) -> io::Result<Option<FoundRecord>> {
        let at_end = depth == self.frame.path.len();
        let is_element =
            matches!(self.stack.last(), Some(Level::Array { depth: above }) if *above == depth);
        match byte {
            b'[' if !(at_end && is_element) => {
                self.lines.pass(1, 0);
                self.indent = self.indent.map(|indent| indent + 1);
                self.stack.push(Level::Array { depth });
                Ok(None)
            }
            b'{' if !at_end => {
                let line = self.lines.line();
                let attached = self.attached(depth)?;
                self.lines.pass(1, 0);
                self.indent = None;
                self.stack.push(Level::Object { depth, found: false, line, attached });
                Ok(None)
            }
            _ => {
                let found = self.record()?;
                if found.bad.is_some() {
                    return Ok(Some(found));
                }
                // Null in place of an array: there are no records.
                if member && self.lines.passed(found.length) == b"null" {
                    return Ok(None);
                }
                if !at_end {
                    return Ok(Some(FoundRecord { bad: Some(NO_PATH), ..found }));
                }
                Ok(Some(self.build(found)))
            }
        }
    }

    /// A member of an open object, or its end.
    fn member(&mut self, byte: u8) -> io::Result<Option<FoundRecord>> {
        let Some(Level::Object { depth, found, line, .. }) = self.stack.last() else {
            return Ok(None);
        };
        let (depth, line) = (*depth, *line);
        match byte {
            b'}' => {
                let missing = !*found;
                self.close();
                let bad = FoundRecord { length: 0, line, built: false, bad: Some(NO_PATH) };
                Ok(missing.then_some(bad))
            }
            b'"' => {
                let name = self.record()?;
                if name.bad.is_some() {
                    return Ok(Some(name));
                }
                let token = self.lines.passed(name.length);
                let wanted = string(token).is_some_and(|name| name == self.frame.path[depth]);
                if self.significant()? != Some(b':') {
                    return self.broken_object(line);
                }
                self.lines.pass(1, 0);
                let Some(byte) = self.significant()? else { return Ok(None) };
                if wanted {
                    if let Some(Level::Object { found, .. }) = self.stack.last_mut() {
                        *found = true;
                    }
                    return self.value(byte, depth + 1, true);
                }
                self.skip()
            }
            _ => self.broken_object(line),
        }
    }

    fn broken_object(&mut self, line: u64) -> io::Result<Option<FoundRecord>> {
        if self.significant()?.is_none() {
            return Ok(None);
        }
        self.fail(NO_COLON);
        Ok(Some(FoundRecord { length: 0, line, built: false, bad: Some(NO_COLON) }))
    }

    /// Passes a value of any length.
    fn skip(&mut self) -> io::Result<Option<FoundRecord>> {
        let mut scanner = ValueScanner::default();
        let line = self.lines.line();
        loop {
            let before = scanner.lines;
            let rest = self.lines.rest();
            let (length, end) = match scanner.feed(rest) {
                Ok(Some(end)) => (end, true),
                Ok(None) => (rest.len(), false),
                Err((_, why)) => {
                    self.fail(why);
                    return Ok(Some(FoundRecord { length: 0, line, built: false, bad: Some(why) }));
                }
            };
            self.lines.pass(length, scanner.lines - before);
            if end || !self.lines.read_more()? {
                self.indent = None;
                return Ok(None);
            }
        }
    }

    /// Passes the value that comes next, which is a record or a part of the frame.
    fn record(&mut self) -> io::Result<FoundRecord> {
        let line = self.lines.line();
        let mut scanner = ValueScanner::default();
        let mut scanned = 0;
        loop {
            let rest = self.lines.rest();
            let length = match scanner.feed(&rest[scanned..]) {
                Ok(Some(end)) => Some(scanned + end),
                Ok(None) => None,
                Err((at, why)) => return self.resume(line, scanned + at, why),
            };
            scanned = length.unwrap_or(rest.len());
            if scanned > MAX_RECORD {
                return self.pass_long(line, scanned, length.is_some(), scanner);
            }
            if let Some(length) = length {
                self.lines.pass(length, scanner.lines);
                self.indent = None;
                return Ok(FoundRecord { length, line, built: false, bad: None });
            }
            if !self.lines.read_more()? {
                let length = self.lines.rest().len();
                self.lines.pass(length, scanner.lines);
                let whole = scanner.may_end() && self.stack.is_empty();
                self.stack.clear();
                let bad = (!whole).then_some(CUT_OFF);
                return Ok(FoundRecord { length, line, built: false, bad });
            }
        }
    }
}
