//! Results as Parquet: typed columns where there is a type, lists for flags and reasons.

use std::path::{Path, PathBuf};

use anomal_core::{Code, Error, Result};
use anomal_spec::ParquetOutput;
use polars::prelude::{DataFrame, PolarsResult};
use polars_io::parquet::write::{
    BatchedWriter, ParquetCompression, ParquetWriter, StatisticsOptions,
};
use rayon::prelude::*;
use tempfile::NamedTempFile;

use crate::{
    atomic_file::{failed, is_stream, publish, temporary},
    sink::{Choice, ResultBatch, Sink, Written},
};

/// Rows of a row group: enough to compress well, few enough to hold one for each thread.
const ROW_GROUP: usize = 131_072;

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
        if is_stream(&target) {
            let message = format!(
                "{} is no file, and a Parquet file is not made in a stream",
                target.display()
            );
            return Err(Error::new(Code::Output, "OUTPUT_IS_STREAM", message));
        }
        Ok(Self {
            file: temporary(&target)?,
            target,
            writer: None,
            choice: Choice::new(output.rows, &output.include),
            waiting: None,
            rows: 0,
        })
    }

    /// Writes row groups, each made on a thread of its own.
    fn write_groups(&mut self, mut groups: Vec<DataFrame>) -> Result<()> {
        groups.par_iter_mut().for_each(|group| {
            group.rechunk_mut();
        });
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let Some(first) = groups.first() else { return Ok(()) };
                let file = self.file.reopen().map_err(|error| failed(&self.target, &error))?;
                let writer = ParquetWriter::new(file)
                    .with_compression(ParquetCompression::Zstd(None))
                    .with_statistics(StatisticsOptions::default())
                    .batched(first.schema())?;
                none.insert(writer)
            }
        };
        let made: Vec<PolarsResult<Vec<_>>> =
            groups.par_iter().map(|group| writer.encode_and_compress(group).collect()).collect();
        for columns in made {
            let written = columns.and_then(|columns| writer.write_row_groups(columns));
            written.map_err(|error| refused(&self.target, error))?;
        }
        Ok(())
    }
}

fn slice(frame: &DataFrame, start: usize, length: usize) -> DataFrame {
    frame.slice(i64::try_from(start).unwrap_or(i64::MAX), length)
}

/// The disk's fault, as far as the file format lets it be seen.
fn refused(target: &Path, error: polars::error::PolarsError) -> Error {
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
        let ready = waiting.height() / ROW_GROUP;
        // As many at once as there are threads.
        if ready >= rayon::current_num_threads() {
            let groups = (0..ready).map(|group| slice(&waiting, group * ROW_GROUP, ROW_GROUP));
            self.write_groups(groups.collect())?;
            waiting = slice(&waiting, ready * ROW_GROUP, usize::MAX);
        }
        self.waiting = Some(waiting);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written> {
        if let Some(waiting) = self.waiting.take() {
            let groups = waiting.height().div_ceil(ROW_GROUP);
            // A file without rows has its columns all the same.
            let groups = groups.max(usize::from(self.writer.is_none()));
            let groups = (0..groups).map(|group| slice(&waiting, group * ROW_GROUP, ROW_GROUP));
            self.write_groups(groups.collect())?;
        }
        if let Some(writer) = self.writer.take() {
            writer.finish().map_err(|error| refused(&self.target, error))?;
        }
        publish(self.file, &self.target)?;
        Ok(Written { target: self.target.display().to_string(), rows: self.rows })
    }
}
