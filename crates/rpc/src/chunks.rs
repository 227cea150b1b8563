//! Tables as chunks of an Arrow IPC stream.

use std::{io::Cursor, panic::AssertUnwindSafe};

use anomal_core::{Code, Error, Result, Table};
use bytes::Bytes;
use polars::prelude::{CompatLevel, SerReader, SerWriter};
use polars_io::ipc::{IpcStreamReader, IpcStreamWriter};

use crate::ipc;

/// The size of a chunk. Chunks are cut anywhere, not at the borders of batches, so that no cell is too large for a message.
const CHUNK_BYTES: usize = 1 << 20;

/// The chunks of a table, with the row numbers as its first column. Strings are `LargeUtf8`, which every Arrow library
/// reads.
///
/// # Errors
/// `Internal` if a column has the name of the row numbers.
pub fn chunks(table: Table) -> Result<impl Iterator<Item = Bytes> + Send + 'static + use<>> {
    let mut frame = table.into_frame()?;
    let mut bytes = Vec::new();
    IpcStreamWriter::new(&mut bytes).with_compat_level(CompatLevel::oldest()).finish(&mut frame)?;
    drop(frame);
    Ok(pieces(bytes.into()))
}

/// Splits bytes into pieces of at most 1 MiB.
pub fn pieces(bytes: Bytes) -> impl Iterator<Item = Bytes> + Send + 'static {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| rest.split_to(rest.len().min(CHUNK_BYTES)))
    })
}

/// Assembles chunks, up to a limit in bytes.
#[derive(Debug)]
pub struct Assembler {
    bytes: Vec<u8>,
    limit: usize,
}

impl Assembler {
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    /// Adds a chunk.
    ///
    /// # Errors
    /// `ResourceExhausted` beyond the limit.
    pub fn push(&mut self, chunk: &[u8]) -> Result<()> {
        if self.bytes.len() + chunk.len() > self.limit {
            return Err(Error::new(
                Code::ResourceExhausted,
                "REQUEST_TOO_LARGE",
                format!(
                    "the table exceeds the limit of {} MiB per request; raise --max-request-bytes of the engine, or \
                     send fewer columns",
                    self.limit >> 20
                ),
            ));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Reads the table.
    ///
    /// # Errors
    /// `InvalidRequest` if the chunks are not a table.
    pub fn into_table(self) -> Result<Table> {
        let invalid = |cause: &str| {
            let message = format!("the chunks are not a table: {cause}");
            Error::new(Code::InvalidRequest, "TABLE_INVALID", message)
        };
        ipc::check(&self.bytes).map_err(|error| invalid(&error.to_string()))?;
        // The reader of Arrow streams trusts offsets in the bytes, and panics on some invalid ones.
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| {
            IpcStreamReader::new(Cursor::new(self.bytes)).finish().map(Table::from_frame)
        }));
        match read {
            Ok(Ok(Err(error))) if error.code == Code::Internal => Err(invalid(&error.message)),
            Ok(Ok(table)) => table,
            Ok(Err(error)) => Err(invalid(&error.to_string())),
            Err(_) => Err(invalid("they are damaged")),
        }
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;
    use proptest::prelude::*;

    use super::*;

    fn table(rows: &[(Option<String>, Option<f64>, Option<bool>)]) -> Table {
        let columns = df!(
            "text" => rows.iter().map(|row| row.0.clone()).collect::<Vec<_>>(),
            "number" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
            "truth" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
        );
        Table::new((0..rows.len() as u64).map(|row| row * 3).collect(), columns.unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn chunks_are_assembled(
            rows in prop::collection::vec((any::<Option<String>>(), any::<Option<f64>>(), any::<Option<bool>>()), 0..50),
            cut in 1_usize..200,
        ) {
            let table = table(&rows);
            let bytes: Vec<u8> = chunks(table.clone()).unwrap().flatten().collect();
            let mut assembler = Assembler::new(1 << 20);
            for chunk in bytes.chunks(cut) {
                assembler.push(chunk).unwrap();
            }
            let back = assembler.into_table().unwrap();
            prop_assert_eq!(back.rows(), table.rows());
            prop_assert!(back.columns().equals_missing(table.columns()));
        }

        #[test]
        fn no_bytes_cause_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), place in 0_usize..2000, flip in any::<u8>()) {
            let mut assembler = Assembler::new(1 << 20);
            assembler.push(&bytes).unwrap();
            prop_assert!(assembler.into_table().is_err());
            let mut good: Vec<u8> = chunks(table(&[(Some("a".into()), Some(1.0), None)])).unwrap().flatten().collect();
            let place = place % good.len();
            good[place] ^= flip;
            let mut assembler = Assembler::new(1 << 20);
            assembler.push(&good).unwrap();
            let _ = assembler.into_table();
        }
    }

    #[test]
    fn a_cell_may_be_larger_than_a_message() {
        let table = table(&[(Some("x".repeat(5 << 20)), None, Some(true))]);
        let pieces: Vec<Bytes> = chunks(table).unwrap().collect();
        assert!(pieces.len() >= 5 && pieces.iter().all(|piece| piece.len() <= CHUNK_BYTES));
        let mut assembler = Assembler::new(4 << 20);
        let refused = pieces.iter().try_for_each(|piece| assembler.push(piece)).unwrap_err();
        assert_eq!(refused.code, Code::ResourceExhausted);
    }
}
