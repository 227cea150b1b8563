//! The states of aggregates: each holds one key's rows in the window, takes the key's rows one after the other, and
//! returns the value of each. A batch pushes all rows of a key; a stream can push them as they arrive.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// An aggregate of one key.
pub(crate) trait KeyState: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The part of a row that the aggregate depends on.
    type Row;
    type Value: Send;

    /// Adds the next row of the key and returns its value. Rows come in the order of time, in microseconds, then of
    /// row ids.
    fn push(&mut self, time: i64, row: Self::Row) -> Option<Self::Value>;

    /// Forgets all rows, for the next key.
    fn clear(&mut self);
}

/// A number that is aggregated.
pub(crate) trait Number:
    Copy + PartialOrd + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl Number for i64 {}
impl Number for f64 {}

/// The rows of a key in the window (time - length, time], the oldest first.
#[derive(Serialize, Deserialize)]
pub(crate) struct WindowRows<T> {
    /// Microseconds. None: all rows so far, which need no queue.
    length: Option<i64>,
    rows: VecDeque<(i64, T)>,
}

impl<T> WindowRows<T> {
    pub fn new(length: Option<i64>) -> Self {
        Self { length, rows: VecDeque::new() }
    }

    pub fn push(&mut self, time: i64, row: T) {
        if self.length.is_some() {
            self.rows.push_back((time, row));
        }
    }

    /// Removes the oldest row, if it is out of the window that ends at `now`.
    pub fn pop_expired(&mut self, now: i64) -> Option<T> {
        let start = now.saturating_sub(self.length?);
        let expired = self.rows.front().is_some_and(|(time, _)| *time <= start);
        if expired { self.rows.pop_front().map(|(_, row)| row) } else { None }
    }

    pub fn clear(&mut self) {
        self.rows.clear();
    }
}
