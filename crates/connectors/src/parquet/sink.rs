//! Results as Parquet: typed columns where a type is available, lists for flags and reasons.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, BufWriter},
    path::PathBuf,
};

use anomal_core::{Batch, Code, Error, Result, proto::DataType};
use anomal_dataflow::{Capabilities, PreparedEpoch, Sink, WriteOutcome};
use anomal_spec::{ParquetOutput, is_url};
use anomal_storage::Upload;
use polars::prelude::{Column, DataFrame, PolarsResult, Schema};
use polars_parquet::write::{
    CompressedPage, DynIter, DynStreamingIterator, FileWriter, fallible_streaming_iterator::convert,
};
use tempfile::NamedTempFile;

use super::{
    file::ParquetFile,
    groups::RowGroups,
    pages::{GroupEncoder, GroupPages, file_schema, is_empty, options, parquet_schema},
    pending::PendingRows,
    polars_error,
};
use crate::{
    atomic_file::{folder, is_stream, publish, temporary, write_error},
    remote::{Access, upload_error},
    sink::{Projection, frame, simple_columns, typed_columns},
};

pub(crate) struct ParquetSink {
    target: PathBuf,
    /// Complete before its first byte is sent to an object store, since written rows are read back.
    /// `None` once it has become the target.
    file: Option<NamedTempFile>,
    /// The upload, if the target is an object.
    upload: Option<Upload>,
    /// Whether everything is written and sent.
    prepared: bool,
    /// The writer and the columns in order, from the first results on.
    writer: Option<(FileWriter<BufWriter<File>>, Schema)>,
    projection: Projection,
    /// Whether columns are written in types that all readers have.
    simple: bool,
    groups: RowGroups,
    encoder: GroupEncoder,
    /// The pages of columns without values, by name and height. They are the same in each group.
    empty: HashMap<(String, usize), Vec<Vec<CompressedPage>>>,
    /// Rows that arrived before their results.
    pending: Option<PendingRows>,
    rows: u64,
}

impl ParquetSink {
    pub fn create(output: &ParquetOutput, access: &Access<'_>) -> Result<Self> {
        let target = PathBuf::from(&output.path);
        let upload = if is_url(&output.path) { Some(access.write(&target)?) } else { None };
        if is_stream(&target) {
            let message = format!(
                "{} is not a regular file, and Parquet cannot be written to a stream; name a file",
                target.display()
            );
            return Err(Error::new(Code::Output, "OUTPUT_IS_STREAM", message));
        }
        Ok(Self {
            file: Some(match upload {
                Some(_) => {
                    NamedTempFile::new().map_err(|error| temporary_file_error(&target, &error))?
                }
                None => temporary(&target)?,
            }),
            upload,
            prepared: false,
            encoder: GroupEncoder::new(&target),
            empty: HashMap::new(),
            target,
            writer: None,
            projection: Projection::new(output.rows, &output.include),
            simple: false,
            groups: RowGroups::default(),
            pending: None,
            rows: 0,
        })
    }

    /// As the table of a report: what each row is about, too, and columns in types that all readers have; decimals and the
    /// like as text.
    #[must_use]
    pub fn for_report(self) -> Self {
        Self { simple: true, projection: self.projection.with_entities(), ..self }
    }

    fn columns(&self, batch: &Batch) -> Result<Vec<Column>> {
        if self.simple { simple_columns(batch, DataType::String) } else { typed_columns(batch) }
    }

    fn begin_group(&mut self, mut group: DataFrame) -> Result<()> {
        if let Some(pending) = &self.pending {
            pending.leave_out(&mut group).map_err(|error| polars_error(&self.target, error))?;
        }
        let height = group.height();
        let encoded = |column: &Column| {
            is_empty(column) && self.empty.contains_key(&(column.name().to_string(), height))
        };
        let columns = group.columns().iter().filter(|column| !encoded(column)).cloned().collect();
        let columns = DataFrame::new(height, columns)?;
        if !self.encoder.has_room() {
            self.write_group()?;
        }
        self.encoder.submit(columns);
        Ok(())
    }

    /// Writes the next encoded group; false if there is none.
    fn write_group(&mut self) -> Result<bool> {
        let Some(GroupPages { height, mut columns }) = self.encoder.next()? else {
            return Ok(false);
        };
        if let Some(pending) = &mut self.pending {
            columns.extend(pending.next(height)?);
        }
        let Some((writer, schema)) = &mut self.writer else { return Ok(true) };
        let mut full = HashMap::new();
        for column in columns {
            let (name, empty) = (column.name.clone(), column.empty);
            let pages = if empty { &mut self.empty } else { &mut full };
            pages.insert((name, height), column.whole());
        }
        let mut leaves = Vec::with_capacity(schema.len());
        for name in schema.iter_names_cloned() {
            let column = (name.to_string(), height);
            let pages = full.get(&column).or_else(|| self.empty.get(&column));
            leaves.extend(pages.ok_or_else(|| Error::internal("a column was not encoded"))?);
        }
        let pages = leaves
            .iter()
            .map(|leaf| Ok(DynStreamingIterator::new(convert(leaf.iter().map(PolarsResult::Ok)))));
        let written = writer.write(height as u64, DynIter::new(pages));
        written.map_err(|error| polars_error(&self.target, error))?;
        Ok(true)
    }

    /// Writes the buffered rows and the footer.
    fn complete(&mut self) -> Result<()> {
        if let Some(rest) = self.groups.rest() {
            self.begin_group(rest)?;
        }
        while self.write_group()? {}
        if let Some((mut writer, _)) = self.writer.take() {
            writer.end(None).map_err(|error| polars_error(&self.target, error))?;
        }
        Ok(())
    }

    /// Starts the file. Its columns are those of the source, then those of the results.
    fn begin(&self, results: &Schema) -> PolarsResult<(FileWriter<BufWriter<File>>, Schema)> {
        let mut schema =
            self.pending.as_ref().map(|pending| pending.schema.clone()).unwrap_or_default();
        schema.retain(|name, _| !results.contains(name));
        schema.merge(results.clone());
        let arrow = file_schema(&schema);
        let types = parquet_schema(&arrow)?;
        let file = BufWriter::with_capacity(1 << 20, self.reopen()?);
        let writer = FileWriter::new_with_parquet_schema(file, arrow, types, options()?);
        Ok((writer, schema))
    }

    /// The file, to write or to read.
    fn reopen(&self) -> io::Result<File> {
        match &self.file {
            Some(file) => file.reopen(),
            None => Err(io::Error::other("the file is closed")),
        }
    }

    /// Writes rows with their results.
    ///
    /// # Errors
    /// `Output`.
    pub(crate) fn write_frame(&mut self, frame: DataFrame) -> Result<()> {
        self.rows += frame.height() as u64;
        if self.writer.is_none() {
            let writer = self.begin(frame.schema());
            self.writer = Some(writer.map_err(|error| polars_error(&self.target, error))?);
        }
        self.groups.push(frame)?.into_iter().try_for_each(|group| self.begin_group(group))
    }

    fn store_before_results(&mut self, batch: &Batch) -> Result<()> {
        let columns = self.columns(batch)?;
        let pending = match &mut self.pending {
            Some(pending) => pending,
            none => {
                // This folder needs space for the output anyway.
                let scratch = match self.upload {
                    Some(_) => std::env::temp_dir(),
                    None => folder(&self.target).to_owned(),
                };
                none.insert(PendingRows::new(&self.target, &scratch)?)
            }
        };
        pending.push(batch, columns, self.projection)
    }
}

impl Sink for ParquetSink {
    fn capabilities(&self) -> Capabilities {
        // The rows that are selected by their results are known by then alone.
        Capabilities { rows_before_results: self.projection.takes_all_rows() }
    }

    fn write(&mut self, batch: &Batch) -> Result<()> {
        if batch.results.width() == 0 {
            return self.store_before_results(batch);
        }
        let batch = self.projection.project(batch)?;
        let frame = frame(&batch, self.columns(&batch)?)?;
        self.write_frame(frame)
    }

    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch> {
        if !std::mem::replace(&mut self.prepared, true) {
            self.complete()?;
            let file = self.reopen();
            if let Some(upload) = &mut self.upload {
                let sent = file.and_then(|mut file| io::copy(&mut file, upload));
                sent.map_err(|error| write_error(&self.target, &error))?;
                upload.flush_parts().map_err(|error| upload_error(&error))?;
            }
        }
        Ok(PreparedEpoch { epoch })
    }

    fn commit(&mut self, _: PreparedEpoch) -> Result<WriteOutcome> {
        let file = self.file.take();
        match (self.upload.take(), file) {
            (Some(upload), _) => upload.finish().map_err(|error| upload_error(&error))?,
            (None, Some(file)) => publish(file, &self.target)?,
            // Committed before.
            (None, None) => {}
        }
        Ok(WriteOutcome::new(self.target.display().to_string(), self.rows))
    }

    fn read_back(&mut self, indices: &[u64], columns: &[String]) -> Result<DataFrame> {
        self.complete()?;
        let file = self.reopen().map_err(|error| write_error(&self.target, &error))?;
        let file = ParquetFile::open(&self.target.display().to_string(), file)?;
        let place = |name: &String| file.columns.iter().position(|column| column.name == *name);
        let places: Vec<usize> = columns.iter().filter_map(place).collect();
        let ways = file.modes(&BTreeMap::new());
        let mut rows: Option<DataFrame> = None;
        for index in indices {
            let index = usize::try_from(*index).unwrap_or(usize::MAX - 1);
            let row = file.read(index..index + 1, &places, &ways)?.frame;
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

fn temporary_file_error(target: &std::path::Path, error: &io::Error) -> Error {
    let folder = std::env::temp_dir();
    let message = format!(
        "cannot create a temporary file for {} in {}: {error}; set TMPDIR to a folder with enough space",
        target.display(),
        folder.display()
    );
    Error::new(Code::Output, "TEMPORARY", message)
}
