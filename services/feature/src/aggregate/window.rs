//! The states of aggregates: each holds one key's rows in the window, takes the key's rows one after the other, and
//! returns the value of each. A batch pushes the rows of a key in the order of time, a stream as they arrive.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// An aggregate of one key.
pub(crate) trait KeyState:
    Clone + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The part of a row that the aggregate depends on.
    type Row;
    type Value: Send;

    /// Adds the next row of the key and returns its value: that of the window that ends with the newest row.
    fn push(&mut self, at: RowTime, row: Self::Row) -> Option<Self::Value>;

    /// Forgets all rows, for the next key.
    fn clear(&mut self);
}

/// When a row is, in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct RowTime {
    pub time: i64,
    /// The largest time of the key's rows so far, with this one.
    pub newest: i64,
}

impl RowTime {
    /// Whether the row is in the window of this length that ends with the newest one.
    pub fn is_within(self, length: Option<i64>) -> bool {
        length.is_none_or(|length| self.time > self.newest.saturating_sub(length))
    }
}

/// A number that is aggregated.
pub(crate) trait Number:
    Copy + PartialOrd + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl Number for i64 {}
impl Number for f64 {}

/// The rows of a key in the window (time - length, time], the oldest first.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct WindowRows<T> {
    /// Microseconds. None: all rows so far, which need no queue.
    length: Option<i64>,
    rows: VecDeque<(i64, T)>,
}

impl<T> WindowRows<T> {
    pub fn new(length: Option<i64>) -> Self {
        Self { length, rows: VecDeque::new() }
    }

    /// Adds a row that is in the window.
    pub fn push(&mut self, time: i64, row: T) {
        if self.length.is_none() {
            return;
        }
        let place = self.rows.iter().rposition(|(known, _)| *known <= time);
        let place = place.map_or(0, |place| place + 1);
        if place == self.rows.len() {
            self.rows.push_back((time, row));
        } else {
            self.rows.insert(place, (time, row));
        }
    }

    pub fn length(&self) -> Option<i64> {
        self.length
    }

    /// Removes the oldest row, if it is out of the window that ends with the newest row.
    pub fn pop_expired(&mut self, at: RowTime) -> Option<T> {
        let start = at.newest.saturating_sub(self.length?);
        let expired = self.rows.front().is_some_and(|(time, _)| *time <= start);
        if expired { self.rows.pop_front().map(|(_, row)| row) } else { None }
    }

    pub fn clear(&mut self) {
        self.rows.clear();
    }
}
