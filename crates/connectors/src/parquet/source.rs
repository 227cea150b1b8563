//! Reads Parquet files as they are and, beside them, the selected columns with types.

use std::{fs::File, path::PathBuf};

use anomal_core::{Error, Result, Table, proto::Column};
use anomal_spec::ParquetInput;
use polars::prelude::{DataFrame, Schema, SchemaExt, SerReader};
use polars_io::parquet::read::ParquetReader;

use crate::{
    files::Files,
    remote::Access,
    source::{Batch, OpenOptions, Source},
    typing::{self, NullValues, type_of},
};

pub(crate) struct ParquetSource {
    files: Files,
    batch_rows: usize,
    schema: Vec<Column>,
    native: Schema,
    selected: Vec<Column>,
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
        let opened = files.open_file(0)?;
        let (native, rows) = read_footer(&files, 0, &opened)?;
        let column = |(name, dtype): (&polars::prelude::PlSmallStr, &polars::prelude::DataType)| {
            Column { name: name.to_string(), data_type: type_of(dtype).into() }
        };
        let schema = native.iter().map(column).collect();
        Ok(Self {
            files,
            batch_rows: options.batch_rows,
            schema,
            native,
            selected: Vec::new(),
            file: 0,
            opened,
            rows,
            offset: 0,
            next_row: 0,
            done: 0,
        })
    }

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
}

fn read_footer(files: &Files, index: usize, opened: &File) -> Result<(Schema, usize)> {
    let name = files.name(index);
    let opened = opened.try_clone().map_err(|error| files.read_error(index, &error))?;
    let mut reader = ParquetReader::new(opened);
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

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        if !self.advance()? {
            return Ok(None);
        }
        let file = self.opened.try_clone();
        let file = file.map_err(|error| self.files.read_error(self.file, &error))?;
        let count = self.batch_rows.min(self.rows - self.offset);
        let source = ParquetReader::new(file)
            .with_slice(Some((self.offset, count)))
            .finish()
            .map_err(|error| corrupt_file(&self.files.name(self.file), &error))?;
        self.offset += count;
        let rows = (self.next_row..self.next_row + count as u64).collect();
        self.next_row += count as u64;
        let typed = typing::type_columns(&source, &self.selected, &NullValues::new(&[]))?.columns;
        let source = Table::new(rows, source)?;
        Ok(Some(Batch { source, typed, rejected: Vec::new(), diagnostics: Vec::new() }))
    }

    fn empty(&self) -> DataFrame {
        DataFrame::empty_with_schema(&self.native)
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

    fn files(&self) -> &[PathBuf] {
        &self.files.paths
    }
}
