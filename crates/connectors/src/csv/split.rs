//! Splits records into cells and copies the cells into columns of text.
//!
//! A cell is a pair of positions; its text is copied once, into the column. Only a cell with escaped quotes needs a
//! separate buffer.

use polars::prelude::StringChunkedBuilder;

use crate::records::{RawBatch, RecordSpan};

/// Cells that are split before they are copied; their positions fit into a core's L1 cache.
const TILE_CELLS: usize = 1 << 11;

/// Appends the cells of the records from `start` on to columns, tile by tile. Stops at the first record whose number
/// of cells differs from that of the columns, and returns its index and that number.
pub(super) fn append(
    raw: &RawBatch,
    start: usize,
    separator: u8,
    columns: &mut [StringChunkedBuilder],
) -> Option<(usize, usize)> {
    let width = columns.len().max(1);
    let mut tile = Tile::new(separator);
    let mut done = start;
    for records in raw.records[start..].chunks((TILE_CELLS / width).max(1)) {
        tile.clear();
        let counts = records.iter().map(|span| tile.split(raw, span));
        let ragged = counts.enumerate().find(|(_, cells)| *cells != width);
        let whole = ragged.map_or(records.len(), |(place, _)| place);
        for (column, builder) in columns.iter_mut().enumerate() {
            for record in 0..whole {
                builder.append_value(tile.text(raw, record * width + column));
            }
        }
        if let Some((place, cells)) = ragged {
            return Some((done + place, cells));
        }
        done += whole;
    }
    None
}

/// The cells of a single record.
pub(super) fn cells(text: &str, separator: u8) -> Vec<String> {
    let raw = RawBatch { text: text.to_owned(), ..RawBatch::default() };
    let span = RecordSpan::for_text(text);
    let mut tile = Tile::new(separator);
    let count = tile.split(&raw, &span);
    (0..count).map(|cell| tile.text(&raw, cell).to_owned()).collect()
}

/// The position of a cell's text: in the records, or, counted on from their end, in [`Tile::unescaped`].
type Span = (usize, usize);

struct Tile {
    separator: u8,
    /// The cells of all records, one after the other.
    cells: Vec<Span>,
    /// Texts that differ from the file's bytes, since quotes in them were escaped.
    unescaped: String,
}

impl Tile {
    fn new(separator: u8) -> Self {
        Self { separator, cells: Vec::new(), unescaped: String::new() }
    }

    fn clear(&mut self) {
        self.cells.clear();
        self.unescaped.clear();
    }

    #[inline]
    fn text<'a>(&'a self, raw: &'a RawBatch, cell: usize) -> &'a str {
        let (start, end) = self.cells[cell];
        match start.checked_sub(raw.text.len()) {
            None => &raw.text[start..end],
            Some(start) => &self.unescaped[start..end - raw.text.len()],
        }
    }

    /// Splits a record and returns the number of its cells.
    fn split(&mut self, raw: &RawBatch, span: &RecordSpan) -> usize {
        let before = self.cells.len();
        if span.quotes {
            self.split_quoted(raw, span);
        } else {
            let mut start = span.start;
            for border in memchr::memchr_iter(self.separator, raw.record(span).as_bytes()) {
                let end = span.start + border;
                self.cells.push((start, end));
                start = end + 1;
            }
            self.cells.push((start, span.end));
        }
        self.cells.len() - before
    }

    fn split_quoted(&mut self, raw: &RawBatch, span: &RecordSpan) {
        let bytes = &raw.text.as_bytes()[..span.end];
        let mut start = span.start;
        loop {
            let end = if bytes.get(start) == Some(&b'"') {
                self.unquote(raw, start + 1, span.end)
            } else {
                let end = find(self.separator, bytes, start);
                self.cells.push((start, end));
                end
            };
            if end >= span.end {
                return;
            }
            start = end + 1;
        }
    }

    /// Adds the cell whose opening quote precedes `start` and returns its end. Text behind the closing quote belongs to
    /// the cell.
    fn unquote(&mut self, raw: &RawBatch, start: usize, end: usize) -> usize {
        let bytes = &raw.text.as_bytes()[..end];
        let close = find(b'"', bytes, start);
        let after = close + 1;
        if after >= end || bytes[after] == self.separator {
            self.cells.push((start, close));
            return after;
        }
        let base = raw.text.len();
        let own = base + self.unescaped.len();
        let mut from = start;
        loop {
            let close = find(b'"', bytes, from);
            self.unescaped.push_str(&raw.text[from..close]);
            from = close + 1;
            if bytes.get(from) != Some(&b'"') {
                break;
            }
            self.unescaped.push('"');
            from += 1;
        }
        let from = from.min(end);
        let stop = find(self.separator, bytes, from);
        self.unescaped.push_str(&raw.text[from..stop]);
        self.cells.push((own, base + self.unescaped.len()));
        stop
    }
}

/// The position of a byte from `start` on, or the end.
fn find(byte: u8, bytes: &[u8], start: usize) -> usize {
    memchr::memchr(byte, &bytes[start..]).map_or(bytes.len(), |found| start + found)
}
