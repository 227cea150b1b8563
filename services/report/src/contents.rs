//! What is stored of a report beside its manifest, and how it is made from what was published.

mod picture;
mod reader;
mod suspects;
mod tree;

use std::{fs::File, io::Read};

use anomal_core::{
    Code, Error, PublishRequest, ROW, Result, Table,
    proto::{Analysis, Report},
};
use polars::prelude::{Column, DataFrame, SerReader};
use polars_io::parquet::{
    read::ParquetReader,
    write::{ParquetCompression, ParquetWriter},
};
use polars_parquet::write::ZstdLevel;
use serde::{Deserialize, Serialize};

pub(crate) use reader::Reader;
pub(crate) use suspects::rank;

use crate::view::View;

/// All rows, as they were published.
pub(crate) const ROWS: &str = "rows.parquet";
/// The same columns of the most suspicious rows, from the most suspicious.
pub(crate) const SUSPECTS: &str = "suspects.parquet";
/// `anomal.row` and `value`, flag after flag.
pub(crate) const HITS: &str = "hits.parquet";
/// [`Contents`] as JSON.
pub(crate) const CONTENTS: &str = "contents.json.zst";

/// What pages are made from, beside tables.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Contents {
    pub analysis: Option<Analysis>,
    pub view: View,
    /// The row groups of [`ROWS`], in order.
    pub groups: Vec<Group>,
    /// Rows of [`HITS`] for each flag of the report, in order.
    pub hits: Vec<u64>,
}

/// A row group: a row is found by its number without reading the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub first_row: u64,
    /// Place of its first row in the file.
    pub offset: u64,
    pub rows: u64,
}

/// A report ready to be stored.
pub(crate) struct Made {
    pub report: Report,
    pub files: Vec<(&'static str, File)>,
}

/// Makes what is stored. `rows` is the file that was published.
///
/// # Errors
/// `InvalidRequest` if the parts do not belong together; `Output` if there is no room for temporary files.
pub(crate) fn make(request: PublishRequest) -> Result<Made> {
    let PublishRequest { mut report, analysis, rows: path, hits, .. } = request;
    let rows =
        File::open(&path).map_err(|error| invalid(&format!("the rows can't be read: {error}")))?;
    let table = suspects::Results::read(&rows, &report)?;
    report.suspects = table.suspects.len() as u64;
    let (hits, counts) = by_flag(&report, &hits)?;
    let picture = picture::draw(analysis, &table)?;
    let (view, kept) = table.gather(&rows, &report, picture.points)?;
    let view = View { scores: table.histogram(picture.cut), leaf_labels: picture.labels, ..view };
    let contents =
        Contents { analysis: picture.analysis, view, groups: table.groups, hits: counts };
    let contents = serde_json::to_vec(&contents)
        .map_err(|error| Error::internal(format!("contents as JSON: {error}")))?;
    let contents = zstd::encode_all(contents.as_slice(), 3).map_err(|error| full(&error))?;
    let files = vec![
        (ROWS, File::open(&path).map_err(|error| full(&error))?),
        (SUSPECTS, parquet(kept)?),
        (HITS, parquet(hits)?),
        (CONTENTS, temporary(&contents)?),
    ];
    Ok(Made { report, files })
}

/// The contents, read back.
///
/// # Errors
/// `Output` if they are damaged.
pub(crate) fn read(file: File) -> Result<Contents> {
    let damaged = |why: String| {
        Error::new(
            Code::Output,
            "REPORT_DAMAGED",
            format!("a report's contents are damaged: {why}"),
        )
    };
    let mut json = Vec::new();
    zstd::Decoder::new(file)
        .and_then(|mut decoder| decoder.read_to_end(&mut json))
        .map_err(|error| damaged(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))
}

/// The columns of a Parquet file, or some rows of them.
///
/// # Errors
/// `InvalidRequest` if it is none, or lacks a column.
pub(crate) fn columns(
    file: &File,
    names: Option<Vec<String>>,
    slice: Option<(usize, usize)>,
) -> Result<DataFrame> {
    let file = Reader::of(file).map_err(|error| full(&error))?;
    // Bytes of others: the reader indexes by what they say, and panics on some that lie.
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        ParquetReader::new(file).with_columns(names).with_slice(slice).finish()
    }));
    match read {
        Ok(Ok(frame)) => Ok(frame),
        Ok(Err(error)) => Err(invalid(&error.to_string())),
        Err(_) => Err(invalid("they are damaged")),
    }
}

/// Hits in the order of the report's flags, and how many each has.
fn by_flag(report: &Report, hits: &Table) -> Result<(DataFrame, Vec<u64>)> {
    let rows = hits.rows();
    if rows.is_empty() {
        let none = DataFrame::new(
            0,
            vec![
                Column::new(ROW.into(), Vec::<u64>::new()),
                Column::new("value".into(), Vec::<&str>::new()),
            ],
        )?;
        return Ok((none, vec![0; report.flags.len()]));
    }
    let text = |name: &str| -> Result<_> {
        let column = hits.columns().column(name).ok();
        column
            .and_then(|column| column.str().ok())
            .cloned()
            .ok_or_else(|| invalid(&format!("the hits have no column {name} of strings")))
    };
    let (flags, values) = (text("flag")?, text("value")?);
    let place =
        |name: Option<&str>| report.flags.iter().position(|flag| Some(flag.name.as_str()) == name);
    let mut order = Vec::with_capacity(rows.len());
    for (index, (row, flag)) in rows.iter().zip(flags.iter()).enumerate() {
        let flag = place(flag).ok_or_else(|| {
            invalid(&format!("hits of the flag {flag:?}, which the report has not"))
        })?;
        order.push((flag, *row, index));
    }
    order.sort_unstable();
    let mut counts = vec![0; report.flags.len()];
    order.iter().for_each(|hit| counts[hit.0] += 1);
    let value = |hit: &(usize, u64, usize)| values.get(hit.2).unwrap_or_default();
    let columns = vec![
        Column::new(ROW.into(), order.iter().map(|hit| hit.1).collect::<Vec<u64>>()),
        Column::new("value".into(), order.iter().map(value).collect::<Vec<&str>>()),
    ];
    Ok((DataFrame::new(order.len(), columns)?, counts))
}

/// A frame as a Parquet file that has no name.
pub(crate) fn parquet(mut frame: DataFrame) -> Result<File> {
    let file = tempfile::tempfile().map_err(|error| full(&error))?;
    let level = ZstdLevel::try_new(3).ok();
    ParquetWriter::new(&file)
        .with_compression(ParquetCompression::Zstd(level))
        .with_row_group_size(Some(8_192))
        .finish(&mut frame)
        .map_err(|error| full(&std::io::Error::other(error.to_string())))?;
    rewound(file)
}

fn temporary(bytes: &[u8]) -> Result<File> {
    use std::io::Write;
    let mut file = tempfile::tempfile().map_err(|error| full(&error))?;
    file.write_all(bytes).map_err(|error| full(&error))?;
    rewound(file)
}

pub(crate) fn rewound(mut file: File) -> Result<File> {
    use std::io::Seek;
    file.rewind().map_err(|error| full(&error))?;
    Ok(file)
}

pub(crate) fn full(error: &std::io::Error) -> Error {
    let message = format!("no room for a report in the temporary folder: {error}");
    Error::new(Code::Output, "TEMPORARY_FULL", message)
}

pub(crate) fn invalid(why: &str) -> Error {
    Error::new(Code::InvalidRequest, "REPORT_INVALID", format!("this is no report: {why}"))
}
