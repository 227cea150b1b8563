//! Results as CSV: the source's cells as they were read, then ours.

use std::{fmt::Write, path::Path};

use anomal_core::{ROW, Result};
use anomal_spec::CsvOutput;
use polars::prelude::{Column, DataFrame, DataType, IntoColumn, StringChunked};

use super::CsvFile;
use crate::sink::{Choice, ResultBatch, Sink, Written};

pub(crate) struct CsvSink {
    file: CsvFile,
    choice: Choice,
    rows: u64,
}

impl CsvSink {
    pub fn create(output: &CsvOutput) -> Result<Self> {
        let separator = output.separator.bytes().next().unwrap_or(b',');
        let file = CsvFile::create(Path::new(&output.path), separator)?;
        Ok(Self { file, choice: Choice::new(output.rows, &output.include), rows: 0 })
    }
}

impl Sink for CsvSink {
    fn write(&mut self, batch: &ResultBatch) -> Result<()> {
        let chosen = self.choice.of(batch)?;
        let mut columns = chosen.source.columns().columns().to_vec();
        columns.push(Column::new(ROW.into(), chosen.source.rows()));
        for column in chosen.results.columns() {
            columns.push(flat(column)?);
        }
        let frame = DataFrame::new(chosen.source.height(), columns)?;
        self.rows += frame.height() as u64;
        self.file.write(&frame)
    }

    fn finish(self: Box<Self>) -> Result<Written> {
        let target = self.file.target();
        self.file.finish()?;
        Ok(Written { target, rows: self.rows })
    }
}

/// Lists as text: flags as `a;b`, reasons as `feature=share;…`.
fn flat(column: &Column) -> Result<Column> {
    let DataType::List(inner) = column.dtype() else { return Ok(column.clone()) };
    let lists = column.list()?;
    let text: StringChunked = if matches!(**inner, DataType::Struct(_)) {
        let of = |list: polars::prelude::Series| -> Result<String> {
            let pairs = list.struct_()?;
            let (features, shares) =
                (pairs.field_by_name("feature")?, pairs.field_by_name("share")?);
            let mut text = String::new();
            for (feature, share) in features.str()?.iter().zip(shares.f64()?.iter()) {
                let separator = if text.is_empty() { "" } else { ";" };
                let (feature, share) = (feature.unwrap_or_default(), share.unwrap_or(0.0));
                // Writing to a string cannot fail.
                let _ = write!(text, "{separator}{feature}={share:.4}");
            }
            Ok(text)
        };
        (0..lists.len())
            .map(|row| lists.get_as_series(row).map(of).transpose())
            .collect::<Result<_>>()?
    } else {
        let of = |list: polars::prelude::Series| -> Result<String> {
            Ok(list.str()?.iter().flatten().collect::<Vec<_>>().join(";"))
        };
        (0..lists.len())
            .map(|row| lists.get_as_series(row).map(of).transpose())
            .collect::<Result<_>>()?
    };
    Ok(text.with_name(column.name().clone()).into_column())
}
