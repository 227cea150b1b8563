//! A table as chunks of one Arrow IPC stream, and back.
//!
//! Chunks are cut anywhere, not at the borders of batches, so that no cell is too large for a message. Both
//! ways go batch by batch: a table is never held twice.

mod decode;
mod encode;
mod verify;

use bytes::Bytes;

pub use decode::{Assembler, Blob};
pub use encode::{Chunks, chunks};

/// The largest chunk.
const CHUNK_BYTES: usize = 1 << 20;

/// Bytes in pieces of at most 1 MiB.
pub fn pieces(bytes: Bytes) -> impl Iterator<Item = Bytes> + Send + 'static {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| rest.split_to(rest.len().min(CHUNK_BYTES)))
    })
}

#[cfg(test)]
mod tests;
