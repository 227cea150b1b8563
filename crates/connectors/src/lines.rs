//! Splits a stream into records, in bounded memory.

use std::io::{self, Read};

use memchr::{memchr, memchr2};

use crate::dialect::Dialect;

/// Bytes in a record at most; a longer one is rejected.
pub(crate) const MAX_RECORD: usize = 16 << 20;

/// How a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// At each line end.
    Lines,
    /// At a line end outside double quotes that open at the start of a cell (RFC 4180).
    Quoted { separator: u8 },
    /// As another dialect says.
    Dialect(Dialect),
}

impl Shape {
    /// The shape of records of a dialect.
    pub fn for_dialect(dialect: Dialect) -> Self {
        dialect
            .plain_separator()
            .map_or(Self::Dialect(dialect), |separator| Self::Quoted { separator })
    }

    fn line_end(self) -> u8 {
        match self {
            Self::Lines | Self::Quoted { .. } => b'\n',
            Self::Dialect(dialect) => dialect.line_end,
        }
    }
}

/// A record, valid or not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Without the line end. For a bad record, its first bytes.
    pub bytes: &'a [u8],
    /// The line on which it starts, from 1.
    pub line: u64,
    /// Whether it contains a double quote.
    pub quotes: bool,
    pub bad: Option<&'static str>,
}

pub(crate) const TOO_LONG: &str = "the record is longer than 16 MiB";
pub(crate) const UNCLOSED: &str = "a quote is opened and never closed";

/// Reads records from a stream.
pub(crate) struct Lines {
    reader: Box<dyn Read + Send>,
    shape: Shape,
    block: usize,
    /// `buffer[start..end]` has been read and not returned yet.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    line: u64,
}

/// Where a record ends in the buffer, where the next one starts, and the number of its line ends.
struct Bounds {
    end: usize,
    next: usize,
    lines: u64,
    quotes: bool,
    bad: Option<&'static str>,
}

impl Lines {
    /// Reads `block` bytes at a time.
    pub fn new(reader: Box<dyn Read + Send>, shape: Shape, block: usize) -> Self {
        Self { reader, shape, block, buffer: Vec::new(), start: 0, end: 0, ended: false, line: 1 }
    }

    /// The first `length` bytes that have not been returned as records, or all that are left, and whether these are all.
    ///
    /// # Errors
    /// If the stream can't be read or decompressed.
    pub fn peek(&mut self, length: usize) -> io::Result<(&[u8], bool)> {
        while self.end - self.start < length && !self.ended {
            self.fill()?;
        }
        let shown = (self.end - self.start).min(length);
        let complete = self.ended && self.end - self.start == shown;
        Ok((&self.buffer[self.start..self.start + shown], complete))
    }

    /// What has been read and not passed yet.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The line on which that begins, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Passes bytes that have so many line ends.
    pub fn pass(&mut self, bytes: usize, lines: u64) {
        self.start += bytes;
        self.line += lines;
    }

    /// The bytes that were passed last, as long as nothing more is read.
    pub fn passed(&self, length: usize) -> &[u8] {
        &self.buffer[self.start - length..self.start]
    }

    /// Reads another block behind what has been read; false at the end of the stream.
    ///
    /// # Errors
    /// If the stream can't be read or decompressed.
    pub fn read_more(&mut self) -> io::Result<bool> {
        if !self.ended {
            self.fill()?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Sets how the records that follow end.
    pub fn set_shape(&mut self, shape: Shape) {
        self.shape = shape;
    }

    /// Skips lines, whatever is in them.
    ///
    /// # Errors
    /// If the stream can't be read or decompressed.
    pub fn skip_lines(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            loop {
                let rest = &self.buffer[self.start..self.end];
                if let Some(found) = memchr(self.shape.line_end(), rest) {
                    self.start += found + 1;
                    self.line += 1;
                    break;
                }
                self.start = self.end;
                if self.ended {
                    return Ok(());
                }
                self.fill()?;
            }
        }
        Ok(())
    }

    /// The next record.
    ///
    /// # Errors
    /// If the stream can't be read or decompressed.
    pub fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        let bounds = loop {
            let bounds = self.next_bounds();
            let length = bounds.as_ref().map_or(self.end, |bounds| bounds.end) - self.start;
            if length > MAX_RECORD {
                break self.reject_line(TOO_LONG)?;
            }
            if let Some(bounds) = bounds {
                break bounds;
            }
            if self.ended {
                if self.start == self.end {
                    return Ok(None);
                }
                break self.last_bounds()?;
            }
            self.fill()?;
        };
        let (start, line) = (self.start, self.line);
        self.start = bounds.next;
        self.line += bounds.lines;
        let mut bytes = &self.buffer[start..bounds.end];
        if bounds.bad.is_none() && bytes.last() == Some(&b'\r') {
            bytes = &bytes[..bytes.len() - 1];
        }
        Ok(Some(Record { bytes, line, quotes: bounds.quotes, bad: bounds.bad }))
    }

    /// Appends a block to the buffer, or what is left of the stream.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let wanted = self.end + self.block;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        // Full blocks, so that the result does not depend on how a pipe is fed.
        while self.end < wanted && !self.ended {
            match self.reader.read(&mut self.buffer[self.end..wanted]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The record at the start of the buffer, if its end has been read.
    fn next_bounds(&self) -> Option<Bounds> {
        let rest = &self.buffer[self.start..self.end];
        let whole = |end: usize, lines, quotes| Bounds {
            end: self.start + end,
            next: self.start + end + 1,
            lines,
            quotes,
            bad: None,
        };
        match self.shape {
            Shape::Lines => memchr(b'\n', rest).map(|end| whole(end, 1, false)),
            Shape::Quoted { separator } => {
                let found = memchr2(b'\n', b'"', rest)?;
                if rest[found] == b'\n' {
                    return Some(whole(found, 1, false));
                }
                let (end, lines) = quoted_end(rest, separator)?;
                Some(whole(end, lines, true))
            }
            Shape::Dialect(dialect) => {
                dialect.record_end(rest).map(|(end, lines)| whole(end, lines, true))
            }
        }
    }

    /// The last record of the stream, which has no line end.
    fn last_bounds(&mut self) -> io::Result<Bounds> {
        let rest = &self.buffer[self.start..self.end];
        let (end, next) = (self.end, self.end);
        if let Shape::Quoted { separator } = self.shape
            && memchr(b'"', rest).is_some()
        {
            // Is every quote closed?
            let closed = quoted_end(&[rest, b"\n"].concat(), separator).is_some();
            if !closed {
                return self.reject_line(UNCLOSED);
            }
            let lines = memchr::memchr_iter(b'\n', rest).count() as u64;
            return Ok(Bounds { end, next, lines, quotes: true, bad: None });
        }
        if let Shape::Dialect(dialect) = self.shape {
            if !dialect.is_closed(rest) {
                return self.reject_line(UNCLOSED);
            }
            let lines = memchr::memchr_iter(dialect.line_end, rest).count() as u64;
            return Ok(Bounds { end, next, lines, quotes: true, bad: None });
        }
        Ok(Bounds { end, next, lines: 0, quotes: false, bad: None })
    }

    /// Makes the line at the start a bad record and continues behind it.
    fn reject_line(&mut self, why: &'static str) -> io::Result<Bounds> {
        let line_end = self.shape.line_end();
        if let Some(found) = memchr(line_end, &self.buffer[self.start..self.end]) {
            let (end, next) = (self.start + found, self.start + found + 1);
            return Ok(Bounds { end, next, lines: 1, quotes: true, bad: Some(why) });
        }
        // The line is longer than the buffer: its first bytes are kept, the rest is skipped.
        self.end = self.end.min(self.start + MAX_RECORD);
        while !self.ended {
            self.fill()?;
            let kept = self.end.min(MAX_RECORD);
            if let Some(found) = memchr(line_end, &self.buffer[kept..self.end]) {
                let next = kept + found + 1;
                return Ok(Bounds { end: kept, next, lines: 1, quotes: true, bad: Some(why) });
            }
            self.end = kept;
        }
        let (end, next) = (self.end, self.end);
        Ok(Bounds { end, next, lines: 0, quotes: true, bad: Some(why) })
    }
}

/// The position of the line end that ends the first record, and the number of line ends up to there, that one
/// included.
fn quoted_end(bytes: &[u8], separator: u8) -> Option<(usize, u64)> {
    let mut place = 0;
    let mut lines = 1;
    loop {
        // At the start of a cell.
        if bytes.get(place) == Some(&b'"') {
            place += 1;
            loop {
                let found = memchr2(b'"', b'\n', &bytes[place..])?;
                place += found + 1;
                if bytes[place - 1] == b'\n' {
                    lines += 1;
                } else if bytes.get(place) == Some(&b'"') {
                    place += 1;
                } else {
                    break;
                }
            }
        }
        // The rest of the cell; text behind a closing quote belongs to the cell.
        place += memchr2(separator, b'\n', bytes.get(place..)?)?;
        if bytes[place] == b'\n' {
            return Some((place, lines));
        }
        place += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(bytes: &[u8], block: usize) -> Vec<(String, u64, Option<&'static str>)> {
        let reader = Box::new(io::Cursor::new(bytes.to_vec()));
        let mut lines = Lines::new(reader, Shape::Quoted { separator: b',' }, block);
        let mut records = Vec::new();
        while let Some(record) = lines.next().unwrap() {
            let text = String::from_utf8_lossy(record.bytes).into_owned();
            records.push((text, record.line, record.bad));
        }
        records
    }

    #[test]
    fn ends_outside_quotes_only() {
        let text = b"a,b\r\n\"x\ny\",\"q\"\"\n\"\n1,2\"3\n\nlast";
        let expected = [
            ("a,b", 1, None),
            ("\"x\ny\",\"q\"\"\n\"", 2, None),
            ("1,2\"3", 5, None),
            ("", 6, None),
            ("last", 7, None),
        ];
        for block in [1, 2, 3, 7, 1000] {
            let records = records(text, block);
            let found: Vec<_> = records.iter().map(|r| (r.0.as_str(), r.1, r.2)).collect();
            assert_eq!(found, expected, "blocks of {block}");
        }
    }

    #[test]
    fn an_unclosed_quote_costs_one_line() {
        let found = records(b"1,\"2\n3,4\n5,6", 4);
        assert_eq!(found[0], ("1,\"2".into(), 1, Some(UNCLOSED)));
        assert_eq!(found[1].0, "3,4");
        assert_eq!(found[2].0, "5,6");
    }

    #[test]
    fn a_long_line_is_skipped_in_bounded_memory() {
        let mut bytes = vec![b'x'; MAX_RECORD + (3 << 20)];
        bytes.extend(b"\n1,2\n");
        let found = records(&bytes, 1 << 20);
        assert_eq!((found[0].1, found[0].2), (1, Some(TOO_LONG)));
        assert_eq!(found[1], ("1,2".into(), 2, None));
    }

    proptest! {
        #[test]
        fn the_block_size_does_not_matter(bytes in "[ab,\"\n\r]{0,60}", block in 1_usize..20) {
            prop_assert_eq!(records(bytes.as_bytes(), block), records(bytes.as_bytes(), 4096));
        }
    }
}
