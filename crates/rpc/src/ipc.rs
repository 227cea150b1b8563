//! Checks the lengths in a stream of Arrow messages against its bytes, since the reader allocates memory by these lengths.
//!
//! Tables are flat and not compressed: no nested columns, no dictionaries, no views. Messages can be compressed instead.

use std::error::Error;

use polars_arrow::io::ipc::format::ipc::{
    FieldRef, KeyValueRef, MessageHeaderRef, MessageRef, RecordBatchRef, SchemaRef, TypeRef,
    planus::{self, ReadAsRoot, Vector},
};

/// The result of a check; the error is for people.
type CheckResult<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Each column needs memory, even an empty one.
const MAX_COLUMNS: usize = 1 << 16;
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Checks a whole stream.
///
/// # Errors
/// With the first problem.
pub(crate) fn check(stream: &[u8]) -> CheckResult {
    let mut rest = stream;
    let first = message(&mut rest)?.ok_or("they are empty")?;
    match header(first)?.0 {
        MessageHeaderRef::Schema(header) => schema(&header, first.len())?,
        _ => return Err("the first message is not a schema".into()),
    }
    while let Some(next) = message(&mut rest)? {
        let (header, body) = header(next)?;
        let body = take(&mut rest, body)?;
        match header {
            MessageHeaderRef::RecordBatch(header) => batch(&header, body.len())?,
            _ => return Err("a message is not a batch of rows".into()),
        }
    }
    Ok(())
}

/// The next message without its body; none at the stream's end.
fn message<'a>(rest: &mut &'a [u8]) -> CheckResult<Option<&'a [u8]>> {
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

fn take<'a>(rest: &mut &'a [u8], length: usize) -> CheckResult<&'a [u8]> {
    let (taken, left) = rest
        .split_at_checked(length)
        .ok_or_else(|| format!("{length} bytes are announced, but there are {}", rest.len()))?;
    *rest = left;
    Ok(taken)
}

/// The header of a message, and the length of its body.
fn header(message: &[u8]) -> CheckResult<(MessageHeaderRef<'_>, usize)> {
    let message = MessageRef::read_as_root(message)?;
    let body = usize::try_from(message.body_length()?)?;
    Ok((message.header()?.ok_or("a message has no header")?, body))
}

/// Offsets in a message may refer to the same place many times, so texts are counted each time.
fn schema(schema: &SchemaRef<'_>, length: usize) -> CheckResult {
    let fields = schema.fields()?.ok_or("the schema has no fields")?;
    if fields.len() > MAX_COLUMNS {
        return Err(format!("{} columns are more than {MAX_COLUMNS}", fields.len()).into());
    }
    let mut texts = metadata_length(schema.custom_metadata()?)?;
    for field in fields {
        texts = texts.saturating_add(column(&field?)?);
        if texts > length {
            return Err("the names in the schema are longer than the schema".into());
        }
    }
    Ok(())
}

/// The length of the texts of a column.
fn column(field: &FieldRef<'_>) -> CheckResult<usize> {
    let name = field.name()?.ok_or("a column has no name")?;
    let refused = |kind: &str| -> CheckResult<usize> {
        Err(format!("the column {name:.100} is {kind}").into())
    };
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
    Ok(name.len().saturating_add(zone).saturating_add(metadata_length(field.custom_metadata()?)?))
}

/// The length of the keys and values of metadata.
fn metadata_length<'a>(
    pairs: Option<Vector<'a, planus::Result<KeyValueRef<'a>>>>,
) -> CheckResult<usize> {
    let mut length = 0_usize;
    for pair in pairs.into_iter().flatten() {
        let pair = pair?;
        let texts = [pair.key()?, pair.value()?];
        length =
            texts.into_iter().flatten().fold(length, |sum, text| sum.saturating_add(text.len()));
    }
    Ok(length)
}

/// Buffers are within the body and do not overlap, so that no more memory is allocated than was sent. A row has at least
/// one bit.
fn batch(batch: &RecordBatchRef<'_>, body: usize) -> CheckResult {
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
