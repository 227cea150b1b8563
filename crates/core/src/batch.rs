//! Rows on their way from a source to the sinks: one type, under one name, all the way.

use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, IntoColumn, NamedFrom, NewChunkedArray, Series,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Hits, Result, Statistics, Table, proto::Diagnostic};

/// Identifies a row for the whole of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    pub partition: u32,
    /// The record's number in its partition, from 0, rejected records included.
    pub offset: u64,
}

/// How far a split has been read: what a checkpoint stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The offset of the record that comes next.
    pub offset: u64,
    /// How much of the input has been read, in the source's own unit (bytes, documents).
    pub consumed: u64,
    /// The size of the input in the same unit, where it is known.
    pub total: Option<u64>,
}

/// What flows from a source to the sinks.
#[derive(Clone, Debug)]
pub enum Element {
    Batch(Box<Batch>),
    /// No row with a time up to this one comes any more, in microseconds since the epoch.
    Watermark(i64),
    /// Every row before the barrier belongs to this epoch: state is saved and outputs are committed here.
    Barrier(u64),
    /// The source is bounded and has no more rows.
    End,
}

/// A record that could not be read. It has an offset in the input as any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedRecord {
    pub file: String,
    /// The line that the record starts on, from 1.
    pub line: u64,
    /// The record's number, from 0, over all files.
    pub row: u64,
    pub column: Option<String>,
    pub reason: String,
    /// The first 4 KiB, invalid UTF-8 replaced.
    pub raw: String,
}

/// Rows with the columns that are known of them so far. A part that is absent has no columns; any other has the height
/// of the batch.
#[derive(Clone, Debug)]
pub struct Batch {
    pub partition: u32,
    offsets: Column,
    /// All columns as they were read. CSV: text, every cell to the byte.
    pub raw: DataFrame,
    /// The selected columns, typed: String, Int64, Float64, Boolean, Datetime(µs).
    pub typed: DataFrame,
    pub features: DataFrame,
    /// What the classification engine answers: `score` f64, `rank` f64, `cluster` u32, `suspicious` bool and
    /// `contribution.<feature>` f64 for each feature.
    pub scores: DataFrame,
    /// The `anomal.*` columns in order: score f64, rank f64, cluster u32, suspicious bool, severity string, flags list
    /// of strings, reasons list of structs {feature: string, share: f64}, explanation string; then
    /// `anomal.features.*`, `anomal.contributions.*` and `anomal.strays`, which a sink leaves out unless its `include` names
    /// them.
    pub results: DataFrame,
    /// The flags that hit these rows.
    pub hits: Hits,
    /// The records of this batch that could not be read.
    pub rejected: Vec<RejectedRecord>,
    /// What was counted on the way, of this batch alone.
    pub statistics: Statistics,
    /// Where its reader is after this batch.
    pub position: Position,
}

impl Batch {
    /// Rows as a source reads them.
    ///
    /// # Errors
    /// `Internal` if the parts have different heights.
    pub fn new(offsets: Vec<u64>, raw: DataFrame, typed: DataFrame) -> Result<Self> {
        let statistics = Statistics { read: offsets.len() as u64, ..Statistics::default() };
        let mut batch = Self::from_offsets(Series::new(crate::ROW.into(), offsets).into_column());
        batch.raw = batch.checked(raw)?;
        batch.typed = batch.checked(typed)?;
        batch.statistics = statistics;
        Ok(batch)
    }

    /// Rows of which nothing is known but their offsets.
    fn from_offsets(offsets: Column) -> Self {
        Self {
            partition: 0,
            offsets,
            raw: DataFrame::default(),
            typed: DataFrame::default(),
            features: DataFrame::default(),
            scores: DataFrame::default(),
            results: DataFrame::default(),
            hits: Hits::default(),
            rejected: Vec::new(),
            statistics: Statistics::default(),
            position: Position::default(),
        }
    }

    /// Adds the records that could not be read.
    #[must_use]
    pub fn with_rejected(mut self, rejected: Vec<RejectedRecord>) -> Self {
        self.statistics.read += rejected.len() as u64;
        self.statistics.rejected += rejected.len() as u64;
        self.rejected = rejected;
        self
    }

    #[must_use]
    pub fn with_diagnostics(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.statistics.diagnostics = diagnostics;
        self
    }

    /// Sets the position behind the last record of this batch: `consumed` of `total` units of the input.
    #[must_use]
    pub fn with_progress(mut self, (consumed, total): (u64, Option<u64>)) -> Self {
        // The column's own `last` panics where there is no row.
        let last =
            self.offsets.u64().ok().and_then(|offsets| offsets.get(offsets.len().checked_sub(1)?));
        let rejected = self.rejected.last().map(|record| record.row);
        let offset = last.max(rejected).map_or(0, |last| last + 1);
        self.position = Position { offset, consumed, total };
        self
    }

    /// The same rows without any column.
    #[must_use]
    pub fn ids_only(&self) -> Self {
        Self { partition: self.partition, ..Self::from_offsets(self.offsets.clone()) }
    }

    pub fn height(&self) -> usize {
        self.offsets.len()
    }

    /// Gives each row and rejected record, whose offsets count from 0, the offset at that place of a list that ascends.
    ///
    /// # Errors
    /// `Internal` if there are more of them than offsets.
    pub fn renumber(mut self, offsets: &[u64]) -> Result<Self> {
        let of = |row: u64| -> Result<u64> {
            let offset = usize::try_from(row).ok().and_then(|row| offsets.get(row));
            offset.copied().ok_or_else(|| Error::internal(format!("row {row} has no offset")))
        };
        let rows: Vec<u64> = self.offsets().into_iter().map(of).collect::<Result<_>>()?;
        for record in &mut self.rejected {
            record.row = of(record.row)?;
        }
        self.offsets = Series::new(crate::ROW.into(), rows).into_column();
        Ok(self)
    }

    /// The rows' offsets in their partition, ascending.
    pub fn offsets(&self) -> Vec<u64> {
        self.offsets.u64().map(|offsets| offsets.into_no_null_iter().collect()).unwrap_or_default()
    }

    pub fn row_ids(&self) -> impl Iterator<Item = RowId> {
        let partition = self.partition;
        self.offsets().into_iter().map(move |offset| RowId { partition, offset })
    }

    /// Columns of these rows as a table for an engine.
    ///
    /// # Errors
    /// `Internal` if they are of another height.
    pub fn to_table(&self, columns: DataFrame) -> Result<Table> {
        Table::from_parts(self.offsets.clone(), columns)
    }

    fn checked(&self, part: DataFrame) -> Result<DataFrame> {
        if part.width() > 0 && part.height() != self.height() {
            return Err(Error::internal(format!(
                "columns of {} rows for a batch of {}",
                part.height(),
                self.height()
            )));
        }
        Ok(part)
    }

    /// Drops the typed columns that say no more than the raw ones: what is left was read as text and has a type.
    ///
    /// # Errors
    /// `Internal`.
    pub fn prune_typed(mut self) -> Result<Self> {
        let is_text = |name: &str| {
            self.raw.column(name).is_ok_and(|column| column.dtype() == &DataType::String)
        };
        let columns = self.typed.columns().iter();
        let retyped = columns
            .filter(|column| column.dtype() != &DataType::String && is_text(column.name()))
            .cloned()
            .collect();
        self.typed = DataFrame::new(self.height(), retyped)?;
        Ok(self)
    }

    /// The rows for which `mask` is true. Statistics, rejected records and position stay those of the whole batch.
    ///
    /// # Errors
    /// `Internal` if the mask is of another length.
    pub fn filter(self, mask: &BooleanChunked) -> Result<Self> {
        let part = |part: DataFrame| -> Result<DataFrame> {
            Ok(if part.width() == 0 { part } else { part.filter(mask)? })
        };
        Ok(Self {
            offsets: self.offsets.filter(mask)?,
            raw: part(self.raw)?,
            typed: part(self.typed)?,
            features: part(self.features)?,
            scores: part(self.scores)?,
            results: part(self.results)?,
            ..self
        })
    }

    /// The rows whose offsets are in `offsets`, which ascend and are all in this batch.
    ///
    /// # Errors
    /// `Internal` if one is not.
    pub fn select_offsets(self, offsets: &[u64]) -> Result<Self> {
        if offsets.len() == self.height() {
            return Ok(self);
        }
        let mut wanted = offsets.iter().peekable();
        let mask = BooleanChunked::from_iter_values(
            "selected".into(),
            self.offsets().into_iter().map(|offset| wanted.next_if_eq(&&offset).is_some()),
        );
        if wanted.next().is_some() {
            return Err(Error::internal("an engine answered with rows that it was not given"));
        }
        self.filter(&mask)
    }

    /// The rows, rejected records and counts from an offset on.
    ///
    /// # Errors
    /// `Internal`.
    pub fn from_offset(self, offset: u64) -> Result<Self> {
        self.in_range(|row| row >= offset)
    }

    /// The rows and rejected records before an offset, and those from it on.
    ///
    /// # Errors
    /// `Internal`.
    pub fn split_at_offset(self, offset: u64) -> Result<(Self, Self)> {
        Ok((self.clone().in_range(|row| row < offset)?, self.in_range(|row| row >= offset)?))
    }

    fn in_range(mut self, keeps: impl Fn(u64) -> bool) -> Result<Self> {
        let rejected = self.rejected.len();
        self.rejected.retain(|record| keeps(record.row));
        let rejected = (rejected - self.rejected.len()) as u64;
        let rows: Vec<bool> = self.offsets().iter().map(|row| keeps(*row)).collect();
        let skipped = rows.iter().filter(|keep| !**keep).count() as u64;
        self.statistics.read -= skipped + rejected;
        self.statistics.rejected -= rejected;
        self.filter(&BooleanChunked::from_slice("from".into(), &rows))
    }

    /// The rows whose offsets are not in `removed`, which ascends.
    ///
    /// # Errors
    /// `Internal`.
    pub fn without_offsets(self, removed: &[u64]) -> Result<Self> {
        match remaining(&self.offsets(), removed) {
            Some(mask) => self.filter(&mask),
            None => Ok(self),
        }
    }
}

impl Table {
    /// The rows that are not in `removed`, which ascends.
    ///
    /// # Errors
    /// `Internal`.
    pub fn without_rows(self, removed: &[u64]) -> Result<Self> {
        match remaining(&self.rows(), removed) {
            Some(mask) => self.filter(&mask),
            None => Ok(self),
        }
    }
}

/// Which of `rows` are not in `removed`; nothing where all are. Both ascend.
fn remaining(rows: &[u64], removed: &[u64]) -> Option<BooleanChunked> {
    let (first, last) = (rows.first()?, rows.last()?);
    let start = removed.partition_point(|row| row < first);
    if removed.get(start).is_none_or(|row| row > last) {
        return None;
    }
    let remains = |row: &u64| removed.binary_search(row).is_err();
    Some(BooleanChunked::from_iter_values("remaining".into(), rows.iter().map(remains)))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn batch() -> Batch {
        let raw = df!("a" => ["x", "y", "z"]).unwrap();
        let mut batch = Batch::new(vec![3, 4, 7], raw, DataFrame::default()).unwrap();
        batch.features = df!("f" => [1_i64, 2, 3]).unwrap();
        batch
    }

    #[test]
    fn all_parts_are_filtered_alike() {
        let selected = batch().select_offsets(&[3, 7]).unwrap();
        assert_eq!(selected.offsets(), [3, 7]);
        assert!(selected.raw.equals(&df!("a" => ["x", "z"]).unwrap()));
        assert!(selected.features.equals(&df!("f" => [1_i64, 3]).unwrap()));
        assert_eq!(selected.typed.width(), 0);
        let rest = batch().without_offsets(&[0, 3, 7, 9]).unwrap();
        assert_eq!(rest.offsets(), [4]);
        assert_eq!(rest.statistics.read, 3);
    }

    #[test]
    fn rows_of_another_batch_and_parts_of_another_height_are_refused() {
        assert!(batch().select_offsets(&[3, 5]).is_err());
        let short = df!("a" => ["x"]).unwrap();
        assert!(Batch::new(vec![1, 2], short.clone(), DataFrame::default()).is_err());
        assert!(batch().checked(short).is_err());
    }

    #[test]
    fn rows_from_an_offset_on_are_counted_alone() {
        let rest = batch().from_offset(4).unwrap();
        assert_eq!(rest.offsets(), [4, 7]);
        assert_eq!((rest.statistics.read, rest.statistics.rejected), (2, 0));
    }

    #[test]
    fn a_batch_is_split_at_an_offset() {
        let (before, behind) = batch().split_at_offset(4).unwrap();
        assert_eq!((before.offsets(), behind.offsets()), (vec![3], vec![4, 7]));
        assert_eq!((before.statistics.read, behind.statistics.read), (1, 2));
    }

    #[test]
    fn a_batch_without_rows_has_a_position() {
        let empty = Batch::new(Vec::new(), DataFrame::default(), DataFrame::default()).unwrap();
        assert_eq!(empty.with_progress((3, None)).position.offset, 0);
    }

    #[test]
    fn rejected_records_count_as_read() {
        let record = RejectedRecord {
            file: "in.csv".into(),
            line: 6,
            row: 5,
            column: None,
            reason: "ragged".into(),
            raw: String::new(),
        };
        let batch = batch().with_rejected(vec![record]);
        assert_eq!((batch.statistics.read, batch.statistics.rejected), (4, 1));
        assert_eq!(batch.row_ids().last().unwrap(), RowId { partition: 0, offset: 7 });
    }
}
