//! What the first rows of a file show of its columns, in bounded memory.

use anomal_core::{
    proto::{Column, DataType},
    text_view, time_view,
};
use anomal_dataflow::{Source, read_batches};

use super::{
    column::{ColumnProfile, ColumnProfiler},
    names,
};
use crate::present::error::Failure;

/// Memory of all columns together.
const BUDGET: usize = 128 << 20;
/// Memory of a column at most.
const COLUMN_BUDGET: usize = 8 << 20;
/// Bytes of rows that are read, about.
pub const SAMPLE_BYTES: usize = 128 << 20;

/// The first rows of a file.
pub struct Profile {
    /// The rows that were read.
    pub rows: usize,
    /// The rows of the file: an estimate from its size where not all were read.
    pub total: usize,
    /// Whether all rows were read.
    pub complete: bool,
    pub columns: Vec<ColumnProfile>,
}

impl Profile {
    /// Reads up to about `limit` rows, or [`SAMPLE_BYTES`].
    ///
    /// # Errors
    /// Those of the source.
    pub fn read(mut source: Box<dyn Source>, limit: usize) -> Result<Self, Failure> {
        let columns = source.schema().to_vec();
        let text = |column: &Column| Column {
            name: text_view(&column.name),
            data_type: DataType::String.into(),
        };
        let readings = source.times().into_iter().filter(|reading| reading.problem.is_empty());
        let times: Vec<String> = readings
            .map(|reading| reading.column)
            .filter(|column| names::has(column, names::TIME))
            .collect();
        let time = |column: &String| Column {
            name: time_view(column),
            data_type: DataType::Datetime.into(),
        };
        let views = columns.iter().map(text).chain(times.iter().map(time));
        let selected: Vec<Column> = columns.iter().cloned().chain(views).collect();
        source.select(&selected)?;
        let budget = (BUDGET / columns.len().max(1)).min(COLUMN_BUDGET);
        let profilers = columns
            .iter()
            .map(|column| ColumnProfiler::new(column, times.contains(&column.name), budget));
        let mut profilers: Vec<ColumnProfiler> = profilers.collect();
        let (mut rows, mut total, mut bytes) = (0, 0, 0);
        let (mut complete, mut is_full) = (true, false);
        for batch in read_batches(source) {
            let batch = batch?;
            total += batch.height();
            complete &= !is_full;
            // The rest of a file that is in memory already is counted.
            if !is_full {
                rows = total;
                for profiler in &mut profilers {
                    profiler.add(&batch.typed)?;
                }
            }
            bytes += batch.raw.estimated_size();
            if rows < limit && bytes < SAMPLE_BYTES {
                continue;
            }
            match batch.position.total {
                // Whether a row follows, the next batch shows.
                Some(all) if batch.position.consumed >= all => is_full = true,
                all => {
                    complete = false;
                    total = estimate(total, batch.position.consumed, all);
                    break;
                }
            }
        }
        let columns = profilers.into_iter().map(ColumnProfiler::finish).collect();
        Ok(Self { rows, total, complete, columns })
    }

    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// The rows of an input of which `consumed` of `total` have been read.
fn estimate(rows: usize, consumed: u64, total: Option<u64>) -> usize {
    match total.filter(|total| consumed > 0 && *total > consumed) {
        Some(total) => {
            let all = rows as u128 * u128::from(total) / u128::from(consumed);
            usize::try_from(all).unwrap_or(usize::MAX)
        }
        None => rows,
    }
}
