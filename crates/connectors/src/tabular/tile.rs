//! Splits records into cells and copies the cells into columns of text.
//!
//! A cell is a pair of positions; its text is copied once, into the column. Only a cell that is no part of the record, as
//! one with escaped quotes, needs a separate buffer.

use anomal_core::Result;
use polars::prelude::{DataFrame, IntoColumn, StringChunkedBuilder};

use super::format::CellBatch;
use crate::{
    dialect::CellBuffer,
    records::{BadRecord, BadRecordPolicy, RawBatch, RecordSpan, remove},
};

/// Cells that are split before they are copied; their positions fit into a core's L1 cache.
const TILE_CELLS: usize = 1 << 11;

/// Splits the records of a format.
pub(crate) trait Cutter {
    /// Why a record can't be split.
    type Bad;
    /// Whether a record may have no cell for a column.
    const ABSENT: bool;

    /// Appends the cells of a record, one for each column.
    fn cut(
        &mut self,
        raw: &RawBatch,
        span: &RecordSpan,
        cells: &mut CellBuffer,
    ) -> Result<(), Self::Bad>;

    /// The reason for messages.
    fn describe(&mut self, record: &str, bad: Self::Bad) -> String;
}

/// Splits all records into the cells of these columns. Records that can't be split are rejected.
///
/// # Errors
/// `Internal`.
pub(crate) fn split<C: Cutter>(
    mut raw: RawBatch,
    names: &[String],
    cutter: &mut C,
    policy: &BadRecordPolicy,
) -> Result<CellBatch> {
    let height = raw.records.len();
    let mut columns: Vec<StringChunkedBuilder> =
        names.iter().map(|name| StringChunkedBuilder::new(name.as_str().into(), height)).collect();
    let mut buffer = CellBuffer::default();
    let mut rejected = Vec::new();
    let mut start = 0;
    while let Some((place, bad)) = append(&raw, start, cutter, &mut buffer, &mut columns) {
        let reason = cutter.describe(raw.record(&raw.records[place]), bad);
        rejected.push(place);
        start = place + 1;
        if policy.reject(&mut raw, place, BadRecord::new(reason)) {
            break;
        }
    }
    remove(&mut raw.records, &rejected);
    let columns = columns.into_iter().map(|column| column.finish().into_column()).collect();
    let cells = DataFrame::new(raw.records.len(), columns)?;
    Ok(CellBatch { raw, cells, unknown: Vec::new() })
}

/// Appends the cells of the records from `start` on to columns, tile by tile. Stops at the first record that can't be
/// split, and returns its index and the reason.
fn append<C: Cutter>(
    raw: &RawBatch,
    start: usize,
    cutter: &mut C,
    buffer: &mut CellBuffer,
    columns: &mut [StringChunkedBuilder],
) -> Option<(usize, C::Bad)> {
    let width = columns.len().max(1);
    let mut done = start;
    for records in raw.records[start..].chunks((TILE_CELLS / width).max(1)) {
        buffer.clear();
        let mut bad = None;
        for (place, span) in records.iter().enumerate() {
            if let Err(why) = cutter.cut(raw, span, buffer) {
                bad = Some((place, why));
                break;
            }
        }
        let whole = bad.as_ref().map_or(records.len(), |(place, _)| *place);
        for (column, builder) in columns.iter_mut().enumerate() {
            for record in 0..whole {
                let cell = record * width + column;
                if C::ABSENT && buffer.is_absent(cell) {
                    builder.append_null();
                } else {
                    builder.append_value(buffer.text(&raw.text, cell));
                }
            }
        }
        if let Some((place, bad)) = bad {
            return Some((done + place, bad));
        }
        done += whole;
    }
    None
}
