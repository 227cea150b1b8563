//! The result table, or some of its rows, as CSV or Parquet.

use std::fs::File;

use anomal_connectors::{
    csv::{CsvText, flat},
    sink::suspects,
};
use anomal_core::{Download, Error, Result, blocking, proto::Report};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, IntoColumn, NewChunkedArray, SerReader,
    StringChunked,
};
use polars_io::parquet::{
    read::ParquetReader,
    write::{ParquetCompression, ParquetWriter},
};
use polars_parquet::write::ZstdLevel;

use super::{csv::field, download};
use crate::contents::{Reader, columns, full, rewound};

/// Rows in memory at once.
const BATCH: usize = 32_768;

/// Which rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    suspects: bool,
    flag: Option<String>,
}

impl Choice {
    /// # Errors
    /// `NotFound` for a flag that the report has not.
    pub fn new(report: &Report, suspects: bool, flag: &str) -> Result<Self> {
        if !flag.is_empty() && !report.flags.iter().any(|known| known.name == flag) {
            return Err(Error::not_found(format!("the report has no flag {flag}")));
        }
        Ok(Self { suspects, flag: (!flag.is_empty()).then(|| flag.to_owned()) })
    }

    fn all(&self) -> bool {
        !self.suspects && self.flag.is_none()
    }

    fn of(&self, frame: DataFrame) -> Result<DataFrame> {
        if self.all() {
            return Ok(frame);
        }
        let mut mask = vec![true; frame.height()];
        if self.suspects {
            let suspects = suspects(&frame)?;
            mask.iter_mut().zip(suspects.iter()).for_each(|(keep, one)| *keep &= one == Some(true));
        }
        if let Some(flag) = &self.flag {
            let flags = frame.column("anomal.flags")?.list()?;
            for (row, keep) in mask.iter_mut().enumerate() {
                let names = if *keep { flags.get_as_series(row) } else { None };
                *keep = match names {
                    Some(names) => names.str()?.iter().any(|name| name == Some(flag)),
                    None => false,
                };
            }
        }
        Ok(frame.filter(&BooleanChunked::from_slice("mask".into(), &mask))?)
    }
}

/// As Parquet: the file as it was published, where all rows are taken.
///
/// # Errors
/// `Output` if there is no room.
pub(crate) async fn parquet(rows: File, choice: Choice) -> Result<Download> {
    if choice.all() {
        return Ok(download::file(rows));
    }
    let file = blocking(move |_| write_parquet(&rows, &choice)).await?;
    Ok(download::file(file))
}

/// As CSV that no spreadsheet takes for formulas.
pub(crate) fn csv(rows: File, choice: Choice) -> Download {
    download::made(move |send| write_csv(&rows, &choice, send))
}

/// The rows chosen, some at a time.
fn batches(
    rows: &File,
    choice: &Choice,
    mut take: impl FnMut(DataFrame) -> Result<()>,
) -> Result<()> {
    let file = Reader::of(rows).map_err(|error| full(&error))?;
    let height = ParquetReader::new(file).num_rows()?;
    let mut start = 0;
    loop {
        let frame = columns(rows, None, Some((start, BATCH.min(height - start))))?;
        take(choice.of(frame)?)?;
        start += BATCH;
        if start >= height {
            return Ok(());
        }
    }
}

fn write_parquet(rows: &File, choice: &Choice) -> Result<File> {
    let file = tempfile::tempfile().map_err(|error| full(&error))?;
    let mut writer = None;
    let failed =
        |error: polars::error::PolarsError| full(&std::io::Error::other(error.to_string()));
    batches(rows, choice, |frame| {
        if writer.is_none() {
            let compression = ParquetCompression::Zstd(ZstdLevel::try_new(3).ok());
            let made = ParquetWriter::new(&file).with_compression(compression);
            writer = Some(made.batched(frame.schema()).map_err(failed)?);
        }
        match &mut writer {
            Some(writer) if frame.height() > 0 => writer.write_batch(&frame).map_err(failed),
            _ => Ok(()),
        }
    })?;
    if let Some(writer) = writer {
        writer.finish().map_err(failed)?;
    }
    rewound(file)
}

fn write_csv(
    rows: &File,
    choice: &Choice,
    send: &mut dyn FnMut(Vec<u8>) -> Result<()>,
) -> Result<()> {
    let mut text = CsvText::new(b',');
    batches(rows, choice, |frame| {
        let mut columns = frame.columns().iter().map(harmless).collect::<Result<Vec<Column>>>()?;
        for column in &mut columns {
            let name = field(column.name()).into_owned();
            // Two columns never come to have one name.
            if frame.column(&name).is_err() {
                column.rename(name.into());
            }
        }
        let frame = DataFrame::new(frame.height(), columns)?;
        text.append(&frame, |piece| send(piece.to_vec()))
    })
}

/// A column that no spreadsheet takes for formulas.
fn harmless(column: &Column) -> Result<Column> {
    let column = flat(column)?;
    if column.dtype() != &DataType::String {
        return Ok(column);
    }
    let cells = column.str()?;
    let cells: StringChunked = cells.iter().map(|cell| cell.map(field)).collect();
    Ok(cells.with_name(column.name().clone()).into_column())
}
