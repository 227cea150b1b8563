//! Buffers the documents of pages until they are returned in batches.

use std::collections::VecDeque;

use polars::prelude::DataFrame;

use super::page::{Page, Row};

/// Consecutive documents of one index.
pub(super) struct Piece {
    /// The index's position in the snapshot.
    pub part: usize,
    /// All documents.
    pub rows: Vec<Row>,
    /// Bytes of the values as text.
    pub bytes: usize,
    /// The columns of the readable documents.
    pub frame: DataFrame,
}

/// Documents in order, in pieces.
#[derive(Default)]
pub(super) struct RowBuffer(VecDeque<Piece>);

impl RowBuffer {
    pub fn put(&mut self, part: usize, page: Page) {
        if !page.rows.is_empty() {
            let bytes = page.rows.iter().map(|row| row.bytes).sum();
            self.0.push_back(Piece { part, rows: page.rows, bytes, frame: page.frame });
        }
    }

    /// Removes the next documents: at most `rows` (at least 1), and none after the one that takes them over `bytes`. The
    /// bounds of batches do not depend on the bounds of pages.
    pub fn take(&mut self, rows: usize, bytes: usize) -> Option<Piece> {
        let first = self.0.front_mut()?;
        let (mut taken, mut size) = (0, 0);
        while taken < first.rows.len().min(rows) && size < bytes {
            size += first.rows[taken].bytes;
            taken += 1;
        }
        if taken == first.rows.len() {
            return self.0.pop_front();
        }
        let rest = first.rows.split_off(taken);
        let rows = std::mem::replace(&mut first.rows, rest);
        let good = rows.iter().filter(|row| row.bad.is_none()).count();
        let frame = first.frame.head(Some(good));
        first.frame = first.frame.tail(Some(first.frame.height() - good));
        first.bytes -= size;
        Some(Piece { part: first.part, rows, bytes: size, frame })
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::{super::page::BadDocument, *};

    /// Documents with these numbers of bytes; those with 0 are bad.
    fn page(bytes: &[usize]) -> Page {
        let bad = || BadDocument {
            id: String::new(),
            column: None,
            reason: String::new(),
            raw: String::new(),
        };
        let row =
            |bytes: &usize| Row { bytes: *bytes, bad: (*bytes == 0).then(|| Box::new(bad())) };
        let good: Vec<u64> = bytes.iter().filter(|bytes| **bytes > 0).map(|b| *b as u64).collect();
        Page {
            rows: bytes.iter().map(row).collect(),
            frame: df!("bytes" => good).unwrap(),
            end: None,
            hits: bytes.len(),
            bytes: 0,
            unclear: Vec::new(),
        }
    }

    #[test]
    fn pieces_end_where_they_are_full() {
        let mut buffer = RowBuffer::default();
        buffer.put(0, page(&[1, 0, 2, 3]));
        buffer.put(1, page(&[]));
        buffer.put(2, page(&[9, 0]));
        let mut found = Vec::new();
        for (rows, bytes) in [(2, 99), (9, 2), (9, 99), (9, 99), (9, 99)] {
            let piece = buffer.take(rows, bytes);
            found.push(piece.map(|p| (p.part, p.rows.len(), p.bytes, p.frame.height())));
        }
        let expected =
            [Some((0, 2, 1, 1)), Some((0, 1, 2, 1)), Some((0, 1, 3, 1)), Some((2, 2, 9, 1)), None];
        assert_eq!(found, expected);
    }
}
