//! From chunks to a table, batch by batch as they come.

use std::{io::Cursor, panic::AssertUnwindSafe};

use anomal_core::{Code, Error, Result, Table};
use bytes::{Bytes, BytesMut};
use polars::prelude::{DataFrame, PolarsResult, Schema};
use polars_arrow::io::ipc::read::{StreamMetadata, StreamReader, StreamState, read_stream_metadata};

use super::verify::{self, Head, Kind, bad};

/// Puts a table together from chunks that were cut anywhere, up to a number of bytes.
#[derive(Debug)]
pub struct Assembler {
    limit: usize,
    received: usize,
    /// What has come and is no whole message yet.
    buffer: BytesMut,
    /// Bytes that the buffer must have before it is worth a look.
    needed: usize,
    schema: Option<StreamMetadata>,
    frame: Option<DataFrame>,
    ended: bool,
}

impl Assembler {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            received: 0,
            buffer: BytesMut::new(),
            needed: verify::PREFIX,
            schema: None,
            frame: None,
            ended: false,
        }
    }

    /// # Errors
    /// `ResourceExhausted` with the figures beyond the bound; `InvalidRequest` for what is no Arrow stream
    /// of flat columns.
    pub fn push(&mut self, chunk: &[u8]) -> Result<()> {
        self.received = within(self.limit, self.received, chunk.len())?;
        if self.ended && !chunk.is_empty() {
            return Err(bad("there is more behind its end"));
        }
        self.buffer.extend_from_slice(chunk);
        while self.buffer.len() >= self.needed {
            match verify::head(&self.buffer)? {
                Head::Short(needed) => self.needed = needed,
                Head::Message { total, .. } if self.buffer.len() < total => {
                    self.needed = within(self.limit, 0, total)?;
                }
                Head::Message { body, total } => {
                    let message = self.buffer.split_to(total).freeze();
                    self.read(message, body)?;
                    self.needed = verify::PREFIX;
                }
                Head::End if self.buffer.len() > verify::PREFIX => {
                    return Err(bad("there is more behind its end"));
                }
                Head::End => {
                    self.buffer = BytesMut::new();
                    self.ended = true;
                    break;
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, message: Bytes, body: usize) -> Result<()> {
        match (verify::message(&message, body)?, &self.schema) {
            (Kind::Schema, Some(_)) => return Err(bad("it has two schemas")),
            (Kind::Schema, None) => {
                self.schema = Some(careful(|| read_stream_metadata(&mut &message[..]))?);
            }
            (Kind::Batch, None) => return Err(bad("rows come before the schema")),
            (Kind::Batch, Some(schema)) => {
                let batch = careful(|| {
                    match StreamReader::new(Cursor::new(message), schema.clone(), None).next() {
                        Some(Ok(StreamState::Some(batch))) => Ok(Some(DataFrame::from(batch))),
                        Some(Err(error)) => Err(error),
                        _ => Ok(None),
                    }
                })?;
                let batch = batch.ok_or_else(|| bad("a batch is cut off"))?;
                match &mut self.frame {
                    Some(frame) => _ = frame.vstack_mut(&batch)?,
                    None => self.frame = Some(batch),
                }
            }
        }
        Ok(())
    }

    /// The table, each column in one piece.
    ///
    /// # Errors
    /// `InvalidRequest` if the chunks are no whole table.
    pub fn into_table(self) -> Result<Table> {
        let schema = self.schema.filter(|_| self.ended).ok_or_else(|| bad("it is cut off"))?;
        let frame = self
            .frame
            .unwrap_or_else(|| DataFrame::empty_with_schema(&Schema::from_arrow_schema(&schema.schema)));
        let mut table = Table::from_frame(frame)?;
        table.rechunk();
        Ok(table)
    }
}

/// Puts bytes together from chunks, up to a number of them.
#[derive(Debug)]
pub struct Blob {
    bytes: Vec<u8>,
    limit: usize,
}

impl Blob {
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    /// # Errors
    /// `ResourceExhausted` with the figures beyond the bound.
    pub fn push(&mut self, chunk: &[u8]) -> Result<()> {
        within(self.limit, self.bytes.len(), chunk.len())?;
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The sum, if it is within the limit.
fn within(limit: usize, have: usize, more: usize) -> Result<usize> {
    let total = have.saturating_add(more);
    if total <= limit {
        return Ok(total);
    }
    Err(Error::new(
        Code::ResourceExhausted,
        "REQUEST_TOO_LARGE",
        format!(
            "a request may have {} MiB here and this one has at least {}; give the engine more \
             (--max-request-bytes), or send fewer columns",
            limit >> 20,
            total.div_ceil(1 << 20)
        ),
    ))
}

/// What is left of the reader's panics after the checks becomes an error: a peer's bytes must never take
/// the process with them.
fn careful<T>(read: impl FnOnce() -> PolarsResult<T>) -> Result<T> {
    match std::panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(done) => done.map_err(bad),
        Err(_) => Err(bad("it is damaged")),
    }
}
