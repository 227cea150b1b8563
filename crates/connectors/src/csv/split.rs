//! Splits CSV records into cells.

use crate::{
    dialect::CellBuffer,
    lines::Shape,
    records::{RawBatch, RecordSpan},
    tabular::Cutter,
};

/// The cells of a single record. Of a dialect that drops blank last cells, these are among them.
pub(super) fn cells(text: &str, shape: Shape) -> Vec<String> {
    let raw = RawBatch { text: text.to_owned(), ..RawBatch::default() };
    let span = RecordSpan::for_text(text);
    let cutter = CsvCutter { shape, width: usize::MAX };
    let mut buffer = CellBuffer::default();
    let count = cutter.split(&raw, &span, &mut buffer);
    (0..count).map(|cell| buffer.text(&raw.text, cell).to_owned()).collect()
}

pub(super) struct CsvCutter {
    pub shape: Shape,
    /// Cells in a record.
    pub width: usize,
}

impl Cutter for CsvCutter {
    /// The number of cells.
    type Bad = usize;
    const ABSENT: bool = false;

    #[inline]
    fn cut(
        &mut self,
        raw: &RawBatch,
        span: &RecordSpan,
        cells: &mut CellBuffer,
    ) -> Result<(), usize> {
        let count = self.split(raw, span, cells);
        if count == self.width { Ok(()) } else { Err(count) }
    }

    fn describe(&mut self, _: &str, found: usize) -> String {
        format!("the record has {found} cells, and the header has {}", self.width)
    }
}

impl CsvCutter {
    /// Splits a record and returns the number of its cells.
    fn split(&self, raw: &RawBatch, span: &RecordSpan, buffer: &mut CellBuffer) -> usize {
        let before = buffer.spans.len();
        match self.shape {
            Shape::Lines => buffer.spans.push((span.start, span.end)),
            Shape::Quoted { separator } if span.quotes => {
                split_quoted(raw, span, separator, buffer);
            }
            Shape::Quoted { separator } => {
                let mut start = span.start;
                for border in memchr::memchr_iter(separator, raw.record(span).as_bytes()) {
                    let end = span.start + border;
                    buffer.spans.push((start, end));
                    start = end + 1;
                }
                buffer.spans.push((start, span.end));
            }
            Shape::Dialect(dialect) => {
                let count = dialect.cut(&raw.text, span.start..span.end, buffer);
                let surplus = dialect.trailing && count.checked_sub(1) == Some(self.width);
                if surplus && buffer.text(&raw.text, before + count - 1).trim().is_empty() {
                    buffer.spans.pop();
                }
            }
        }
        buffer.spans.len() - before
    }
}

fn split_quoted(raw: &RawBatch, span: &RecordSpan, separator: u8, buffer: &mut CellBuffer) {
    let bytes = &raw.text.as_bytes()[..span.end];
    let mut start = span.start;
    loop {
        let end = if bytes.get(start) == Some(&b'"') {
            unquote(raw, start + 1, span.end, separator, buffer)
        } else {
            let end = find(separator, bytes, start);
            buffer.spans.push((start, end));
            end
        };
        if end >= span.end {
            return;
        }
        start = end + 1;
    }
}

/// Adds the cell whose opening quote precedes `start` and returns its end. Text behind the closing quote belongs to the
/// cell.
fn unquote(
    raw: &RawBatch,
    start: usize,
    end: usize,
    separator: u8,
    buffer: &mut CellBuffer,
) -> usize {
    let bytes = &raw.text.as_bytes()[..end];
    let close = find(b'"', bytes, start);
    let after = close + 1;
    if after >= end || bytes[after] == separator {
        buffer.spans.push((start, close));
        return after;
    }
    let base = raw.text.len();
    let own = base + buffer.unescaped.len();
    let mut from = start;
    loop {
        let close = find(b'"', bytes, from);
        buffer.unescaped.push_str(&raw.text[from..close]);
        from = close + 1;
        if bytes.get(from) != Some(&b'"') {
            break;
        }
        buffer.unescaped.push('"');
        from += 1;
    }
    let from = from.min(end);
    let stop = find(separator, bytes, from);
    buffer.unescaped.push_str(&raw.text[from..stop]);
    buffer.spans.push((own, base + buffer.unescaped.len()));
    stop
}

/// The position of a byte from `start` on, or the end.
fn find(byte: u8, bytes: &[u8], start: usize) -> usize {
    memchr::memchr(byte, &bytes[start..]).map_or(bytes.len(), |found| start + found)
}
