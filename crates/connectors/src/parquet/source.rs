//! Reads Parquet files as they are and, beside them, the selected columns with types.

use std::{fs::File, path::PathBuf, sync::Arc};

use anomal_core::{Batch, Element, Error, Position, Result, proto::Column};
use anomal_dataflow::{Reader, Source, Split};
use anomal_spec::ParquetInput;
use polars::prelude::{DataFrame, Schema, SchemaExt, SerReader};
use polars_io::parquet::read::ParquetReader as FileReader;

use crate::{
    files::Files,
    remote::Access,
    source::{OpenOptions, resume},
    typing::{self, TypeRules, View, type_of},
};

pub(crate) struct ParquetSource {
    files: Arc<Files>,
    batch_rows: usize,
    schema: Vec<Column>,
    native: Schema,
    selected: Vec<Column>,
}

/// Reads one file after the other.
struct ParquetReader {
    files: Arc<Files>,
    batch_rows: usize,
    native: Schema,
    views: Vec<View>,
    file: usize,
    opened: File,
    /// Rows in the current file, and the number of them that were read.
    rows: usize,
    offset: usize,
    next_row: u64,
    done: u64,
}

impl ParquetSource {
    pub fn open(input: &ParquetInput, options: &OpenOptions) -> Result<Self> {
        if input.path == "-" {
            return Err(Error::settings(
                "input.parquet.path",
                "NOT_SEEKABLE",
                "a Parquet file is read from its end, which is not possible on standard input; name a file",
            ));
        }
        let secrets = &options.secrets;
        let access = Access { place: "input.parquet", auth: input.auth.as_ref(), secrets };
        let files = Files::find(&input.path, &[".parquet"], &access)?;
        let (native, _) = read_footer(&files, 0, &files.open_file(0)?)?;
        let column = |(name, dtype): (&polars::prelude::PlSmallStr, &polars::prelude::DataType)| {
            Column { name: name.to_string(), data_type: type_of(dtype).into() }
        };
        let schema = native.iter().map(column).collect();
        let (files, batch_rows) = (Arc::new(files), options.batch_rows);
        Ok(Self { files, batch_rows, schema, native, selected: Vec::new() })
    }
}

impl ParquetReader {
    /// Moves to the next file with rows, if there is one.
    fn advance(&mut self) -> Result<bool> {
        while self.offset >= self.rows {
            if self.file + 1 >= self.files.paths.len() {
                return Ok(false);
            }
            self.done += self.size();
            self.file += 1;
            self.opened = self.files.open_file(self.file)?;
            let (native, rows) = read_footer(&self.files, self.file, &self.opened)?;
            if native != self.native {
                return Err(Error::input(
                    "SCHEMAS_DIFFER",
                    format!(
                        "{} has other columns than {}",
                        self.files.name(self.file),
                        self.files.name(0)
                    ),
                ));
            }
            (self.rows, self.offset) = (rows, 0);
        }
        Ok(true)
    }

    /// Bytes in the current file.
    fn size(&self) -> u64 {
        self.opened.metadata().map_or(0, |file| file.len())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        let size = self.size();
        let share = if self.rows == 0 { 1.0 } else { self.offset as f64 / self.rows as f64 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a file's size"
        )]
        let here = (size as f64 * share) as u64;
        (self.done + here, self.files.progress().1)
    }
}

impl Reader for ParquetReader {
    fn next(&mut self) -> Result<Element> {
        if !self.advance()? {
            return Ok(Element::End);
        }
        let file = self.opened.try_clone();
        let file = file.map_err(|error| self.files.read_error(self.file, &error))?;
        let count = self.batch_rows.min(self.rows - self.offset);
        let raw = FileReader::new(file)
            .with_slice(Some((self.offset, count)))
            .finish()
            .map_err(|error| corrupt_file(&self.files.name(self.file), &error))?;
        self.offset += count;
        let offsets = (self.next_row..self.next_row + count as u64).collect();
        self.next_row += count as u64;
        let typed = typing::type_columns(&raw, &self.views, &TypeRules::typed())?.columns;
        let batch = Batch::new(offsets, raw, typed)?.with_progress(self.progress());
        Ok(Element::Batch(Box::new(batch)))
    }
}

fn read_footer(files: &Files, index: usize, opened: &File) -> Result<(Schema, usize)> {
    let name = files.name(index);
    let opened = opened.try_clone().map_err(|error| files.read_error(index, &error))?;
    let mut reader = FileReader::new(opened);
    let schema = reader.schema().map_err(|error| corrupt_file(&name, &error))?;
    let rows = reader.num_rows().map_err(|error| corrupt_file(&name, &error))?;
    Ok((Schema::from_arrow_schema(&schema), rows))
}

fn corrupt_file(name: &str, error: &polars::error::PolarsError) -> Error {
    Error::input("BAD_PARQUET", format!("{name} is not a complete Parquet file: {error}"))
}

impl Source for ParquetSource {
    fn schema(&self) -> &[Column] {
        &self.schema
    }

    fn select(&mut self, columns: &[Column]) -> Result<()> {
        self.selected = columns.to_vec();
        Ok(())
    }

    fn open(&mut self, _: &Split, from: Option<Position>) -> Result<Box<dyn Reader>> {
        let opened = self.files.open_file(0)?;
        let (_, rows) = read_footer(&self.files, 0, &opened)?;
        let reader = ParquetReader {
            files: Arc::clone(&self.files),
            batch_rows: self.batch_rows,
            native: self.native.clone(),
            views: self.selected.iter().map(View::new).collect(),
            file: 0,
            opened,
            rows,
            offset: 0,
            next_row: 0,
            done: 0,
        };
        Ok(resume(Box::new(reader), from))
    }

    fn empty(&self) -> DataFrame {
        DataFrame::empty_with_schema(&self.native)
    }

    fn files(&self) -> &[PathBuf] {
        &self.files.paths
    }
}
