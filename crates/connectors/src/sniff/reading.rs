//! A prefix of a file cut by one dialect.

use crate::dialect::{CellBlanks, CellBuffer, Dialect, Span};

/// Line ends within a record that does not end from which on its quote counts as unclosed.
const UNCLOSED_LINES: usize = 200;
/// Cells that begin with a quote and do not end with one from which on quotes may be text.
const MIN_OPEN: usize = 3;

/// The records of a prefix.
#[derive(Debug)]
pub(crate) struct Reading {
    pub dialect: Dialect,
    pub records: Vec<ReadRecord>,
    text: String,
    cells: Vec<Span>,
    /// The cells of a record, before they are copied.
    buffer: CellBuffer,
    behind_quotes: usize,
    /// Records that are not text or have an unclosed quote.
    pub bad: usize,
    /// Cells that begin with a blank in front of a quote which does not count for that.
    pub blank_quotes: usize,
    /// Lines in the prefix that were read.
    pub lines: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadRecord {
    /// The line on which it starts, from 1.
    pub line: usize,
    first: usize,
    pub width: usize,
    /// Whether it begins with `#`.
    pub hash: bool,
}

impl Reading {
    /// Cuts at most `limit` records. `complete`: the prefix is the whole file; otherwise its last record is left out, as it
    /// may be cut off.
    pub fn new(prefix: &[u8], complete: bool, dialect: Dialect, limit: usize) -> Self {
        let mut reading = Self {
            dialect,
            records: Vec::new(),
            text: String::new(),
            cells: Vec::new(),
            buffer: CellBuffer::default(),
            behind_quotes: 0,
            bad: 0,
            blank_quotes: 0,
            lines: 0,
        };
        let mut place = 0;
        while place < prefix.len() && reading.records.len() < limit {
            let rest = &prefix[place..];
            let line = reading.lines + 1;
            let (mut record, next) = match dialect.record_end(rest) {
                Some((end, lines)) => {
                    reading.lines += usize::try_from(lines).unwrap_or(usize::MAX);
                    (&rest[..end], end + 1)
                }
                None if complete && dialect.is_closed(rest) => {
                    reading.lines += memchr::memchr_iter(dialect.line_end, rest).count() + 1;
                    (rest, rest.len())
                }
                None => {
                    let mut ends = memchr::memchr_iter(dialect.line_end, rest);
                    let first = ends.next();
                    if complete || ends.count() > UNCLOSED_LINES {
                        reading.bad += 1;
                    }
                    // The reader rejects the line and goes on behind it.
                    let (true, Some(first)) = (complete, first) else { break };
                    place += first + 1;
                    reading.lines += 1;
                    continue;
                }
            };
            place += next;
            if dialect.line_end == b'\n' && record.last() == Some(&b'\r') {
                record = &record[..record.len() - 1];
            }
            if !record.trim_ascii().is_empty() && !dialect.is_comment(record) {
                reading.add(record, line);
            }
        }
        reading
    }

    fn add(&mut self, record: &[u8], line: usize) {
        let text = String::from_utf8_lossy(record);
        self.bad += usize::from(matches!(text, std::borrow::Cow::Owned(_)));
        let first = self.cells.len();
        // Cells that differ from the text are placed behind it, so each record is cut from a text of its own.
        let cells = &mut self.buffer;
        cells.clear();
        let width = self.dialect.cut(&text, 0..text.len(), cells);
        let cells = &self.buffer;
        let blank = |byte: u8| matches!(byte, b' ' | b'\t');
        for cell in 0..width {
            let start = cells.spans[cell].0;
            let cell = cells.text(&text, cell);
            let trimmed = cell.trim_start_matches([' ', '\t']);
            let bare = text.as_bytes().get(start).copied().is_some_and(blank)
                && (start == 0 || Some(text.as_bytes()[start - 1]) != self.dialect.quote);
            let opens = bare && trimmed.as_bytes().first().copied() == self.dialect.quote;
            let counts = self.dialect.blanks == CellBlanks::Keep && self.dialect.quote.is_some();
            self.blank_quotes += usize::from(counts && opens);
            let from = self.text.len();
            self.text.push_str(cell);
            self.cells.push((from, self.text.len()));
        }
        self.behind_quotes += cells.behind_quotes;
        self.records.push(ReadRecord { line, first, width, hash: record.starts_with(b"#") });
    }

    /// The cells of a record.
    pub fn cells(&self, record: usize) -> impl DoubleEndedIterator<Item = &str> {
        let ReadRecord { first, width, .. } = self.records[record];
        self.cells[first..first + width].iter().map(|(start, end)| &self.text[*start..*end])
    }

    pub fn cell(&self, record: usize, column: usize) -> Option<&str> {
        let ReadRecord { first, width, .. } = self.records[record];
        let (start, end) = self.cells[first..first + width].get(column)?;
        Some(&self.text[*start..*end])
    }

    /// Whether the last cell of a record is blank.
    pub fn ends_blank(&self, record: usize) -> bool {
        self.cells(record).next_back().is_none_or(|cell| cell.trim().is_empty())
    }

    /// Whether a quote at the start of a cell is rarely closed at its end, so that quotes are text. One that is not closed
    /// is damage.
    pub fn has_open_quotes(&self) -> bool {
        let quoted =
            self.cells.iter().filter_map(|(start, end)| self.text[*start..*end].strip_prefix('"'));
        let (closed, open): (Vec<&str>, Vec<&str>) = quoted.partition(|rest| rest.ends_with('"'));
        open.len() >= MIN_OPEN && open.len() > closed.len()
    }

    /// The share of cells with text behind their closing quote.
    pub fn behind_quotes(&self) -> f64 {
        ratio(self.behind_quotes, self.cells.len())
    }

    /// Whether all records have the same number of cells, at least `least`, and none is bad.
    pub fn is_clean(&self, least: usize) -> bool {
        let width = self.records.first().map_or(0, |record| record.width);
        self.bad == 0
            && self.blank_quotes == 0
            && width >= least
            && self.records.iter().all(|record| record.width == width)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a prefix")]
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
