//! Rows by key and time, and the evaluation of an aggregate over them, in parallel by key.

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use super::window::KeyState;

/// Rows that one task evaluates at least, so that tasks outweigh their overhead.
const MIN_TASK_ROWS: usize = 1 << 14;

/// A row in the order of its key: its time and its position in the table.
#[derive(Clone, Copy, Default)]
struct KeyedRow {
    /// Microseconds.
    time: i64,
    position: u32,
}

/// The rows of a table that have a time, by key, and the rows of a key by time, then row id.
pub(crate) struct KeyedRows {
    rows: Vec<KeyedRow>,
    /// Where the rows of each key end.
    ends: Vec<u32>,
    table_height: usize,
}

impl KeyedRows {
    /// `keys` has a key below `key_count` for each row, `times` its time in microseconds. `row_order` has the positions
    /// of all rows in the order of their ids; None: the table is in that order.
    pub fn new(
        keys: &[u32],
        key_count: usize,
        times: impl Fn(usize) -> Option<i64>,
        row_order: Option<&[u32]>,
    ) -> Self {
        let positions = || {
            let in_order = (0..keys.len()).map(move |place| match row_order {
                Some(order) => order[place],
                None => u32::try_from(place).unwrap_or(u32::MAX),
            });
            in_order.filter_map(|position| Some((position, times(position as usize)?)))
        };
        // A counting sort by key, then a stable one of each key's rows by time.
        let mut ends = vec![0_u32; key_count];
        positions().for_each(|(position, _)| ends[keys[position as usize] as usize] += 1);
        let mut total = 0;
        for end in &mut ends {
            total += std::mem::replace(end, total);
        }
        let mut rows = vec![KeyedRow::default(); total as usize];
        for (position, time) in positions() {
            let next = &mut ends[keys[position as usize] as usize];
            rows[*next as usize] = KeyedRow { time, position };
            *next += 1;
        }
        split_mut(&mut rows, &ends).into_par_iter().for_each(|rows| {
            if rows.len() > MIN_TASK_ROWS {
                rows.par_sort_by_key(|row| row.time);
            } else {
                rows.sort_by_key(|row| row.time);
            }
        });
        Self { rows, ends, table_height: keys.len() }
    }

    /// The value of each row of the table, none for those without a time. `state` makes the state of a key, `row` reads
    /// the part of a row at a position that it depends on. The values do not depend on the number of threads.
    ///
    /// # Errors
    /// `Cancelled`.
    pub fn evaluate<S: KeyState>(
        &self,
        state: impl Fn() -> S + Sync,
        row: impl Fn(usize) -> S::Row + Sync,
        cancel: &Cancel,
    ) -> Result<Vec<Option<S::Value>>> {
        let evaluate = |task: &Task<'_>| {
            cancel.check()?;
            let mut state = state();
            let mut values = Vec::with_capacity(task.rows.len());
            let mut start = 0;
            for end in task.ends {
                let end = *end as usize - task.offset;
                let rows = &task.rows[start..end];
                values.extend(
                    rows.iter().map(|keyed| state.push(keyed.time, row(keyed.position as usize))),
                );
                state.clear();
                start = end;
            }
            Ok(values)
        };
        let values: Result<Vec<Vec<Option<S::Value>>>> =
            self.tasks().par_iter().map(evaluate).collect();
        let mut by_position: Vec<Option<S::Value>> = Vec::new();
        by_position.resize_with(self.table_height, || None);
        for (keyed, value) in self.rows.iter().zip(values?.into_iter().flatten()) {
            by_position[keyed.position as usize] = value;
        }
        Ok(by_position)
    }

    /// Runs of whole keys.
    fn tasks(&self) -> Vec<Task<'_>> {
        let mut tasks = Vec::new();
        let (mut first_key, mut offset) = (0, 0);
        for (key, end) in self.ends.iter().enumerate() {
            let end = *end as usize;
            if end - offset >= MIN_TASK_ROWS || key + 1 == self.ends.len() {
                let (ends, rows) = (&self.ends[first_key..=key], &self.rows[offset..end]);
                tasks.push(Task { ends, rows, offset });
                (first_key, offset) = (key + 1, end);
            }
        }
        tasks
    }
}

/// The rows of some keys that follow one another.
struct Task<'a> {
    /// Ends in all rows.
    ends: &'a [u32],
    rows: &'a [KeyedRow],
    /// The position of the first row among all rows.
    offset: usize,
}

fn split_mut<'a, T>(mut rows: &'a mut [T], ends: &[u32]) -> Vec<&'a mut [T]> {
    let mut start = 0;
    let mut parts = Vec::new();
    for end in ends {
        let (part, rest) = rows.split_at_mut((*end - start) as usize);
        if part.len() > 1 {
            parts.push(part);
        }
        (rows, start) = (rest, *end);
    }
    parts
}
