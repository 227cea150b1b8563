//! Batches in a temporary file, as Arrow IPC streams one behind the other.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Cursor, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use anomal_core::{Batch, Code, Error, ROW, Result};
use polars::prelude::{Column, CompatLevel, DataFrame, SerReader, SerWriter};
use polars_io::ipc::{IpcCompression, IpcStreamReader, IpcStreamWriter};

const BUFFER_BYTES: usize = 1 << 20;

/// Being written.
pub(super) struct SpillFile {
    file: BufWriter<File>,
    folder: PathBuf,
}

impl SpillFile {
    /// # Errors
    /// `Output` if there can be none in `folder`.
    pub fn create(folder: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder).map_err(|error| failed(folder, &error))?;
        Ok(Self { file: BufWriter::with_capacity(BUFFER_BYTES, file), folder: folder.to_owned() })
    }

    /// # Errors
    /// `Output`, such as for a full disk.
    pub fn write(&mut self, batch: Batch) -> Result<()> {
        let offsets = Column::new(ROW.into(), batch.offsets());
        let mut raw = batch.raw;
        raw.insert_column(0, offsets)?;
        // Text is worth compressing; numbers are not.
        let raw = (raw, Some(IpcCompression::LZ4));
        for (mut part, compression) in [raw, (batch.typed, None), (batch.features, None)] {
            let mut bytes = Vec::new();
            // A part without columns has no bytes.
            if part.width() > 0 {
                IpcStreamWriter::new(&mut bytes)
                    .with_compat_level(CompatLevel::newest())
                    .with_compression(compression)
                    .finish(&mut part)?;
            }
            let length = (bytes.len() as u64).to_le_bytes();
            let written = self.file.write_all(&length).and_then(|()| self.file.write_all(&bytes));
            written.map_err(|error| failed(&self.folder, &error))?;
        }
        Ok(())
    }

    /// # Errors
    /// `Output` if what is buffered can't be written.
    pub fn into_batches(self) -> Result<SpilledBatches> {
        let folder = self.folder;
        let mut file = self.file.into_inner().map_err(|error| failed(&folder, error.error()))?;
        file.seek(SeekFrom::Start(0)).map_err(|error| failed(&folder, &error))?;
        Ok(SpilledBatches { file: BufReader::with_capacity(BUFFER_BYTES, file), folder })
    }
}

/// Reads the batches back in order.
pub(super) struct SpilledBatches {
    file: BufReader<File>,
    folder: PathBuf,
}

impl Iterator for SpilledBatches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        let raw = self.next_part()?;
        let mut part = || self.next_part().transpose().map(Option::unwrap_or_default);
        Some(raw.and_then(|mut raw| {
            let offsets = raw.drop_in_place(ROW)?;
            let offsets = offsets.u64()?.into_no_null_iter().collect();
            let mut batch = Batch::new(offsets, raw, part()?)?;
            batch.features = part()?;
            Ok(batch)
        }))
    }
}

impl SpilledBatches {
    fn next_part(&mut self) -> Option<Result<DataFrame>> {
        let mut length = [0; 8];
        match self.file.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return None,
            Err(error) => return Some(Err(failed(&self.folder, &error))),
        }
        let mut bytes = vec![0; usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX)];
        if let Err(error) = self.file.read_exact(&mut bytes) {
            return Some(Err(failed(&self.folder, &error)));
        }
        if bytes.is_empty() {
            return Some(Ok(DataFrame::default()));
        }
        Some(IpcStreamReader::new(Cursor::new(bytes)).finish().map_err(Error::from))
    }
}

fn failed(folder: &Path, error: &io::Error) -> Error {
    Error::new(
        Code::Output,
        "SPOOL_FAILED",
        format!(
            "cannot spill rows to a temporary file in {}: {error}; free some space there, or set TMPDIR to a folder \
             with more space",
            folder.display()
        ),
    )
}
