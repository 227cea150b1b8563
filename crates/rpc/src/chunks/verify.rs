//! Whether an Arrow message may be read. The reader allocates what the bytes claim and panics on some that
//! lie; a server must survive any bytes, so that nothing gets to the reader unchecked.

use std::collections::HashSet;

use anomal_core::{Code, Error, Result};
use polars_arrow::io::ipc::format::ipc::{
    Endianness, FieldRef, MessageHeaderRef, MessageRef, Precision, RecordBatchRef, SchemaRef, TypeRef,
    planus::{self, ReadAsRoot},
};

/// A continuation marker and the length of what describes the message.
pub(super) const PREFIX: usize = 8;
/// Of what describes a message: many times what the widest table needs.
const MAX_DESCRIPTION: usize = 16 << 20;

/// What stands at the start of some bytes.
pub(super) enum Head {
    /// Too little to tell: this many bytes are needed.
    Short(usize),
    Message {
        /// Where the body starts.
        body: usize,
        /// Bytes of the whole message.
        total: usize,
    },
    End,
}

pub(super) fn bad(why: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidRequest, "TABLE_INVALID", format!("the chunks are no table: {why}"))
}

fn damaged(error: planus::Error) -> Error {
    bad(error)
}

/// Expects a message at the start of `bytes`.
///
/// # Errors
/// `InvalidRequest` if there is something else.
pub(super) fn head(bytes: &[u8]) -> Result<Head> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
        return Ok(Head::Short(PREFIX));
    };
    let [a, b, c, d, length @ ..] = *prefix;
    if [a, b, c, d] != [0xff; 4] {
        return Err(bad("an Arrow IPC stream is expected"));
    }
    let length = usize::try_from(i32::from_le_bytes(length)).map_err(|_| bad("a negative length"))?;
    if length == 0 {
        return Ok(Head::End);
    }
    if length > MAX_DESCRIPTION {
        return Err(bad(format!("a message is described by {length} bytes")));
    }
    let Some(description) = rest.get(..length) else {
        return Ok(Head::Short(PREFIX + length));
    };
    let message = MessageRef::read_as_root(description).map_err(damaged)?;
    let length_of_body = message.body_length().map_err(damaged)?;
    let length_of_body = usize::try_from(length_of_body).map_err(|_| bad("a negative length"))?;
    let body = PREFIX + length;
    Ok(Head::Message { body, total: body.saturating_add(length_of_body) })
}

/// What a message is, once it is safe to read.
pub(super) enum Kind {
    Schema,
    Batch,
}

/// Checks a whole message whose body starts at `body`.
///
/// # Errors
/// `InvalidRequest` if it is damaged or holds what tables here do not have.
pub(super) fn message(bytes: &[u8], body: usize) -> Result<Kind> {
    let description = bytes.get(PREFIX..body).ok_or_else(|| bad("a message is cut off"))?;
    let message = MessageRef::read_as_root(description).map_err(damaged)?;
    match message.header().map_err(damaged)?.ok_or_else(|| bad("a message without a header"))? {
        MessageHeaderRef::Schema(found) => schema(found).map(|()| Kind::Schema),
        MessageHeaderRef::RecordBatch(found) => batch(found, bytes.len() - body).map(|()| Kind::Batch),
        _ => Err(bad("it has messages other than a schema and record batches (dictionaries?)")),
    }
}

fn schema(schema: SchemaRef<'_>) -> Result<()> {
    if schema.endianness().map_err(damaged)? != Endianness::Little {
        return Err(bad("it is big-endian"));
    }
    let mut names = HashSet::new();
    let fields = schema.fields().map_err(damaged)?.ok_or_else(|| bad("no columns"))?;
    for field in fields {
        let field = field.map_err(damaged)?;
        let name = field.name().map_err(damaged)?.ok_or_else(|| bad("a column without a name"))?;
        if !names.insert(name) {
            return Err(bad(format!("two columns are called {name:?}")));
        }
        if !travels(field).map_err(damaged)? {
            return Err(bad(format!(
                "column {name:?} is of a type that is not taken; numbers of 32 or 64 bits, booleans, Utf8 or \
                 LargeUtf8, dates and timestamps without a zone are"
            )));
        }
    }
    Ok(())
}

fn travels(field: FieldRef<'_>) -> planus::Result<bool> {
    for entry in field.custom_metadata()?.into_iter().flatten() {
        if entry?.key()?.is_some_and(|key| key.starts_with("ARROW:extension")) {
            return Ok(false);
        }
    }
    let plain = field.dictionary()?.is_none() && field.children()?.is_none_or(|all| all.is_empty());
    let known = match field.type_()? {
        Some(TypeRef::Int(int)) => matches!(int.bit_width()?, 32 | 64),
        Some(TypeRef::FloatingPoint(float)) => float.precision()? != Precision::Half,
        Some(TypeRef::Timestamp(time)) => time.timezone()?.is_none(),
        Some(TypeRef::Utf8(_) | TypeRef::LargeUtf8(_) | TypeRef::Bool(_) | TypeRef::Date(_)) => true,
        _ => false,
    };
    Ok(plain && known)
}

/// All that the reader allocates follows from these lengths: together they must lie within the body.
fn batch(batch: RecordBatchRef<'_>, body: usize) -> Result<()> {
    if batch.compression().map_err(damaged)?.is_some() {
        return Err(bad("its batches are compressed; the calls can be (grpc-encoding)"));
    }
    let rows = batch.length().map_err(damaged)?;
    for node in batch.nodes().map_err(damaged)?.into_iter().flatten() {
        if node.length() != rows || node.null_count() < 0 || node.null_count() > rows {
            return Err(bad("a column is not as long as its batch"));
        }
    }
    let mut total = 0_usize;
    for buffer in batch.buffers().map_err(damaged)?.into_iter().flatten() {
        let (offset, length) = (usize::try_from(buffer.offset()), usize::try_from(buffer.length()));
        let (Ok(offset), Ok(length)) = (offset, length) else { return Err(bad("a negative length")) };
        total = total.saturating_add(length);
        if offset.saturating_add(length) > body || total > body {
            return Err(bad("a batch claims more bytes than it has"));
        }
    }
    Ok(())
}
