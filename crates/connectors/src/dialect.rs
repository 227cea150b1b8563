//! How text is divided into records and cells, for all dialects of CSV.
//!
//! RFC 4180 with any separator has faster code of its own in [`crate::lines`] and [`crate::csv`], which cuts the same
//! cells; a test compares them.

use std::ops::Range;

mod settings;

pub(crate) use settings::{GivenDialect, Mark, character, describe};

/// What separates cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separator {
    Byte(u8),
    /// Runs of blanks and tabs.
    Whitespace,
}

/// Blanks and tabs around cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellBlanks {
    Keep,
    /// Dropped between a separator and a quote.
    BeforeQuote,
    /// Dropped around all cells.
    All,
}

/// How text is divided into records and cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub separator: Separator,
    pub quote: Option<u8>,
    /// Whether a backslash stands before quotes, separators, line ends and backslashes.
    pub backslash: bool,
    pub blanks: CellBlanks,
    /// Lines that begin with it are no records.
    pub comment: Option<u8>,
    /// `\n` or `\r`.
    pub line_end: u8,
    /// Whether a blank last cell is dropped from records with one cell too many.
    pub trailing: bool,
}

/// The position of a cell's text: in the text that is cut or, counted on from a base, in that of cells which differ from
/// it.
pub(crate) type Span = (usize, usize);

/// In place of a position: the record has no such cell.
pub(crate) const ABSENT: Span = (usize::MAX, usize::MAX);

/// Cells of records, one after the other.
#[derive(Debug, Default)]
pub(crate) struct CellBuffer {
    pub spans: Vec<Span>,
    /// Texts that differ from the file's bytes, since something in them was escaped.
    pub unescaped: String,
    /// The number of cells with text behind their closing quote.
    pub behind_quotes: usize,
}

impl CellBuffer {
    pub fn clear(&mut self) {
        self.spans.clear();
        self.unescaped.clear();
        self.behind_quotes = 0;
    }

    /// Adds a cell without a value.
    pub fn push_absent(&mut self) {
        self.spans.push(ABSENT);
    }

    #[inline]
    pub fn is_absent(&self, cell: usize) -> bool {
        self.spans[cell] == ABSENT
    }

    /// The text of a cell that was cut from `text`.
    #[inline]
    pub fn text<'a>(&'a self, text: &'a str, cell: usize) -> &'a str {
        let (start, end) = self.spans[cell];
        match start.checked_sub(text.len()) {
            None => &text[start..end],
            Some(start) => &self.unescaped[start..end - text.len()],
        }
    }
}

impl Dialect {
    /// RFC 4180 with this separator.
    pub fn rfc4180(separator: u8) -> Self {
        Self {
            separator: Separator::Byte(separator),
            quote: Some(b'"'),
            backslash: false,
            blanks: CellBlanks::Keep,
            comment: None,
            line_end: b'\n',
            trailing: false,
        }
    }

    /// The separator, if this is RFC 4180 beside it.
    pub fn plain_separator(&self) -> Option<u8> {
        match self.separator {
            Separator::Byte(separator) if *self == Self::rfc4180(separator) => Some(separator),
            _ => None,
        }
    }

    /// Whether the bytes of a line are those of a comment.
    pub fn is_comment(&self, line: &[u8]) -> bool {
        self.comment.is_some() && line.first().copied() == self.comment
    }

    fn separates(&self, byte: u8) -> bool {
        match self.separator {
            Separator::Byte(separator) => byte == separator,
            Separator::Whitespace => matches!(byte, b' ' | b'\t'),
        }
    }

    fn is_blank(&self, byte: u8) -> bool {
        matches!(byte, b' ' | b'\t') && !self.separates(byte)
    }

    /// Whether a backslash takes away the meaning of this byte.
    fn escapes(&self, byte: u8) -> bool {
        self.separates(byte) || byte == b'\\' || byte == self.line_end || Some(byte) == self.quote
    }

    /// Whether a quote or a backslash may keep a separator or a line end from being one.
    fn has_marks(&self, bytes: &[u8]) -> bool {
        self.quote.is_some_and(|quote| memchr::memchr(quote, bytes).is_some())
            || self.backslash && memchr::memchr(b'\\', bytes).is_some()
    }

    /// The place of the first character in quotes, if the cell that begins at `start` is quoted.
    fn opening(&self, bytes: &[u8], start: usize) -> Option<usize> {
        let quote = self.quote?;
        let place = if self.blanks == CellBlanks::Keep {
            start
        } else {
            start + bytes.get(start..)?.iter().take_while(|byte| self.is_blank(**byte)).count()
        };
        (bytes.get(place) == Some(&quote)).then_some(place + 1)
    }

    /// The position of the line end that ends the first record, and the number of line ends up to there, that one
    /// included; nothing if the bytes end before.
    pub fn record_end(&self, bytes: &[u8]) -> Option<(usize, u64)> {
        if self.is_comment(bytes) {
            return memchr::memchr(self.line_end, bytes).map(|end| (end, 1));
        }
        let end = memchr::memchr(self.line_end, bytes)?;
        if !self.has_marks(&bytes[..end]) {
            return Some((end, 1));
        }
        let (mut place, mut lines) = (0, 1);
        loop {
            // At the start of a cell.
            if let (Some(open), Some(quote)) = (self.opening(bytes, place), self.quote) {
                place = open;
                loop {
                    let special = |byte: &u8| {
                        *byte == quote || *byte == self.line_end || self.backslash && *byte == b'\\'
                    };
                    place += bytes.get(place..)?.iter().position(special)?;
                    let (byte, next) = (bytes[place], bytes.get(place + 1));
                    let pair = byte == quote && next == Some(&quote)
                        || byte != quote && byte != self.line_end;
                    lines += u64::from(byte == self.line_end);
                    if pair {
                        lines += u64::from(*next? == self.line_end);
                        place += 1;
                    }
                    place += 1;
                    if byte == quote && !pair {
                        break;
                    }
                }
            }
            // The rest of the cell; text behind a closing quote belongs to the cell.
            loop {
                let special = |byte: &u8| {
                    *byte == self.line_end
                        || self.separates(*byte)
                        || self.backslash && *byte == b'\\'
                };
                place += bytes.get(place..)?.iter().position(special)?;
                if bytes[place] == self.line_end {
                    return Some((place, lines));
                }
                if self.separates(bytes[place]) {
                    place += 1;
                    break;
                }
                lines += u64::from(*bytes.get(place + 1)? == self.line_end);
                place += 2;
            }
        }
    }

    /// Whether the last bytes of a file are a whole record, without a line end.
    pub fn is_closed(&self, bytes: &[u8]) -> bool {
        // Two, as a backslash in front of the first is text.
        let ended = [bytes, &[self.line_end; 2]].concat();
        self.record_end(&ended).is_some()
    }

    /// Appends the cells of the record in this range of a text, and returns their number.
    pub fn cut(&self, text: &str, range: Range<usize>, cells: &mut CellBuffer) -> usize {
        let before = cells.spans.len();
        let bytes = &text.as_bytes()[..range.end];
        if let Separator::Byte(separator) = self.separator
            && self.blanks != CellBlanks::All
            && !self.has_marks(&bytes[range.start..])
        {
            let mut start = range.start;
            for border in memchr::memchr_iter(separator, &bytes[range.start..]) {
                cells.spans.push((start, range.start + border));
                start = range.start + border + 1;
            }
            cells.spans.push((start, range.end));
            return cells.spans.len() - before;
        }
        let mut start = self.skip_run(bytes, range.start);
        loop {
            let end = match self.opening(bytes, start) {
                Some(open) => self.cut_quoted(text, open, range.end, cells),
                None => self.cut_bare(text, start, range.end, cells),
            };
            if end >= range.end {
                break;
            }
            start = self.skip_run(bytes, end + 1);
            if start == range.end && self.separator == Separator::Whitespace {
                break;
            }
        }
        cells.spans.len() - before
    }

    /// Skips what belongs to the same run of blanks.
    fn skip_run(&self, bytes: &[u8], start: usize) -> usize {
        match self.separator {
            Separator::Byte(_) => start,
            Separator::Whitespace => {
                let run = bytes[start..].iter().take_while(|byte| self.separates(**byte));
                start + run.count()
            }
        }
    }

    /// Adds the cell that begins at `start` and returns its end.
    fn cut_bare(&self, text: &str, start: usize, end: usize, cells: &mut CellBuffer) -> usize {
        let bytes = &text.as_bytes()[..end];
        let stop = self.bare_end(bytes, start);
        let mut span = (start, stop);
        if self.blanks == CellBlanks::All {
            span = self.trim(bytes, span);
        }
        if self.backslash && memchr::memchr(b'\\', &bytes[span.0..span.1]).is_some() {
            let own = text.len() + cells.unescaped.len();
            self.unescape(text, span, &mut cells.unescaped);
            span = (own, text.len() + cells.unescaped.len());
        }
        cells.spans.push(span);
        stop
    }

    /// The end of a cell, or of what is behind its closing quote.
    fn bare_end(&self, bytes: &[u8], start: usize) -> usize {
        let mut place = start;
        while let Some(byte) = bytes.get(place) {
            if self.separates(*byte) {
                return place;
            }
            place += if self.backslash && *byte == b'\\' { 2 } else { 1 };
        }
        bytes.len()
    }

    fn trim(&self, bytes: &[u8], (start, end): Span) -> Span {
        let cell = &bytes[start..end];
        let leading = cell.iter().take_while(|byte| self.is_blank(**byte)).count();
        let trailing =
            cell[leading..].iter().rev().take_while(|byte| self.is_blank(**byte)).count();
        (start + leading, end - trailing)
    }

    /// Appends a text without the backslashes that escape something.
    fn unescape(&self, text: &str, (start, end): Span, out: &mut String) {
        let (bytes, mut from) = (text.as_bytes(), start);
        let mut place = start;
        while let Some(found) = memchr::memchr(b'\\', &bytes[place..end]) {
            place += found;
            let escaped = place + 1 < end && self.escapes(bytes[place + 1]);
            if escaped {
                out.push_str(&text[from..place]);
                from = place + 1;
            }
            place = (place + 1 + usize::from(escaped)).min(end);
        }
        out.push_str(&text[from..end]);
    }

    /// Adds the cell whose opening quote precedes `start` and returns its end. Text behind the closing quote belongs to
    /// the cell.
    fn cut_quoted(&self, text: &str, start: usize, end: usize, cells: &mut CellBuffer) -> usize {
        let bytes = &text.as_bytes()[..end];
        let quote = self.quote.unwrap_or(b'"');
        let base = text.len();
        let own = base + cells.unescaped.len();
        let (mut from, mut changed) = (start, false);
        // The parts between doubled quotes, which are unescaped by themselves.
        let close = loop {
            let close = self.closing(bytes, from, quote);
            if bytes.get(close + 1) != Some(&quote) {
                break close;
            }
            changed = true;
            self.push(text, (from, close + 1), &mut cells.unescaped);
            from = close + 2;
        };
        let after = (close + 1).min(end);
        let stop = self.bare_end(bytes, after);
        let mut behind = (after, stop);
        if self.blanks != CellBlanks::Keep {
            let (first, last) = self.trim(bytes, behind);
            if first == last {
                behind = (stop, stop);
            }
        }
        let escaped = self.backslash && memchr::memchr(b'\\', &bytes[from..stop]).is_some();
        if !changed && !escaped && behind.0 == behind.1 {
            cells.spans.push((start, close));
            return stop;
        }
        self.push(text, (from, close), &mut cells.unescaped);
        self.push(text, behind, &mut cells.unescaped);
        cells.behind_quotes += usize::from(behind.0 < behind.1);
        cells.spans.push((own, base + cells.unescaped.len()));
        stop
    }

    fn push(&self, text: &str, span: Span, out: &mut String) {
        if self.backslash {
            self.unescape(text, span, out);
        } else {
            out.push_str(&text[span.0..span.1]);
        }
    }

    /// The place of the first quote from `start` on that no backslash precedes, or the end.
    fn closing(&self, bytes: &[u8], start: usize, quote: u8) -> usize {
        let mut place = start;
        while let Some(byte) = bytes.get(place) {
            if *byte == quote {
                return place;
            }
            place += if self.backslash && *byte == b'\\' { 2 } else { 1 };
        }
        bytes.len()
    }
}

#[cfg(test)]
pub(crate) mod tests;
