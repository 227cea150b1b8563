//! The states of aggregates: each holds one key's rows in the window, takes the key's rows one after the other, and
//! returns the value of each. A batch pushes all rows of a key; a stream can push them as they arrive.

use std::{collections::VecDeque, marker::PhantomData};

use polars::prelude::PlHashMap;

use super::exact_sum::ExactSum;

/// An aggregate of one key.
pub(crate) trait KeyState {
    /// The part of a row that the aggregate depends on.
    type Row;
    type Value: Send;

    /// Adds the next row of the key and returns its value. Rows come in the order of time, in microseconds, then of
    /// row ids.
    fn push(&mut self, time: i64, row: Self::Row) -> Option<Self::Value>;

    /// Forgets all rows, for the next key.
    fn clear(&mut self);
}

/// The rows of a key in the window (time - length, time], the oldest first.
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

/// The number of counted rows.
pub(crate) struct Count {
    rows: WindowRows<()>,
    count: i64,
}

impl Count {
    pub fn new(window: Option<i64>) -> Self {
        Self { rows: WindowRows::new(window), count: 0 }
    }
}

impl KeyState for Count {
    /// Whether the row is counted.
    type Row = bool;
    type Value = i64;

    fn push(&mut self, time: i64, counted: bool) -> Option<i64> {
        while self.rows.pop_expired(time).is_some() {
            self.count -= 1;
        }
        if counted {
            self.rows.push(time, ());
            self.count += 1;
        }
        Some(self.count)
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.count = 0;
    }
}

/// Counted rows a second of the window.
pub(crate) struct Rate {
    count: Count,
    seconds: f64,
}

impl Rate {
    pub fn new(window: i64) -> Self {
        Self { count: Count::new(Some(window)), seconds: window as f64 / 1e6 }
    }
}

impl KeyState for Rate {
    type Row = bool;
    type Value = f64;

    fn push(&mut self, time: i64, counted: bool) -> Option<f64> {
        self.count.push(time, counted).map(|count| count as f64 / self.seconds)
    }

    fn clear(&mut self) {
        self.count.clear();
    }
}

/// The share of counted rows among all rows.
pub(crate) struct Share {
    counted: Count,
    all: Count,
}

impl Share {
    pub fn new(window: Option<i64>) -> Self {
        Self { counted: Count::new(window), all: Count::new(window) }
    }
}

impl KeyState for Share {
    type Row = bool;
    type Value = f64;

    fn push(&mut self, time: i64, counted: bool) -> Option<f64> {
        let all = self.all.push(time, true)?;
        Some(self.counted.push(time, counted)? as f64 / all as f64)
    }

    fn clear(&mut self) {
        self.counted.clear();
        self.all.clear();
    }
}

/// The share of the rows with this row's value among the counted rows.
pub(crate) struct ValueShare {
    rows: WindowRows<u64>,
    counts: PlHashMap<u64, u32>,
    all: u32,
}

impl ValueShare {
    pub fn new(window: Option<i64>) -> Self {
        Self { rows: WindowRows::new(window), counts: PlHashMap::default(), all: 0 }
    }
}

impl KeyState for ValueShare {
    /// The hash of the value, and whether the row is counted.
    type Row = (Option<u64>, bool);
    type Value = f64;

    fn push(&mut self, time: i64, (value, counted): Self::Row) -> Option<f64> {
        while let Some(expired) = self.rows.pop_expired(time) {
            self.all -= 1;
            if let Some(count) = self.counts.get_mut(&expired) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&expired);
                }
            }
        }
        let value = value?;
        if counted {
            self.rows.push(time, value);
            *self.counts.entry(value).or_default() += 1;
            self.all += 1;
        }
        let count = self.counts.get(&value).copied().unwrap_or_default();
        (self.all > 0).then(|| f64::from(count) / f64::from(self.all))
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.counts.clear();
        self.all = 0;
    }
}

/// A sum to which values are added, and from which they are subtracted, without rounding errors.
pub(crate) trait Total<T>: Default {
    type Value: Send;

    fn add(&mut self, value: T);
    fn subtract(&mut self, value: T);
    fn clear(&mut self);
    fn sum(&self) -> Option<Self::Value>;
    fn as_f64(&self) -> f64;
}

impl Total<f64> for ExactSum {
    type Value = f64;

    fn add(&mut self, value: f64) {
        Self::add(self, value);
    }

    fn subtract(&mut self, value: f64) {
        Self::subtract(self, value);
    }

    fn clear(&mut self) {
        Self::clear(self);
    }

    fn sum(&self) -> Option<f64> {
        Some(self.value())
    }

    fn as_f64(&self) -> f64 {
        self.value()
    }
}

impl Total<i64> for i128 {
    type Value = i64;

    fn add(&mut self, value: i64) {
        *self += Self::from(value);
    }

    fn subtract(&mut self, value: i64) {
        *self -= Self::from(value);
    }

    fn clear(&mut self) {
        *self = 0;
    }

    /// None beyond the range of `i64`.
    fn sum(&self) -> Option<i64> {
        i64::try_from(*self).ok()
    }

    fn as_f64(&self) -> f64 {
        *self as f64
    }
}

/// The values of counted rows with their sum.
struct Values<T, S> {
    rows: WindowRows<T>,
    total: S,
    count: u32,
}

impl<T: Copy, S: Total<T>> Values<T, S> {
    fn new(window: Option<i64>) -> Self {
        Self { rows: WindowRows::new(window), total: S::default(), count: 0 }
    }

    fn push(&mut self, time: i64, value: Option<T>) {
        while let Some(expired) = self.rows.pop_expired(time) {
            self.total.subtract(expired);
            self.count -= 1;
        }
        if let Some(value) = value {
            self.rows.push(time, value);
            self.total.add(value);
            self.count += 1;
        }
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.total.clear();
        self.count = 0;
    }
}

/// The sum of values; none where there are none.
pub(crate) struct Sum<T, S>(Values<T, S>);

impl<T: Copy, S: Total<T>> Sum<T, S> {
    pub fn new(window: Option<i64>) -> Self {
        Self(Values::new(window))
    }
}

impl<T: Copy, S: Total<T>> KeyState for Sum<T, S> {
    type Row = Option<T>;
    type Value = S::Value;

    fn push(&mut self, time: i64, value: Option<T>) -> Option<S::Value> {
        self.0.push(time, value);
        if self.0.count > 0 { self.0.total.sum() } else { None }
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// The mean of values; none where there are none.
pub(crate) struct Mean<T, S>(Values<T, S>);

impl<T: Copy, S: Total<T>> Mean<T, S> {
    pub fn new(window: Option<i64>) -> Self {
        Self(Values::new(window))
    }
}

impl<T: Copy, S: Total<T>> KeyState for Mean<T, S> {
    type Row = Option<T>;
    type Value = f64;

    fn push(&mut self, time: i64, value: Option<T>) -> Option<f64> {
        self.0.push(time, value);
        let Values { total, count, .. } = &self.0;
        (*count > 0).then(|| total.as_f64() / f64::from(*count))
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// The standard deviation of a sample (n - 1), as SQL's `STDDEV`; none for fewer than two values.
///
/// From the exact sums of values and of squares, with twice the precision of `f64`. Values are relative to the first
/// one of the key. The relative error is about 1e-16, as long as values are at most 1e8 deviations from that one.
pub(crate) struct Stddev {
    rows: WindowRows<f64>,
    /// The first value of the key.
    origin: Option<f64>,
    values: ExactSum,
    squares: ExactSum,
    count: u32,
    /// Values whose square is out of the range of `f64`: there is no result while they are in the window.
    too_large: u32,
}

impl Stddev {
    pub fn new(window: Option<i64>) -> Self {
        Self {
            rows: WindowRows::new(window),
            origin: None,
            values: ExactSum::default(),
            squares: ExactSum::default(),
            count: 0,
            too_large: 0,
        }
    }

    fn add(&mut self, value: f64) {
        let (square, rest) = product(value, value);
        self.count += 1;
        if square.is_finite() {
            self.values.add(value);
            self.squares.add(square);
            self.squares.add(rest);
        } else {
            self.too_large += 1;
        }
    }

    fn subtract(&mut self, value: f64) {
        let (square, rest) = product(value, value);
        self.count -= 1;
        if square.is_finite() {
            self.values.subtract(value);
            self.squares.subtract(square);
            self.squares.subtract(rest);
        } else {
            self.too_large -= 1;
        }
    }

    fn value(&self) -> Option<f64> {
        if self.count < 2 || self.too_large > 0 {
            return None;
        }
        let count = f64::from(self.count);
        // count * squares - values^2, in double-double arithmetic (Dekker 1971).
        let (square, square_rest) = self.squares.double_value();
        let (value, value_rest) = self.values.double_value();
        let (left, left_rest) = product(count, square);
        let (right, right_rest) = product(value, value);
        let rest = (left_rest + count * square_rest) - (right_rest + 2.0 * value * value_rest);
        let squared_deviations = ((left - right) + rest).max(0.0) / count;
        Some((squared_deviations / (count - 1.0)).sqrt()).filter(|value| value.is_finite())
    }
}

impl KeyState for Stddev {
    type Row = Option<f64>;
    type Value = f64;

    fn push(&mut self, time: i64, value: Option<f64>) -> Option<f64> {
        while let Some(expired) = self.rows.pop_expired(time) {
            self.subtract(expired);
        }
        if let Some(value) = value {
            let value = value - *self.origin.get_or_insert(value);
            self.rows.push(time, value);
            self.add(value);
        }
        self.value()
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.values.clear();
        self.squares.clear();
        self.origin = None;
        (self.count, self.too_large) = (0, 0);
    }
}

/// A product and its rounding error.
fn product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

/// An order of values in which the better one wins.
pub(crate) trait Preference<T> {
    fn prefers(new: T, old: T) -> bool;
}

pub(crate) struct Smallest;
pub(crate) struct Largest;

impl<T: PartialOrd> Preference<T> for Smallest {
    fn prefers(new: T, old: T) -> bool {
        new <= old
    }
}

impl<T: PartialOrd> Preference<T> for Largest {
    fn prefers(new: T, old: T) -> bool {
        new >= old
    }
}

/// The smallest or the largest value; none where there are none.
pub(crate) struct Extreme<T, P> {
    length: Option<i64>,
    /// Values that are the extreme when those before them expire, the present one first.
    candidates: VecDeque<(i64, T)>,
    preference: PhantomData<P>,
}

impl<T, P> Extreme<T, P> {
    pub fn new(length: Option<i64>) -> Self {
        Self { length, candidates: VecDeque::new(), preference: PhantomData }
    }
}

impl<T: Copy + Send, P: Preference<T>> KeyState for Extreme<T, P> {
    type Row = Option<T>;
    type Value = T;

    fn push(&mut self, time: i64, value: Option<T>) -> Option<T> {
        if let Some(length) = self.length {
            let start = time.saturating_sub(length);
            while self.candidates.front().is_some_and(|(time, _)| *time <= start) {
                self.candidates.pop_front();
            }
        }
        if let Some(value) = value {
            while self.candidates.back().is_some_and(|(_, old)| P::prefers(value, *old)) {
                self.candidates.pop_back();
            }
            // Without a window nothing expires, so that only the best is kept.
            if self.length.is_some() || self.candidates.is_empty() {
                self.candidates.push_back((time, value));
            }
        }
        self.candidates.front().map(|(_, value)| *value)
    }

    fn clear(&mut self) {
        self.candidates.clear();
    }
}

/// Seconds since the previous counted row of the key.
pub(crate) struct SinceLast {
    length: Option<i64>,
    previous: Option<i64>,
}

impl SinceLast {
    pub fn new(length: Option<i64>) -> Self {
        Self { length, previous: None }
    }
}

impl KeyState for SinceLast {
    type Row = bool;
    type Value = f64;

    fn push(&mut self, time: i64, counted: bool) -> Option<f64> {
        let previous = self.previous;
        if counted {
            self.previous = Some(time);
        }
        let elapsed = time.saturating_sub(previous?);
        let in_window = self.length.is_none_or(|length| elapsed < length);
        in_window.then_some(elapsed as f64 / 1e6)
    }

    fn clear(&mut self) {
        self.previous = None;
    }
}
