//! An opened file: its columns, and rows of them as a table.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Cursor, Read, Seek, SeekFrom},
    ops::Range,
    path::Path,
};

use anomal_core::{Error, Result};
use polars::prelude::{
    Column, DataFrame, IntoColumn, PolarsError, PolarsResult, Schema, Series, polars_err,
};
use polars_arrow::{array::new_empty_array, datatypes::Field};
use polars_io::mmap::ReaderBytes;
use polars_parquet::{
    parquet::schema::types::PrimitiveType,
    read::{
        BasicDecompressor, ColumnChunkMetadata, FileMetadata, Filter, PageReader,
        column_iter_to_arrays, read_metadata,
    },
};
use rayon::prelude::*;

use super::{
    convert::{Converter, Misfit, ReadMode},
    guard::guard,
    schema::{self, FileColumn},
};
use crate::files::read_error;

/// The first and last bytes of a file.
const MAGIC: &[u8] = b"PAR1";
/// The same of a file whose footer is encrypted.
const ENCRYPTED: &[u8] = b"PARE";
const ARROW: &[u8] = b"ARROW1";

pub(super) struct ParquetFile {
    /// For messages.
    name: String,
    bytes: ReaderBytes<'static>,
    metadata: FileMetadata,
    /// The columns that can be read.
    pub columns: Vec<FileColumn>,
    /// The columns that can't be read.
    pub unsupported: Vec<FileColumn>,
    /// The first row of each row group, and the number of rows.
    starts: Vec<usize>,
}

/// Rows of a file.
pub(super) struct Rows {
    pub frame: DataFrame,
    /// The first row of each column, by its place, with a value that asks for another way of reading.
    pub misfits: Vec<(usize, usize, Misfit)>,
}

impl ParquetFile {
    /// # Errors
    /// `InvalidInput` if it is not Parquet, not complete, or encrypted.
    pub fn open(name: &str, mut file: File) -> Result<Self> {
        check_magic(name, &mut file)?;
        let metadata = guard(|| read_metadata(&mut file)).map_err(|error| damaged(name, &error))?;
        let bytes = guard(|| match ReaderBytes::from(&mut file) {
            ReaderBytes::Owned(bytes) => Ok(ReaderBytes::Owned(bytes)),
            ReaderBytes::Borrowed(_) => Err(polars_err!(ComputeError: "the file is not mapped")),
        });
        let bytes = bytes.map_err(|error| damaged(name, &error))?;
        let columns = guard(|| Ok(schema::columns(name, &metadata)));
        let columns = columns.map_err(|error| damaged(name, &error))??;
        let (unsupported, columns) =
            columns.into_iter().partition(|column| column.unsupported.is_some());
        let mut starts = vec![0_usize];
        for group in &metadata.row_groups {
            starts.push(starts[starts.len() - 1].saturating_add(group.num_rows()));
        }
        Ok(Self { name: name.to_owned(), bytes, metadata, columns, unsupported, starts })
    }

    /// The number of rows.
    pub fn height(&self) -> usize {
        self.starts.last().copied().unwrap_or_default()
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The ways of reading by place.
    pub fn modes(&self, by_name: &BTreeMap<String, ReadMode>) -> Vec<ReadMode> {
        let way = |column: &FileColumn| by_name.get(column.name.as_str()).copied();
        self.columns.iter().map(|column| way(column).unwrap_or_default()).collect()
    }

    /// All columns with the types in which they are read.
    ///
    /// # Errors
    /// `InvalidInput`.
    pub fn schema(&self, modes: &BTreeMap<String, ReadMode>) -> Result<Schema> {
        let places: Vec<usize> = (0..self.columns.len()).collect();
        let empty = self.empty(&places, &self.modes(modes))?;
        Ok(empty.schema().as_ref().clone())
    }

    /// The columns at `places` without rows.
    ///
    /// # Errors
    /// `InvalidInput`.
    pub fn empty(&self, places: &[usize], modes: &[ReadMode]) -> Result<DataFrame> {
        let column = |place: &usize| {
            let column = &self.columns[*place];
            let array = new_empty_array(column.field.dtype.clone());
            let mut converter = Converter { mode: modes[*place], ..Converter::default() };
            let array = converter.convert(array, &column.content)?;
            let field = Field::new(column.name.clone(), array.dtype().clone(), true);
            Ok(Series::try_from((&field, vec![array]))?.into_column())
        };
        let columns = guard(|| places.iter().map(column).collect::<PolarsResult<Vec<_>>>());
        let columns = columns.map_err(|error| damaged(&self.name, &error))?;
        Ok(DataFrame::new(0, columns)?)
    }

    /// Rows of the columns at `places`, in parallel over columns and row groups. `modes`: of all columns.
    ///
    /// # Errors
    /// `InvalidInput`: pages are cut off or damaged, or in a form that can't be read.
    pub fn read(&self, rows: Range<usize>, places: &[usize], modes: &[ReadMode]) -> Result<Rows> {
        let first = self.starts.partition_point(|start| *start <= rows.start).saturating_sub(1);
        let groups: Vec<(usize, Range<usize>)> = (first..self.metadata.row_groups.len())
            .take_while(|group| self.starts[*group] < rows.end)
            .map(|group| {
                let (start, end) = (self.starts[group], self.starts[group + 1]);
                let within = rows.start.max(start) - start..rows.end.min(end) - start;
                (group, within)
            })
            .filter(|(_, within)| !within.is_empty())
            .collect();
        let tasks: Vec<(usize, usize)> = (0..groups.len())
            .flat_map(|group| (0..places.len()).map(move |place| (group, place)))
            .collect();
        let parts = tasks.into_par_iter().with_max_len(1).map(|(group, place)| {
            let (group, within) = &groups[group];
            let place = places[place];
            self.column(*group, place, within.clone(), modes[place])
        });
        let mut parts = parts.collect::<Result<Vec<_>>>()?.into_iter();
        let (mut frame, mut misfits) = (None, Vec::new());
        let mut before = 0;
        for (_, within) in &groups {
            let mut columns = Vec::with_capacity(places.len());
            for (place, (column, misfit)) in places.iter().zip(parts.by_ref()) {
                columns.push(column);
                misfits.extend(misfit.map(|(row, misfit)| (*place, before + row, misfit)));
            }
            before += within.len();
            let part = DataFrame::new(within.len(), columns)?;
            match &mut frame {
                None => frame = Some(part),
                Some(frame) => {
                    frame.vstack_mut_owned(part)?;
                }
            }
        }
        let frame = match frame {
            Some(frame) => frame,
            None => self.empty(places, modes)?,
        };
        Ok(Rows { frame, misfits })
    }

    fn column(
        &self,
        group: usize,
        place: usize,
        rows: Range<usize>,
        mode: ReadMode,
    ) -> Result<(Column, Option<(usize, Misfit)>)> {
        let column = &self.columns[place];
        guard(|| self.decode(group, column, rows, mode)).map_err(|error| {
            Error::input(
                "BAD_PARQUET",
                format!(
                    "{}: column `{}` can't be read: {error}; the file is damaged, cut off or encrypted, or the \
                     column is written in a form that is not supported: write the file again, with plain or dictionary \
                     encoding",
                    self.name, column.name
                ),
            )
        })
    }

    fn decode(
        &self,
        group: usize,
        column: &FileColumn,
        rows: Range<usize>,
        mode: ReadMode,
    ) -> PolarsResult<(Column, Option<(usize, Misfit)>)> {
        let group = &self.metadata.row_groups[group];
        let length = rows.len();
        let chunks = group.columns_under_root_iter(&column.name).into_iter().flatten();
        let mut pages = Vec::with_capacity(column.leaves.len());
        for chunk in chunks {
            pages.push(self.pages(chunk)?);
        }
        if pages.len() != column.leaves.len() {
            return Err(polars_err!(ComputeError: "a row group lacks its values"));
        }
        let leaves: Vec<&PrimitiveType> = column.leaves.iter().collect();
        let filter = Filter::new_ranged(rows.start, rows.end);
        let (arrays, _) = column_iter_to_arrays(pages, leaves, column.field.clone(), Some(filter))?;
        let mut converter = Converter { mode, ..Converter::default() };
        let arrays = arrays
            .into_iter()
            .map(|array| converter.convert(array, &column.content))
            .collect::<PolarsResult<Vec<_>>>()?;
        let Some(first) = arrays.first() else {
            return Err(polars_err!(ComputeError: "its pages have no values"));
        };
        let field = Field::new(column.name.clone(), first.dtype().clone(), true);
        let series = Series::try_from((&field, arrays))?;
        if series.len() != length {
            let found = series.len();
            return Err(
                polars_err!(ComputeError: "its pages have {found} values for {length} rows"),
            );
        }
        Ok((series.into_column(), converter.misfit))
    }

    fn pages(&self, chunk: &ColumnChunkMetadata) -> PolarsResult<BasicDecompressor> {
        let range = chunk.byte_range();
        let cut = || polars_err!(ComputeError: "its pages lie behind the end of the file");
        let place = |place: u64| usize::try_from(place).map_err(|_| cut());
        let range = place(range.start)?..place(range.end)?;
        let bytes = match &self.bytes {
            ReaderBytes::Owned(bytes) if range.start <= range.end && range.end <= bytes.len() => {
                bytes.clone().sliced(range)
            }
            _ => return Err(cut()),
        };
        let pages = PageReader::new(Cursor::new(bytes), chunk, vec![], usize::MAX);
        Ok(BasicDecompressor::new(pages, vec![]))
    }
}

fn damaged(name: &str, error: &PolarsError) -> Error {
    Error::input(
        "BAD_PARQUET",
        format!("{name} is not a complete Parquet file: {error}; copy or write it again"),
    )
}

/// Says what a file is that does not begin and end as Parquet does.
fn check_magic(name: &str, file: &mut File) -> Result<()> {
    let mut ends = [0; 10];
    let (start, end) = ends.split_at_mut(6);
    let failed = |error: &std::io::Error| read_error(Path::new(name), error);
    let size = file.seek(SeekFrom::End(0)).map_err(|error| failed(&error))?;
    let bad = |message: String| Err(Error::input("BAD_PARQUET", message));
    if size == 0 {
        return bad(format!(
            "{name} is empty: not a complete Parquet file; copy or write it again"
        ));
    }
    if size >= 10 {
        file.seek(SeekFrom::Start(0)).map_err(|error| failed(&error))?;
        file.read_exact(start).map_err(|error| failed(&error))?;
        file.seek(SeekFrom::End(-4)).map_err(|error| failed(&error))?;
        file.read_exact(end).map_err(|error| failed(&error))?;
    }
    if start == ARROW {
        let message = format!(
            "{name} is an Arrow IPC (Feather) file, and not Parquet; convert it, as pyarrow does: \
             pyarrow.parquet.write_table(pyarrow.feather.read_table(\"…\"), \"….parquet\")"
        );
        return Err(Error::input("OTHER_KIND", message));
    }
    if start.starts_with(ENCRYPTED) || end == ENCRYPTED {
        let message = format!(
            "{name} is encrypted, which is not supported; decrypt it with the keys that it was written with"
        );
        return Err(Error::input("ENCRYPTED", message));
    }
    match (start.starts_with(MAGIC), end == MAGIC) {
        (true, true) => Ok(()),
        (true, false) => bad(format!(
            "{name} is not a complete Parquet file: it has no footer, since it is cut off or still being written; copy it again"
        )),
        (false, _) => bad(format!(
            "{name} is not a complete Parquet file: it does not begin as one; check the path and the driver, such as csv or \
             ndjson for text"
        )),
    }
}
