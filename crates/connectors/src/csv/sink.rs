//! Results as CSV: the source's cells as they were read, then the results.

use std::path::Path;

use anomal_core::{Batch, ROW, Result};
use anomal_dataflow::{PreparedEpoch, Sink, WriteOutcome};
use anomal_spec::CsvOutput;
use polars::prelude::{
    AnyValue, Column, DataFrame, DataType, IntoColumn, NewChunkedArray, Series, StringChunked,
};
use polars_arrow::array::Array;

use super::CsvFile;
use crate::{
    remote::Access,
    sink::{Projection, plain_column},
    text,
};

pub(crate) struct CsvSink {
    file: CsvFile,
    projection: Projection,
    rows: u64,
}

impl CsvSink {
    pub fn create(output: &CsvOutput, access: &Access<'_>) -> Result<Self> {
        let separator = output.separator.bytes().next().unwrap_or(b',');
        let file = CsvFile::create(Path::new(&output.path), separator, access)?;
        Ok(Self { file, projection: Projection::new(output.rows, &output.include), rows: 0 })
    }
}

impl Sink for CsvSink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let frame = result_frame(&self.projection, batch)?;
        self.rows += frame.height() as u64;
        self.file.write(&frame)
    }

    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch> {
        self.file.prepare()?;
        Ok(PreparedEpoch { epoch })
    }

    fn commit(&mut self, _: PreparedEpoch) -> Result<WriteOutcome> {
        self.file.commit()?;
        Ok(WriteOutcome::new(self.file.target(), self.rows))
    }
}

/// The cells of an output: those of the input as they were read, the rows' numbers, and the results.
///
/// # Errors
/// `Internal`.
pub(crate) fn result_frame(projection: &Projection, batch: &Batch) -> Result<DataFrame> {
    let batch = projection.project(batch)?;
    let mut columns = batch.raw.columns().iter().map(plain_column).collect::<Result<Vec<_>>>()?;
    columns.push(Column::new(ROW.into(), batch.offsets()));
    for column in batch.results.columns() {
        columns.push(flat(column)?);
    }
    Ok(DataFrame::new(batch.height(), columns)?)
}

/// Lists as text: flags as `a;b`, reasons as `feature=share;…`, details as `flag.name=value;…`.
///
/// # Errors
/// `Internal` if the column is a list of another type.
pub fn flat(column: &Column) -> Result<Column> {
    if !matches!(column.dtype(), DataType::List(_)) {
        return Ok(column.clone());
    }
    let lists = column.list()?.rechunk();
    let items = items(&lists.get_inner())?;
    let Some(chunk) = lists.downcast_iter().next() else { return Ok(column.clone()) };
    let text = |row| {
        let (start, end) = chunk.offsets().start_end(row);
        chunk.is_valid(row).then(|| items[start..end].join(";"))
    };
    let texts = StringChunked::from_iter_options("".into(), (0..chunk.len()).map(text));
    Ok(texts.with_name(column.name().clone()).into_column())
}

/// Details as `flag.name=value`, semicolons within as `%3B`.
fn details(values: &Series) -> Result<Vec<String>> {
    let all = values.struct_()?;
    let (flags, names) = (all.field_by_name("flag")?, all.field_by_name("name")?);
    let (numbers, texts) = (all.field_by_name("number")?, all.field_by_name("text")?);
    let names = flags.str()?.iter().zip(names.str()?.iter());
    let values = numbers.f64()?.iter().zip(texts.str()?.iter());
    let item = |(names, values): ((Option<&str>, Option<&str>), (Option<f64>, Option<&str>))| {
        let (flag, name) = (names.0.unwrap_or_default(), names.1.unwrap_or_default());
        let value = match values {
            (Some(number), _) => number.to_string(),
            (None, text) => text.unwrap_or_default().to_owned(),
        };
        format!("{flag}.{name}={value}").replace(';', "%3B")
    };
    Ok(names.zip(values).map(item).collect())
}

/// The items of all lists, end to end.
fn items(values: &Series) -> Result<Vec<String>> {
    let pairs = match values.dtype() {
        DataType::Struct(fields) if fields.iter().any(|field| field.name() == "flag") => {
            return details(values);
        }
        DataType::Struct(fields) if fields.iter().any(|field| field.name() == "share") => {
            values.struct_()?
        }
        _ => {
            let item = |value: AnyValue<'_>| {
                let mut text = String::new();
                text::push(&mut text, &value);
                text
            };
            return Ok(values.iter().map(item).collect());
        }
    };
    let (features, shares) = (pairs.field_by_name("feature")?, pairs.field_by_name("share")?);
    let pairs = features.str()?.iter().zip(shares.f64()?.iter());
    let item = |(feature, share): (Option<&str>, Option<f64>)| {
        format!("{}={:.4}", feature.unwrap_or_default(), share.unwrap_or(0.0))
    };
    Ok(pairs.map(item).collect())
}
