//! The Parquet files of a report.

use std::{fs::File, panic::AssertUnwindSafe};

use anomal_core::Result;
use polars::prelude::{DataFrame, PolarsError, PolarsResult, SerReader};
use polars_io::parquet::{
    read::ParquetReader,
    write::{ParquetCompression, ParquetWriter},
};
use polars_parquet::write::ZstdLevel;

use super::invalid;
use crate::files::{
    reader::SharedReader,
    temporary::{self, no_space},
};

/// The names of a file's columns and the sizes of its row groups, without its data.
pub(crate) struct Layout {
    pub columns: Vec<String>,
    pub group_rows: Vec<u64>,
}

impl Layout {
    pub fn rows(&self) -> usize {
        usize::try_from(self.group_rows.iter().sum::<u64>()).unwrap_or(usize::MAX)
    }
}

/// # Errors
/// `InvalidRequest` if the file is not Parquet.
pub(crate) fn read_layout(file: &File) -> Result<Layout> {
    read(file, |mut reader| {
        let columns = reader.schema()?.iter_names().map(ToString::to_string).collect();
        let groups = &reader.get_metadata()?.row_groups;
        Ok(Layout {
            columns,
            group_rows: groups.iter().map(|group| group.num_rows() as u64).collect(),
        })
    })
}

/// Columns (none: all) and rows (offset and length; none: all) of a file.
///
/// # Errors
/// `InvalidRequest` if the file is not Parquet or lacks a column.
pub(crate) fn read_columns(
    file: &File,
    names: Option<Vec<String>>,
    slice: Option<(usize, usize)>,
) -> Result<DataFrame> {
    read(file, |reader| reader.with_columns(names).with_slice(slice).finish())
}

fn read<T>(
    file: &File,
    read: impl FnOnce(ParquetReader<SharedReader>) -> PolarsResult<T>,
) -> Result<T> {
    let file = SharedReader::new(file).map_err(|error| no_space(&error))?;
    // Untrusted bytes: the reader indexes by the lengths in the file and panics on some that are wrong.
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| read(ParquetReader::new(file))));
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(invalid(&error.to_string())),
        Err(_) => Err(invalid("its rows are damaged")),
    }
}

/// A frame as a temporary Parquet file.
///
/// # Errors
/// `Output` if the temporary folder is full.
pub(crate) fn write(mut frame: DataFrame) -> Result<File> {
    let file = temporary::create()?;
    ParquetWriter::new(&file)
        .with_compression(compression())
        .with_row_group_size(Some(8_192))
        .finish(&mut frame)
        .map_err(|error| write_error(&error))?;
    temporary::rewind(file)
}

pub(crate) fn compression() -> ParquetCompression {
    ParquetCompression::Zstd(ZstdLevel::try_new(3).ok())
}

pub(crate) fn write_error(error: &PolarsError) -> anomal_core::Error {
    no_space(&std::io::Error::other(error.to_string()))
}
