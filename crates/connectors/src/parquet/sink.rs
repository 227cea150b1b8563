//! Results as Parquet: typed columns where there is a type, lists for flags and reasons.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter},
    path::PathBuf,
};

use anomal_core::{Code, Error, Result};
use anomal_spec::{ParquetOutput, is_url};
use anomal_storage::Upload;
use polars::prelude::{Column, CompatLevel, DataFrame, PolarsResult, Schema, SchemaExt};
use polars_io::{SerReader, parquet::read::ParquetReader};
use polars_parquet::write::{
    CompressedPage, DynIter, DynStreamingIterator, FileWriter, fallible_streaming_iterator::convert,
};
use tempfile::NamedTempFile;

use super::{
    early::Early,
    groups::Groups,
    pages::{Encoder, GroupPages, is_empty, options},
    refused,
};
use crate::{
    Access,
    atomic_file::{failed, folder, is_stream, publish, temporary},
    remote::unwritable,
    sink::{Choice, EarlySink, Known, ResultBatch, Sink, WriteOutcome},
};

pub(crate) struct ParquetSink {
    target: PathBuf,
    /// Whole before the first of it is sent to an object store: rows that were written are read again.
    file: NamedTempFile,
    /// Where the target is an object.
    upload: Option<Upload>,
    /// Whether all is written, and sent.
    prepared: bool,
    /// From the first results on, with the columns in order.
    writer: Option<(FileWriter<BufWriter<File>>, Schema)>,
    choice: Choice,
    groups: Groups,
    encoder: Encoder,
    /// The pages of columns without a value, by name and height: they are the same in each group.
    empty: HashMap<(String, usize), Vec<Vec<CompressedPage>>>,
    /// Rows that were known before their results.
    early: Option<Early>,
    rows: u64,
}

impl ParquetSink {
    pub fn create(output: &ParquetOutput, access: &Access<'_>) -> Result<Self> {
        let target = PathBuf::from(&output.path);
        let upload = if is_url(&output.path) { Some(access.write(&target)?) } else { None };
        if is_stream(&target) {
            let message = format!(
                "{} is no file, and a Parquet file is not made in a stream",
                target.display()
            );
            return Err(Error::new(Code::Output, "OUTPUT_IS_STREAM", message));
        }
        Ok(Self {
            file: match upload {
                Some(_) => NamedTempFile::new().map_err(|error| no_room(&target, &error))?,
                None => temporary(&target)?,
            },
            upload,
            prepared: false,
            encoder: Encoder::new(&target),
            empty: HashMap::new(),
            target,
            writer: None,
            choice: Choice::new(output.rows, &output.include),
            groups: Groups::default(),
            early: None,
            rows: 0,
        })
    }

    fn begin_group(&mut self, mut group: DataFrame) -> Result<()> {
        if let Some(early) = &self.early {
            early.leave_out(&mut group).map_err(|error| refused(&self.target, error))?;
        }
        let height = group.height();
        let known = |column: &Column| {
            is_empty(column) && self.empty.contains_key(&(column.name().to_string(), height))
        };
        let made = group.columns().iter().filter(|column| !known(column)).cloned().collect();
        let made = DataFrame::new(height, made)?;
        if !self.encoder.has_room() {
            self.write_group()?;
        }
        self.encoder.begin(made);
        Ok(())
    }

    /// Writes the next group that is made; false where there is none.
    fn write_group(&mut self) -> Result<bool> {
        let Some(GroupPages { height, mut columns }) = self.encoder.next()? else {
            return Ok(false);
        };
        if let Some(early) = &mut self.early {
            columns.extend(early.next(height)?);
        }
        let Some((writer, schema)) = &mut self.writer else { return Ok(true) };
        let mut made = HashMap::new();
        for column in columns {
            let (name, empty) = (column.name.clone(), column.empty);
            let known = if empty { &mut self.empty } else { &mut made };
            known.insert((name, height), column.whole());
        }
        let mut leaves = Vec::with_capacity(schema.len());
        for name in schema.iter_names_cloned() {
            let column = (name.to_string(), height);
            let pages = made.get(&column).or_else(|| self.empty.get(&column));
            leaves.extend(pages.ok_or_else(|| Error::internal("a column was not made"))?);
        }
        let pages = leaves
            .iter()
            .map(|leaf| Ok(DynStreamingIterator::new(convert(leaf.iter().map(PolarsResult::Ok)))));
        let written = writer.write(height as u64, DynIter::new(pages));
        written.map_err(|error| refused(&self.target, error))?;
        Ok(true)
    }

    /// Writes what still waits, and the file's end.
    fn complete(&mut self) -> Result<()> {
        if let Some(rest) = self.groups.rest() {
            self.begin_group(rest)?;
        }
        while self.write_group()? {}
        if let Some((mut writer, _)) = self.writer.take() {
            writer.end(None).map_err(|error| refused(&self.target, error))?;
        }
        Ok(())
    }

    /// The file, whose columns are those of the source, then those of the results.
    fn begin(&self, results: &Schema) -> PolarsResult<(FileWriter<BufWriter<File>>, Schema)> {
        let mut schema = self.early.as_ref().map(|early| early.schema.clone()).unwrap_or_default();
        schema.retain(|name, _| !results.contains(name));
        schema.merge(results.clone());
        let file = FileWriter::try_new(
            BufWriter::with_capacity(1 << 20, self.file.reopen()?),
            schema.to_arrow(CompatLevel::newest()),
            options()?,
        )?;
        Ok((file, schema))
    }
}

impl Sink for ParquetSink {
    fn write(&mut self, batch: &ResultBatch) -> Result<()> {
        let frame = self.choice.of(batch)?.typed_frame()?;
        self.rows += frame.height() as u64;
        if self.writer.is_none() {
            let begun = self.begin(frame.schema());
            self.writer = Some(begun.map_err(|error| refused(&self.target, error))?);
        }
        self.groups.push(frame)?.into_iter().try_for_each(|group| self.begin_group(group))
    }

    fn early(&mut self) -> Option<&mut dyn EarlySink> {
        if self.choice.all() { Some(self) } else { None }
    }

    fn prepare(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.prepared, true) {
            return Ok(());
        }
        self.complete()?;
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let sent = self.file.reopen().and_then(|mut file| io::copy(&mut file, upload));
        sent.map_err(|error| failed(&self.target, &error))?;
        upload.flush_parts().map_err(|error| unwritable(&error))
    }

    fn finish(mut self: Box<Self>) -> Result<WriteOutcome> {
        self.prepare()?;
        match self.upload {
            Some(upload) => upload.finish().map_err(|error| unwritable(&error))?,
            None => publish(self.file, &self.target)?,
        }
        Ok(WriteOutcome::new(self.target.display().to_string(), self.rows))
    }
}

fn no_room(target: &std::path::Path, error: &io::Error) -> Error {
    let folder = std::env::temp_dir();
    let message = format!(
        "{} is made in a temporary file first, and there can be none in {}: {error}; set TMPDIR to a folder with \
         room for it",
        target.display(),
        folder.display()
    );
    Error::new(Code::Output, "TEMPORARY", message)
}

impl EarlySink for ParquetSink {
    fn known(&mut self, rows: Known) -> Result<()> {
        let early = match &mut self.early {
            Some(early) => early,
            none => {
                // There must be room for the output in this folder anyway.
                let scratch = match self.upload {
                    Some(_) => std::env::temp_dir(),
                    None => folder(&self.target).to_owned(),
                };
                none.insert(Early::new(&self.target, &scratch)?)
            }
        };
        early.push(rows, self.choice)
    }

    fn recall(&mut self, places: &[u64], columns: &[String]) -> Result<DataFrame> {
        self.complete()?;
        let row = |place: &u64| -> PolarsResult<DataFrame> {
            ParquetReader::new(self.file.reopen()?)
                .with_columns(Some(columns.to_vec()))
                .with_slice(Some((usize::try_from(*place).unwrap_or(usize::MAX), 1)))
                .finish()
        };
        let mut rows: Option<DataFrame> = None;
        for row in places.iter().map(row) {
            let row = row.map_err(|error| refused(&self.target, error))?;
            match &mut rows {
                Some(rows) => {
                    rows.vstack_mut(&row)?;
                }
                none => *none = Some(row),
            }
        }
        Ok(rows.unwrap_or_default())
    }
}
