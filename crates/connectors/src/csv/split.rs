//! Splits records into cells and copies the cells into columns of text.
//!
//! A cell is a pair of positions; its text is copied once, into the column. Only a cell with escaped quotes needs a
//! separate buffer.

use polars::prelude::StringChunkedBuilder;

use crate::{
    dialect::CellBuffer,
    lines::Shape,
    records::{RawBatch, RecordSpan},
};

/// Cells that are split before they are copied; their positions fit into a core's L1 cache.
const TILE_CELLS: usize = 1 << 11;

/// Appends the cells of the records from `start` on to columns, tile by tile. Stops at the first record whose number
/// of cells differs from that of the columns, and returns its index and that number.
pub(super) fn append(
    raw: &RawBatch,
    start: usize,
    shape: Shape,
    columns: &mut [StringChunkedBuilder],
) -> Option<(usize, usize)> {
    let width = columns.len().max(1);
    let mut tile = Tile::new(shape, width);
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

/// The cells of a single record. Of a dialect that drops blank last cells, these are among them.
pub(super) fn cells(text: &str, shape: Shape) -> Vec<String> {
    let raw = RawBatch { text: text.to_owned(), ..RawBatch::default() };
    let span = RecordSpan::for_text(text);
    let mut tile = Tile::new(shape, usize::MAX);
    let count = tile.split(&raw, &span);
    (0..count).map(|cell| tile.text(&raw, cell).to_owned()).collect()
}

struct Tile {
    shape: Shape,
    /// Cells in a record.
    width: usize,
    buffer: CellBuffer,
}

impl Tile {
    fn new(shape: Shape, width: usize) -> Self {
        Self { shape, width, buffer: CellBuffer::default() }
    }

    fn clear(&mut self) {
        self.buffer.clear();
    }

    #[inline]
    fn text<'a>(&'a self, raw: &'a RawBatch, cell: usize) -> &'a str {
        self.buffer.text(&raw.text, cell)
    }

    /// Splits a record and returns the number of its cells.
    fn split(&mut self, raw: &RawBatch, span: &RecordSpan) -> usize {
        let before = self.buffer.spans.len();
        match self.shape {
            Shape::Lines => self.buffer.spans.push((span.start, span.end)),
            Shape::Quoted { separator } if span.quotes => self.split_quoted(raw, span, separator),
            Shape::Quoted { separator } => {
                let mut start = span.start;
                for border in memchr::memchr_iter(separator, raw.record(span).as_bytes()) {
                    let end = span.start + border;
                    self.buffer.spans.push((start, end));
                    start = end + 1;
                }
                self.buffer.spans.push((start, span.end));
            }
            Shape::Dialect(dialect) => {
                let count = dialect.cut(&raw.text, span.start..span.end, &mut self.buffer);
                let surplus = dialect.trailing && count.checked_sub(1) == Some(self.width);
                if surplus && self.text(raw, before + count - 1).trim().is_empty() {
                    self.buffer.spans.pop();
                }
            }
        }
        self.buffer.spans.len() - before
    }

    fn split_quoted(&mut self, raw: &RawBatch, span: &RecordSpan, separator: u8) {
        let bytes = &raw.text.as_bytes()[..span.end];
        let mut start = span.start;
        loop {
            let end = if bytes.get(start) == Some(&b'"') {
                self.unquote(raw, start + 1, span.end, separator)
            } else {
                let end = find(separator, bytes, start);
                self.buffer.spans.push((start, end));
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
    fn unquote(&mut self, raw: &RawBatch, start: usize, end: usize, separator: u8) -> usize {
        let bytes = &raw.text.as_bytes()[..end];
        let close = find(b'"', bytes, start);
        let after = close + 1;
        if after >= end || bytes[after] == separator {
            self.buffer.spans.push((start, close));
            return after;
        }
        let base = raw.text.len();
        let own = base + self.buffer.unescaped.len();
        let mut from = start;
        loop {
            let close = find(b'"', bytes, from);
            self.buffer.unescaped.push_str(&raw.text[from..close]);
            from = close + 1;
            if bytes.get(from) != Some(&b'"') {
                break;
            }
            self.buffer.unescaped.push('"');
            from += 1;
        }
        let from = from.min(end);
        let stop = find(separator, bytes, from);
        self.buffer.unescaped.push_str(&raw.text[from..stop]);
        self.buffer.spans.push((own, base + self.buffer.unescaped.len()));
        stop
    }
}

/// The position of a byte from `start` on, or the end.
fn find(byte: u8, bytes: &[u8], start: usize) -> usize {
    memchr::memchr(byte, &bytes[start..]).map_or(bytes.len(), |found| start + found)
}
