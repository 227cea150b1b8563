//! From a table to chunks, each made when it is asked for.

use anomal_core::{Error, Result, Table};
use bytes::{BufMut, Bytes, BytesMut};
use polars::prelude::{CompatLevel, DataFrame, DataType, PolarsResult};
use polars_arrow::io::ipc::{
    IpcField,
    write::{
        EncodedData, WriteOptions,
        common_sync::{write_continuation, write_message},
        encode_record_batch, schema_to_bytes,
    },
};

use super::CHUNK_BYTES;

/// What a batch of numbers has at most.
const BATCH_BYTES: usize = 4 << 20;

/// The chunks of a table: the schema, batches of a fixed number of rows, the end of the stream. The bytes
/// depend on the cells alone, not on the pieces that the columns are in. A clone that is taken before the
/// first chunk starts from the beginning and shares the cells.
#[derive(Clone, Debug)]
pub struct Chunks {
    frame: DataFrame,
    /// Rows of a batch.
    step: usize,
    /// The first row that is not encoded.
    row: usize,
    next: Next,
    buffer: BytesMut,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Schema,
    Rows,
    End,
    Nothing,
}

/// The chunks of a table, with the row numbers as its first column. Strings are `LargeUtf8`, which every
/// Arrow library reads.
///
/// # Errors
/// `Internal` if a column has the row numbers' name or is of a type that does not travel.
pub fn chunks(table: Table) -> Result<Chunks> {
    let frame = table.into_frame()?;
    if let Some(column) = frame.columns().iter().find(|column| !travels(column.dtype())) {
        let (name, kind) = (column.name(), column.dtype());
        return Err(Error::internal(format!("column {name} is of type {kind}, which does not travel")));
    }
    let step = (BATCH_BYTES / (8 * frame.width())).clamp(1 << 10, 1 << 16);
    Ok(Chunks { frame, step, row: 0, next: Next::Schema, buffer: BytesMut::new() })
}

/// The types that [`super::Assembler`] takes.
fn travels(kind: &DataType) -> bool {
    use DataType as T;
    matches!(
        kind,
        T::Boolean
            | T::Int32
            | T::Int64
            | T::UInt32
            | T::UInt64
            | T::Float32
            | T::Float64
            | T::String
            | T::Date
            | T::Datetime(_, None)
    )
}

impl Chunks {
    fn encode_next(&mut self) -> PolarsResult<()> {
        match self.next {
            Next::Schema => {
                self.schema()?;
                self.next = if self.frame.height() == 0 { Next::End } else { Next::Rows };
            }
            Next::Rows => {
                self.rows()?;
                if self.row >= self.frame.height() {
                    self.next = Next::End;
                }
            }
            Next::End => {
                write_continuation(&mut (&mut self.buffer).writer(), 0)?;
                self.next = Next::Nothing;
            }
            Next::Nothing => {}
        }
        Ok(())
    }

    fn schema(&mut self) -> PolarsResult<()> {
        let schema = self.frame.schema().to_arrow(CompatLevel::oldest());
        let fields = vec![IpcField::default(); schema.len()];
        let ipc_message = schema_to_bytes(&schema, &fields, None);
        let message = EncodedData { ipc_message, arrow_data: Vec::new() };
        write_message(&mut (&mut self.buffer).writer(), &message)?;
        Ok(())
    }

    fn rows(&mut self) -> PolarsResult<()> {
        let offset = i64::try_from(self.row).unwrap_or(i64::MAX);
        let mut rows = self.frame.slice(offset, self.step);
        rows.rechunk_mut();
        self.row += self.step;
        for batch in rows.iter_chunks(CompatLevel::oldest(), false) {
            let mut message = EncodedData::default();
            encode_record_batch(&batch, &WriteOptions { compression: None }, &mut message);
            write_message(&mut (&mut self.buffer).writer(), &message)?;
        }
        Ok(())
    }
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        while self.buffer.len() < CHUNK_BYTES && !matches!(self.next, Next::Nothing) {
            if let Err(error) = self.encode_next() {
                // The stream's end is not written, so whoever reads it knows that it is not whole.
                tracing::error!("a table can't be encoded: {error}");
                return None;
            }
        }
        let length = self.buffer.len().min(CHUNK_BYTES);
        (length > 0).then(|| self.buffer.split_to(length).freeze())
    }
}
