//! Rows by key and time, and the evaluation of an aggregate over them, in parallel by key.

use std::sync::Arc;

use anomal_core::{Cancel, Result};
use rayon::prelude::*;

use super::{
    columns::KeyBytes,
    states::{States, StoredState},
    window::{KeyState, RowTime},
};
use crate::keyed::RowOrder;

/// Rows that one task evaluates at least, so that tasks outweigh their overhead.
const MIN_TASK_ROWS: usize = 1 << 14;

/// A row in the order of its key: its time and its position in the table.
#[derive(Clone, Copy, Default)]
struct KeyedRow {
    /// Microseconds.
    time: i64,
    position: u32,
}

impl KeyedRow {
    /// The row among those of its key, of which `newest` is the largest time so far.
    fn at(&self, newest: &mut i64) -> RowTime {
        *newest = self.time.max(*newest);
        RowTime { time: self.time, newest: *newest }
    }
}

/// The rows of a table that have a time, by key, and the rows of a key in the order in which they are taken.
pub(crate) struct KeyedRows {
    rows: Vec<KeyedRow>,
    /// Where the rows of each key end.
    ends: Vec<u32>,
    table_height: usize,
}

impl KeyedRows {
    /// `keys` has a key below `key_count` for each row, `times` its time in microseconds. `row_order` has the positions
    /// of all rows in the order of their ids; None: the table is in that order. The rows of a key are taken in the order of
    /// time, then of ids, or as they arrive: in that of ids.
    pub fn new(
        keys: &[u32],
        key_count: usize,
        times: impl Fn(usize) -> Option<i64>,
        row_order: Option<&[u32]>,
        order: RowOrder,
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
        let unsorted = match order {
            RowOrder::Time => split_mut(&mut rows, &ends),
            RowOrder::Arrival => Vec::new(),
        };
        unsorted.into_par_iter().for_each(|rows| {
            if rows.len() > MIN_TASK_ROWS {
                rows.par_sort_by_key(|row| row.time);
            } else {
                rows.sort_by_key(|row| row.time);
            }
        });
        Self { rows, ends, table_height: keys.len() }
    }

    /// The position of a row of each key; none for a key without rows.
    pub fn positions(&self) -> Vec<Option<u32>> {
        let rows = self.rows_of_keys();
        rows.map(|rows| rows.first().map(|row| row.position)).collect()
    }

    fn rows_of_keys(&self) -> impl Iterator<Item = &[KeyedRow]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let rows = &self.rows[start..*end as usize];
            start = *end as usize;
            rows
        })
    }

    /// The value of each row of the table, none for those without a time. `new_state` makes the state of a key, `row`
    /// reads the part of a row at a position that it depends on. The values do not depend on the number of threads.
    ///
    /// # Errors
    /// `Cancelled`.
    pub fn evaluate<S: KeyState>(
        &self,
        new_state: impl Fn() -> S + Sync,
        row: impl Fn(usize) -> S::Row + Sync,
        cancel: &Cancel,
    ) -> Result<Vec<Option<S::Value>>> {
        let evaluate =
            |task: Task<'_>| {
                cancel.check()?;
                let mut state = new_state();
                let mut values = Vec::with_capacity(task.rows.len());
                for rows in task.rows_of_keys() {
                    let mut newest = i64::MIN;
                    values.extend(rows.iter().map(|keyed| {
                        state.push(keyed.at(&mut newest), row(keyed.position as usize))
                    }));
                    state.clear();
                }
                Ok(values)
            };
        let values: Result<Vec<_>> = self.tasks().into_par_iter().map(evaluate).collect();
        Ok(self.by_position(values?))
    }

    /// As [`KeyedRows::evaluate`], with the states that keys have from rows before these. `keys` has the key of each
    /// number.
    ///
    /// # Errors
    /// `Cancelled`; the states are lost then.
    pub fn continue_states<S: KeyState>(
        &self,
        states: &mut States<S>,
        keys: &[KeyBytes],
        new_state: impl Fn() -> S + Sync,
        row: impl Fn(usize) -> S::Row + Sync,
        cancel: &Cancel,
    ) -> Result<Vec<Option<S::Value>>> {
        let keyed = keys.iter().zip(self.rows_of_keys());
        let take = |(key, rows): (&KeyBytes, &[KeyedRow])| {
            // The key of a number without rows is not known.
            if rows.is_empty() { None } else { states.take(key) }
        };
        let mut by_number: Vec<Option<Arc<StoredState<S>>>> = keyed.map(take).collect();
        let mut rest = by_number.as_mut_slice();
        let mut tasks = Vec::new();
        for task in self.tasks() {
            let (states, others) = rest.split_at_mut(task.ends.len());
            tasks.push((task, states));
            rest = others;
        }
        let evaluate = |(task, states): (Task<'_>, &mut [Option<Arc<StoredState<S>>>])| {
            cancel.check()?;
            let mut values = Vec::with_capacity(task.rows.len());
            for (rows, state) in
                task.rows_of_keys().zip(states).filter(|(rows, _)| !rows.is_empty())
            {
                let new = || Arc::new(StoredState { last: i64::MIN, state: new_state() });
                let StoredState { last, state } = Arc::make_mut(state.get_or_insert_with(new));
                values.extend(
                    rows.iter()
                        .map(|keyed| state.push(keyed.at(last), row(keyed.position as usize))),
                );
            }
            Ok(values)
        };
        let values: Result<Vec<_>> = tasks.into_par_iter().map(evaluate).collect();
        let values = self.by_position(values?);
        for (key, state) in keys.iter().zip(by_number) {
            if let Some(state) = state {
                states.store(key.clone(), state);
            }
        }
        Ok(values)
    }

    /// The values of all tasks in the order of the table.
    fn by_position<V>(&self, values: Vec<Vec<Option<V>>>) -> Vec<Option<V>> {
        let mut by_position: Vec<Option<V>> = Vec::new();
        by_position.resize_with(self.table_height, || None);
        for (keyed, value) in self.rows.iter().zip(values.into_iter().flatten()) {
            by_position[keyed.position as usize] = value;
        }
        by_position
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

impl Task<'_> {
    fn rows_of_keys(&self) -> impl Iterator<Item = &[KeyedRow]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let end = *end as usize - self.offset;
            let rows = &self.rows[start..end];
            start = end;
            rows
        })
    }
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
