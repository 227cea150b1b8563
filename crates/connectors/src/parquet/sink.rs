//! Results as Parquet: typed columns where there is a type, lists for flags and reasons.

use std::path::{Path, PathBuf};

use anomal_core::Result;
use anomal_spec::ParquetOutput;
use polars::prelude::DataFrame;
use polars_io::parquet::write::{
    BatchedWriter, ParquetCompression, ParquetWriter, StatisticsOptions,
};
use tempfile::NamedTempFile;

use crate::{
    atomic_file::{failed, publish, temporary},
    sink::{Choice, ResultBatch, Sink, Written},
};

/// Rows of a row group: enough to compress well, few enough to hold.
const ROW_GROUP: usize = 262_144;

pub(crate) struct ParquetSink {
    target: PathBuf,
    file: NamedTempFile,
    writer: Option<BatchedWriter<std::fs::File>>,
    choice: Choice,
    /// Rows that wait for a full row group.
    waiting: Option<DataFrame>,
    rows: u64,
}

impl ParquetSink {
    pub fn create(output: &ParquetOutput) -> Result<Self> {
        let target = PathBuf::from(&output.path);
        Ok(Self {
            file: temporary(&target)?,
            target,
            writer: None,
            choice: Choice::new(output.rows, &output.include),
            waiting: None,
            rows: 0,
        })
    }

    fn write_group(&mut self, mut group: DataFrame) -> Result<()> {
        group.rechunk_mut();
        if self.writer.is_none() {
            let file = self.file.reopen().map_err(|error| failed(&self.target, &error))?;
            let writer = ParquetWriter::new(file)
                .with_compression(ParquetCompression::Zstd(None))
                .with_statistics(StatisticsOptions::default())
                .batched(group.schema())?;
            self.writer = Some(writer);
        }
        match &mut self.writer {
            Some(writer) => {
                writer.write_batch(&group).map_err(|error| refused(&self.target, error))
            }
            None => Ok(()),
        }
    }
}

/// The disk's fault, as far as the file format lets it be seen.
fn refused(target: &Path, error: polars::error::PolarsError) -> anomal_core::Error {
    match error {
        polars::error::PolarsError::IO { error, .. } => failed(target, &error),
        error => failed(target, &std::io::Error::other(error.to_string())),
    }
}

impl Sink for ParquetSink {
    fn write(&mut self, batch: &ResultBatch) -> Result<()> {
        let frame = self.choice.of(batch)?.typed_frame()?;
        self.rows += frame.height() as u64;
        let mut waiting = match self.waiting.take() {
            Some(mut waiting) => {
                waiting.vstack_mut(&frame)?;
                waiting
            }
            None => frame,
        };
        while waiting.height() >= ROW_GROUP {
            let rest = waiting.slice(i64::try_from(ROW_GROUP).unwrap_or(i64::MAX), usize::MAX);
            self.write_group(waiting.slice(0, ROW_GROUP))?;
            waiting = rest;
        }
        self.waiting = Some(waiting);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        if let Some(waiting) = self.waiting.take()
            && (waiting.height() > 0 || self.writer.is_none())
        {
            self.write_group(waiting)?;
        }
        if let Some(writer) = self.writer.take() {
            writer.finish().map_err(|error| refused(&self.target, error))?;
        }
        publish(self.file, &self.target)?;
        Ok(Written { target: self.target.display().to_string(), rows: self.rows })
    }
}
