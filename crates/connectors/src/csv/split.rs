//! Records cut into cells, and cells into columns of text.
//!
//! Cells are told by their places; text is copied once, into the column. Only a cell that has quotes
//! inside its quotes needs a text of its own.

use polars::prelude::StringChunkedBuilder;

use crate::records::{Entry, Gathered};

/// Cells that are cut before they are copied: as many as stay in a core's first cache.
const TILE_CELLS: usize = 1 << 11;

/// Appends the cells of the records from `start` on to columns, tile by tile. Stops at the first record that
/// has another number of cells than there are columns, and gives its place and that number.
pub(super) fn append(
    gathered: &Gathered,
    start: usize,
    separator: u8,
    columns: &mut [StringChunkedBuilder],
) -> Option<(usize, usize)> {
    let width = columns.len().max(1);
    let mut tile = Tile::new(separator);
    let mut done = start;
    for records in gathered.records[start..].chunks((TILE_CELLS / width).max(1)) {
        tile.clear();
        let cut = records.iter().map(|entry| tile.cut(gathered, entry));
        let ragged = cut.enumerate().find(|(_, cells)| *cells != width);
        let whole = ragged.map_or(records.len(), |(place, _)| place);
        for (column, builder) in columns.iter_mut().enumerate() {
            for record in 0..whole {
                builder.append_value(tile.text(gathered, record * width + column));
            }
        }
        if let Some((place, cells)) = ragged {
            return Some((done + place, cells));
        }
        done += whole;
    }
    None
}

/// The cells of a record that stands alone.
pub(super) fn cells(text: &str, separator: u8) -> Vec<String> {
    let gathered = Gathered { text: text.to_owned(), ..Gathered::default() };
    let entry = Entry::of(text);
    let mut tile = Tile::new(separator);
    let count = tile.cut(&gathered, &entry);
    (0..count).map(|cell| tile.text(&gathered, cell).to_owned()).collect()
}

/// Where a cell's text is: in the records, or behind them in the tile's own texts.
type Span = (usize, usize);

struct Tile {
    separator: u8,
    /// Of all records, one behind the other.
    cells: Vec<Span>,
    /// Texts that do not stand in the file as they are.
    own: String,
}

impl Tile {
    fn new(separator: u8) -> Self {
        Self { separator, cells: Vec::new(), own: String::new() }
    }

    fn clear(&mut self) {
        self.cells.clear();
        self.own.clear();
    }

    #[inline]
    fn text<'a>(&'a self, gathered: &'a Gathered, cell: usize) -> &'a str {
        let (start, end) = self.cells[cell];
        match start.checked_sub(gathered.text.len()) {
            None => &gathered.text[start..end],
            Some(start) => &self.own[start..end - gathered.text.len()],
        }
    }

    /// Cuts a record and gives the number of its cells.
    fn cut(&mut self, gathered: &Gathered, entry: &Entry) -> usize {
        let before = self.cells.len();
        if entry.quotes {
            self.cut_quoted(gathered, entry);
        } else {
            let mut start = entry.start;
            for border in memchr::memchr_iter(self.separator, gathered.record(entry).as_bytes()) {
                let end = entry.start + border;
                self.cells.push((start, end));
                start = end + 1;
            }
            self.cells.push((start, entry.end));
        }
        self.cells.len() - before
    }

    fn cut_quoted(&mut self, gathered: &Gathered, entry: &Entry) {
        let bytes = &gathered.text.as_bytes()[..entry.end];
        let mut start = entry.start;
        loop {
            let end = if bytes.get(start) == Some(&b'"') {
                self.unquote(gathered, start + 1, entry.end)
            } else {
                let end = find(self.separator, bytes, start);
                self.cells.push((start, end));
                end
            };
            if end >= entry.end {
                return;
            }
            start = end + 1;
        }
    }

    /// Takes the cell whose opening quote stands before `start`; gives its end. Text behind the closing
    /// quote belongs to the cell.
    fn unquote(&mut self, gathered: &Gathered, start: usize, end: usize) -> usize {
        let bytes = &gathered.text.as_bytes()[..end];
        let close = find(b'"', bytes, start);
        let after = close + 1;
        if after >= end || bytes[after] == self.separator {
            self.cells.push((start, close));
            return after;
        }
        let base = gathered.text.len();
        let own = base + self.own.len();
        let mut from = start;
        loop {
            let close = find(b'"', bytes, from);
            self.own.push_str(&gathered.text[from..close]);
            from = close + 1;
            if bytes.get(from) != Some(&b'"') {
                break;
            }
            self.own.push('"');
            from += 1;
        }
        let from = from.min(end);
        let stop = find(self.separator, bytes, from);
        self.own.push_str(&gathered.text[from..stop]);
        self.cells.push((own, base + self.own.len()));
        stop
    }
}

/// The place of a byte from `start` on, or the end.
fn find(byte: u8, bytes: &[u8], start: usize) -> usize {
    memchr::memchr(byte, &bytes[start..]).map_or(bytes.len(), |found| start + found)
}
