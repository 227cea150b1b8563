//! Results of a stream as Parquet files, each whole.
//!
//! A Parquet file can't be appended to. So rows are kept in a file of their own, `….parquet.rows`, as Arrow IPC streams one
//! behind the other, each with its length before it; it is continued at a mark as text files are. Once a file is full, or its
//! time is over, it is written as Parquet, under its name when it is complete. The rows are removed when no checkpoint needs
//! them any more.

use std::{
    fs::{self, File},
    io::{BufReader, Cursor, ErrorKind, Read},
    path::{Path, PathBuf},
};

use anomal_core::{Error, Result};
use anomal_dataflow::Sink;
use anomal_spec::{ParquetOutput, Rotation};
use anomal_storage::Secrets;
use anomal_stream::{Cause, Flushed, StreamSink};
use polars::prelude::DataFrame;
use polars_io::{
    SerReader, SerWriter,
    ipc::{IpcStreamReader, IpcStreamWriter},
};

use super::StreamResults;
use crate::{
    append_file::AppendFile,
    atomic_file::write_error,
    parquet::ParquetSink,
    remote::Access,
    series::{Series, numbered},
    sink::{Projection, frame, typed_columns},
};

const ROWS: &str = ".rows";

pub(super) struct ParquetStream {
    output: ParquetOutput,
    projection: Projection,
    rows: AppendFile,
    /// The file of the last mark, of the one that is being saved, those of the newest two checkpoints, and the first that may
    /// still have its rows.
    marked: u64,
    saving: u64,
    saved: [u64; 2],
    oldest: u64,
}

impl ParquetStream {
    pub fn new(output: &ParquetOutput) -> Self {
        let rotation = output.rotate.as_deref().and_then(Rotation::parse);
        let rows = Series::new(PathBuf::from(&output.path), rotation, ROWS);
        Self {
            projection: Projection::new(output.rows, &output.include),
            rows: AppendFile::from_series(rows),
            output: output.clone(),
            marked: 1,
            saving: 1,
            saved: [1, 1],
            oldest: 1,
        }
    }

    fn target(&self, number: u64) -> PathBuf {
        numbered(Path::new(&self.output.path), number)
    }

    /// Writes the file, and begins the next one.
    fn complete(&mut self) -> Result<()> {
        self.rows.flush()?;
        let number = self.rows.number();
        let path = self.target(number).to_string_lossy().into_owned();
        let output = ParquetOutput { path, ..self.output.clone() };
        let (place, secrets) = ("outputs", &Secrets::default());
        let access = Access { place, auth: None, secrets };
        let mut parquet = ParquetSink::create(&output, &access)?;
        let rows = self.rows.path(number);
        let mut reader =
            BufReader::new(File::open(&rows).map_err(|error| write_error(&rows, &error))?);
        while let Some(rows) = next_rows(&mut reader, &rows)? {
            parquet.write_frame(rows)?;
        }
        let prepared = parquet.prepare(0)?;
        parquet.commit(prepared)?;
        self.rows.next_part()
    }
}

/// The next rows of a file of them.
fn next_rows(reader: &mut impl Read, path: &Path) -> Result<Option<DataFrame>> {
    let failed = |error: &std::io::Error| write_error(path, error);
    let mut length = [0; 8];
    match reader.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read.map_err(|error| failed(&error))?,
    }
    let length = u64::from_le_bytes(length);
    let mut bytes = Vec::new();
    reader.take(length).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 != length {
        return Err(failed(&ErrorKind::UnexpectedEof.into()));
    }
    Ok(Some(IpcStreamReader::new(Cursor::new(bytes)).finish()?))
}

impl StreamSink for ParquetStream {
    type Results = StreamResults;

    fn ready(&mut self) -> Result<bool, Cause> {
        if self.rows.is_late() {
            self.complete()?;
        }
        Ok(true)
    }

    fn write(&mut self, results: &StreamResults) -> Result<(), Cause> {
        for batch in results.0.iter() {
            let projected = self.projection.project(batch)?;
            let mut rows = frame(&projected, typed_columns(&projected)?)?;
            if rows.height() == 0 {
                continue;
            }
            let mut bytes = vec![0; 8];
            IpcStreamWriter::new(&mut bytes).finish(&mut rows).map_err(Error::from)?;
            let length = (bytes.len() - 8) as u64;
            bytes[..8].copy_from_slice(&length.to_le_bytes());
            if self.rows.is_full(bytes.len()) {
                self.complete()?;
            }
            self.rows.append(&bytes)?;
        }
        Ok(())
    }

    fn flush(&mut self, all: bool) -> Result<Flushed, Cause> {
        if all && !self.rows.is_empty() {
            self.complete()?;
        }
        self.marked = self.rows.number();
        Ok(Flushed::all(self.rows.flush()?))
    }

    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), Cause> {
        self.rows.restore(mark)?;
        let number = self.rows.number();
        if mark.is_none() && self.target(number).exists() {
            let why = std::io::Error::other(
                "it exists, and is not from this stream: move it away, or name another file",
            );
            return Err(write_error(&self.target(number), &why).into());
        }
        // Files behind the mark are written again, the last ones first so that a crash leaves no gap.
        let later = (number..).map(|number| self.target(number)).take_while(|path| path.exists());
        for path in later.collect::<Vec<_>>().iter().rev() {
            fs::remove_file(path).map_err(|error| write_error(path, &error))?;
        }
        self.marked = number;
        let before = (1..number).rev().take_while(|number| self.rows.path(*number).exists());
        self.oldest = before.last().unwrap_or(number);
        Ok(())
    }

    fn saving(&mut self) {
        self.saving = self.marked;
    }

    fn saved(&mut self) {
        self.saved = [self.saved[1], self.saving];
        while self.oldest < self.saved[0] {
            // One that stays takes space alone.
            let _ = fs::remove_file(self.rows.path(self.oldest));
            self.oldest += 1;
        }
    }
}
