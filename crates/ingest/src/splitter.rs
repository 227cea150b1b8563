//! What divides the bytes of a connection into records.

use bytes::Bytes;

use crate::record::NewRecord;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The text of a record.
    Whole(Bytes),
    /// A text that is none, without its line end: of a long one, the beginning.
    Bad(Bytes, &'static str),
}

/// Divides what arrives part by part. As an iterator it has what is whole in the bytes so far.
pub trait Splitter: Iterator<Item = Piece> + Send + Sync + 'static {
    /// Adds what has arrived.
    fn push(&mut self, bytes: &[u8]);

    /// Behind the last byte: what is left.
    fn finish(&mut self) -> Option<Piece>;

    /// Bytes that wait for the rest of their record.
    fn waiting(&self) -> usize;

    /// A text as a record, if it can be one.
    fn check(text: Bytes) -> NewRecord {
        NewRecord::new(text)
    }

    /// A piece as a record.
    fn record(piece: Piece) -> NewRecord {
        match piece {
            Piece::Whole(text) => Self::check(text),
            Piece::Bad(text, reason) => NewRecord::refused(&text, reason),
        }
    }
}
