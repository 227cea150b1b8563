//! Finds out from the first bytes of a file what it is: the kind of file and, for text in records, the dialect.
//!
//! Pure functions over a prefix, without input or output, so that they can be fuzzed and so that the same bytes give the
//! same findings from a file, a pipe or an archive.

pub(crate) mod dialect;
mod header;
mod kind;
pub(crate) mod log;
mod notes;
mod reading;
mod score;

pub(crate) use kind::FileKind;
