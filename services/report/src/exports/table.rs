//! The result table, or some of its rows, as CSV or Parquet.

use std::{collections::HashSet, fs::File};

use anomal_connectors::{
    csv::{CsvText, flat},
    sink::suspects as suspect_mask,
};
use anomal_core::{Download, Error, ROW, Result, blocking, proto::Report};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, IntoColumn, NewChunkedArray, PolarsError,
    StringChunked,
};
use polars_io::parquet::write::ParquetWriter;

use super::safe_field;
use crate::{
    contents::{
        ACTOR, TARGET, TIME,
        parquet::{compression, read_columns, read_layout, write_error},
    },
    files::{download, temporary},
};

/// Rows in memory at a time.
const BATCH: usize = 32_768;

/// The rows of an export.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RowSelection {
    suspects: bool,
    flag: Option<String>,
    /// For each stored suspect whether it is exported; none: all suspects are.
    fits: Option<Vec<bool>>,
    /// All suspects of the report.
    all_suspects: u64,
}

/// The tables of a report.
pub(crate) struct TableFiles {
    pub rows: File,
    /// Where suspects are exported.
    pub suspects: Option<File>,
}

impl RowSelection {
    /// # Errors
    /// `NotFound` if the report has no such flag.
    pub fn new(report: &Report, suspects: bool, flag: &str) -> Result<Self> {
        if !flag.is_empty() && !report.flags.iter().any(|other| other.name == flag) {
            return Err(Error::not_found(format!("the report has no flag {flag}")));
        }
        let flag = (!flag.is_empty()).then(|| flag.to_owned());
        Ok(Self { suspects, flag, fits: None, all_suspects: report.suspects })
    }

    /// Of the stored suspects only those.
    pub fn with_fitting(self, fits: Vec<bool>) -> Self {
        Self { suspects: true, fits: Some(fits), ..self }
    }

    pub fn is_of_suspects(&self) -> bool {
        self.suspects
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
pub(crate) async fn parquet(files: TableFiles, selection: RowSelection) -> Result<Download> {
    if selection.is_all() {
        return Ok(download::from_file(files.rows));
    }
    let file = blocking(move |_| write_parquet(&files, &selection)).await?;
    Ok(download::from_file(file))
}

/// The rows as CSV without fields that a spreadsheet would evaluate.
pub(crate) fn csv(files: TableFiles, selection: RowSelection) -> Download {
    download::from_writer(move |send| write_csv(&files, &selection, send))
}

/// Passes the selected rows to `take` in batches: suspects in the order of suspicion, those that are not stored apart at the
/// end.
fn for_each_batch(
    files: &TableFiles,
    selection: &RowSelection,
    mut take: impl FnMut(DataFrame) -> Result<()>,
) -> Result<()> {
    let Some(suspects) = &files.suspects else {
        return each_batch(&files.rows, |_, frame| {
            take(selection.apply(frame.drop_many([TIME, ACTOR, TARGET]))?)
        });
    };
    let mut stored = HashSet::new();
    each_batch(suspects, |start, frame| {
        stored.extend(frame.column(ROW)?.u64()?.into_no_null_iter());
        let mut frame = frame.drop_many([TIME, ACTOR, TARGET]);
        if let Some(fits) = &selection.fits {
            let mask: Vec<bool> = fits.iter().skip(start).take(frame.height()).copied().collect();
            frame = frame.filter(&BooleanChunked::from_slice("mask".into(), &mask))?;
        }
        take(selection.apply(frame)?)
    })?;
    if selection.fits.is_some() || stored.len() as u64 >= selection.all_suspects {
        return Ok(());
    }
    each_batch(&files.rows, |_, frame| {
        let frame = frame.drop_many([TIME, ACTOR, TARGET]);
        let rows = frame.column(ROW)?.u64()?.into_no_null_iter();
        let mask: Vec<bool> = rows.map(|row| !stored.contains(&row)).collect();
        let frame = frame.filter(&BooleanChunked::from_slice("mask".into(), &mask))?;
        take(selection.apply(frame)?)
    })
}

/// Passes the rows of a file to `take` in batches, each with the place of its first row.
fn each_batch(file: &File, mut take: impl FnMut(usize, DataFrame) -> Result<()>) -> Result<()> {
    let height = read_layout(file)?.rows();
    let mut start = 0;
    loop {
        take(start, read_columns(file, None, Some((start, BATCH.min(height - start))))?)?;
        start += BATCH;
        if start >= height {
            return Ok(());
        }
    }
}

fn write_parquet(files: &TableFiles, selection: &RowSelection) -> Result<File> {
    let file = temporary::create()?;
    let mut writer = None;
    let failed = |error: PolarsError| write_error(&error);
    for_each_batch(files, selection, |frame| {
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
    files: &TableFiles,
    selection: &RowSelection,
    send: &mut dyn FnMut(Vec<u8>) -> Result<()>,
) -> Result<()> {
    let mut text = CsvText::new(b',');
    for_each_batch(files, selection, |frame| {
        let mut columns =
            frame.columns().iter().map(safe_column).collect::<Result<Vec<Column>>>()?;
        for column in &mut columns {
            let name = safe_name(column.name());
            // Keeps column names unique.
            if frame.column(&name).is_err() {
                column.rename(name.into());
            }
        }
        let frame = DataFrame::new(frame.height(), columns)?;
        text.append(&frame, |piece| send(piece.to_vec()))
    })
}

/// The name of a column as a field of the header. One such as `@timestamp` calls nothing, and stays as programs know it.
fn safe_name(name: &str) -> String {
    let is_plain = name.strip_prefix('@').is_some_and(|rest| {
        !rest.is_empty()
            && rest.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
    });
    if is_plain { name.to_owned() } else { safe_field(name).into_owned() }
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
