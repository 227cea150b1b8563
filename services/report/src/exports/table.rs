//! The result table, or some of its rows, as CSV or Parquet.

use std::fs::File;

use anomal_connectors::{
    csv::{CsvText, flat},
    sink::suspects as suspect_mask,
};
use anomal_core::{Download, Error, Result, blocking, proto::Report};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, IntoColumn, NewChunkedArray, PolarsError,
    StringChunked,
};
use polars_io::parquet::write::ParquetWriter;

use super::safe_field;
use crate::{
    contents::parquet::{compression, read_columns, read_layout, write_error},
    files::{download, temporary},
};

/// Rows in memory at a time.
const BATCH: usize = 32_768;

/// The rows of an export.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RowSelection {
    suspects: bool,
    flag: Option<String>,
}

impl RowSelection {
    /// # Errors
    /// `NotFound` if the report has no such flag.
    pub fn new(report: &Report, suspects: bool, flag: &str) -> Result<Self> {
        if !flag.is_empty() && !report.flags.iter().any(|other| other.name == flag) {
            return Err(Error::not_found(format!("the report has no flag {flag}")));
        }
        Ok(Self { suspects, flag: (!flag.is_empty()).then(|| flag.to_owned()) })
    }

    fn is_all(&self) -> bool {
        !self.suspects && self.flag.is_none()
    }

    fn apply(&self, frame: DataFrame) -> Result<DataFrame> {
        if self.is_all() {
            return Ok(frame);
        }
        let mut mask = vec![true; frame.height()];
        if self.suspects {
            let suspects = suspect_mask(&frame)?;
            mask.iter_mut()
                .zip(suspects.iter())
                .for_each(|(keep, suspect)| *keep &= suspect == Some(true));
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

/// The rows as Parquet. If all rows are selected, it is the published file.
///
/// # Errors
/// `Output` if the temporary folder is full.
pub(crate) async fn parquet(rows: File, selection: RowSelection) -> Result<Download> {
    if selection.is_all() {
        return Ok(download::from_file(rows));
    }
    let file = blocking(move |_| write_parquet(&rows, &selection)).await?;
    Ok(download::from_file(file))
}

/// The rows as CSV without fields that a spreadsheet would evaluate.
pub(crate) fn csv(rows: File, selection: RowSelection) -> Download {
    download::from_writer(move |send| write_csv(&rows, &selection, send))
}

/// Passes the selected rows to `take` in batches.
fn for_each_batch(
    rows: &File,
    selection: &RowSelection,
    mut take: impl FnMut(DataFrame) -> Result<()>,
) -> Result<()> {
    let height = read_layout(rows)?.rows();
    let mut start = 0;
    loop {
        let frame = read_columns(rows, None, Some((start, BATCH.min(height - start))))?;
        take(selection.apply(frame)?)?;
        start += BATCH;
        if start >= height {
            return Ok(());
        }
    }
}

fn write_parquet(rows: &File, selection: &RowSelection) -> Result<File> {
    let file = temporary::create()?;
    let mut writer = None;
    let failed = |error: PolarsError| write_error(&error);
    for_each_batch(rows, selection, |frame| {
        if writer.is_none() {
            let parquet = ParquetWriter::new(&file).with_compression(compression());
            writer = Some(parquet.batched(frame.schema()).map_err(failed)?);
        }
        match &mut writer {
            Some(writer) if frame.height() > 0 => writer.write_batch(&frame).map_err(failed),
            _ => Ok(()),
        }
    })?;
    if let Some(writer) = writer {
        writer.finish().map_err(failed)?;
    }
    temporary::rewind(file)
}

fn write_csv(
    rows: &File,
    selection: &RowSelection,
    send: &mut dyn FnMut(Vec<u8>) -> Result<()>,
) -> Result<()> {
    let mut text = CsvText::new(b',');
    for_each_batch(rows, selection, |frame| {
        let mut columns =
            frame.columns().iter().map(safe_column).collect::<Result<Vec<Column>>>()?;
        for column in &mut columns {
            let name = safe_field(column.name()).into_owned();
            // Keeps column names unique.
            if frame.column(&name).is_err() {
                column.rename(name.into());
            }
        }
        let frame = DataFrame::new(frame.height(), columns)?;
        text.append(&frame, |piece| send(piece.to_vec()))
    })
}

/// A column without fields that a spreadsheet would evaluate.
fn safe_column(column: &Column) -> Result<Column> {
    let column = flat(column)?;
    if column.dtype() != &DataType::String {
        return Ok(column);
    }
    let cells = column.str()?;
    let cells: StringChunked = cells.iter().map(|cell| cell.map(safe_field)).collect();
    Ok(cells.with_name(column.name().clone()).into_column())
}
