//! What a stream of Arrow messages says of its lengths, held against the bytes that are there. The reader of
//! such streams believes them, and allocates what they say.
//!
//! A table here is flat and not compressed: no nested columns, no dictionaries, no views. Whoever wants it
//! smaller on the wire compresses messages.

use std::error::Error;

use polars_arrow::io::ipc::format::ipc::{
    FieldRef, KeyValueRef, MessageHeaderRef, MessageRef, RecordBatchRef, SchemaRef, TypeRef,
    planus::{self, ReadAsRoot, Vector},
};

/// Why a stream is refused.
type Checked<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Each column costs memory, even one that says nothing.
const MOST_COLUMNS: usize = 1 << 16;
const CONTINUATION: [u8; 4] = [0xff; 4];

/// # Errors
/// What is wrong, for people.
pub(crate) fn check(stream: &[u8]) -> Checked {
    let mut rest = stream;
    let first = message(&mut rest)?.ok_or("they are empty")?;
    match header(first)?.0 {
        MessageHeaderRef::Schema(told) => schema(&told, first.len())?,
        _ => return Err("the first message is no schema".into()),
    }
    while let Some(next) = message(&mut rest)? {
        let (header, body) = header(next)?;
        let body = take(&mut rest, body)?;
        match header {
            MessageHeaderRef::RecordBatch(told) => batch(&told, body.len())?,
            _ => return Err("a message is no batch of rows".into()),
        }
    }
    Ok(())
}

/// The next message without its body; none at the stream's end.
fn message<'a>(rest: &mut &'a [u8]) -> Checked<Option<&'a [u8]>> {
    if rest.is_empty() {
        return Ok(None);
    }
    let mut length = [0; 4];
    length.copy_from_slice(take(rest, 4)?);
    if length == CONTINUATION {
        length.copy_from_slice(take(rest, 4)?);
    }
    match usize::try_from(i32::from_le_bytes(length))? {
        0 => Ok(None),
        length => take(rest, length).map(Some),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Checked<&'a [u8]> {
    let (taken, left) = rest
        .split_at_checked(length)
        .ok_or_else(|| format!("{length} bytes are announced and {} are there", rest.len()))?;
    *rest = left;
    Ok(taken)
}

/// What a message is, and how long its body.
fn header(message: &[u8]) -> Checked<(MessageHeaderRef<'_>, usize)> {
    let message = MessageRef::read_as_root(message)?;
    let body = usize::try_from(message.body_length()?)?;
    Ok((message.header()?.ok_or("a message has no header")?, body))
}

/// Offsets within a message may lead to the same place many times: texts are counted each time.
fn schema(schema: &SchemaRef<'_>, length: usize) -> Checked {
    let fields = schema.fields()?.ok_or("the schema has no fields")?;
    if fields.len() > MOST_COLUMNS {
        return Err(format!("{} columns are more than {MOST_COLUMNS}", fields.len()).into());
    }
    let mut texts = notes(schema.custom_metadata()?)?;
    for field in fields {
        texts = texts.saturating_add(column(&field?)?);
        if texts > length {
            return Err("the schema's names are longer than the schema".into());
        }
    }
    Ok(())
}

/// The length of a column's texts.
fn column(field: &FieldRef<'_>) -> Checked<usize> {
    let name = field.name()?.ok_or("a column has no name")?;
    let refused =
        |what: &str| -> Checked<usize> { Err(format!("the column {name:.100} is {what}").into()) };
    if field.children()?.is_some_and(|children| !children.is_empty()) {
        return refused("nested; tables are flat");
    }
    if field.dictionary()?.is_some() {
        return refused("a dictionary; send its values");
    }
    let zone = match field.type_()?.ok_or("a column has no type")? {
        TypeRef::Timestamp(timestamp) => timestamp.timezone()?.map_or(0, str::len),
        TypeRef::Utf8View(_) | TypeRef::BinaryView(_) => {
            return refused("of a view type; send LargeUtf8");
        }
        _ => 0,
    };
    Ok(name.len().saturating_add(zone).saturating_add(notes(field.custom_metadata()?)?))
}

/// The length of keys and values.
fn notes<'a>(pairs: Option<Vector<'a, planus::Result<KeyValueRef<'a>>>>) -> Checked<usize> {
    let mut length = 0_usize;
    for pair in pairs.into_iter().flatten() {
        let pair = pair?;
        let texts = [pair.key()?, pair.value()?];
        length =
            texts.into_iter().flatten().fold(length, |sum, text| sum.saturating_add(text.len()));
    }
    Ok(length)
}

/// Buffers lie within the body and do not overlap, so that no more is made than was sent; a row has a bit of
/// it at least.
fn batch(batch: &RecordBatchRef<'_>, body: usize) -> Checked {
    if batch.compression()?.is_some() {
        return Err("the columns are compressed; compress messages instead".into());
    }
    let most = body.saturating_mul(8);
    let rows =
        batch.nodes()?.ok_or("a batch has no columns")?.into_iter().map(|node| node.length());
    for rows in rows.chain([batch.length()?]) {
        if usize::try_from(rows)? > most {
            return Err(format!("{rows} rows can't be in {body} bytes").into());
        }
    }
    let mut total = 0_usize;
    for buffer in batch.buffers()?.ok_or("a batch has no buffers")? {
        let (offset, length) =
            (usize::try_from(buffer.offset())?, usize::try_from(buffer.length())?);
        total = total.saturating_add(length);
        if offset.saturating_add(length) > body || total > body {
            return Err(format!("a column of {length} bytes can't be in {body} bytes").into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
