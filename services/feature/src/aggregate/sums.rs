//! Aggregates of sums: sum, mean and standard deviation.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    exact_sum::ExactSum,
    window::{KeyState, Number, RowTime, WindowRows},
};

/// A sum to which values are added, and from which they are subtracted, without rounding errors.
pub(crate) trait Total<T>:
    Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
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
#[derive(Clone, Serialize, Deserialize)]
struct Values<T, S> {
    rows: WindowRows<T>,
    total: S,
    count: u32,
}

impl<T: Copy, S: Total<T>> Values<T, S> {
    fn new(window: Option<i64>) -> Self {
        Self { rows: WindowRows::new(window), total: S::default(), count: 0 }
    }

    fn push(&mut self, at: RowTime, value: Option<T>) {
        while let Some(expired) = self.rows.pop_expired(at) {
            self.total.subtract(expired);
            self.count -= 1;
        }
        if let Some(value) = value.filter(|_| at.is_within(self.rows.length())) {
            self.rows.push(at.time, value);
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
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Sum<T, S>(Values<T, S>);

impl<T: Copy, S: Total<T>> Sum<T, S> {
    pub fn new(window: Option<i64>) -> Self {
        Self(Values::new(window))
    }
}

impl<T: Number, S: Total<T>> KeyState for Sum<T, S> {
    type Row = Option<T>;
    type Value = S::Value;

    fn push(&mut self, at: RowTime, value: Option<T>) -> Option<S::Value> {
        self.0.push(at, value);
        if self.0.count > 0 { self.0.total.sum() } else { None }
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// The mean of values; none where there are none.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Mean<T, S>(Values<T, S>);

impl<T: Copy, S: Total<T>> Mean<T, S> {
    pub fn new(window: Option<i64>) -> Self {
        Self(Values::new(window))
    }
}

impl<T: Number, S: Total<T>> KeyState for Mean<T, S> {
    type Row = Option<T>;
    type Value = f64;

    fn push(&mut self, at: RowTime, value: Option<T>) -> Option<f64> {
        self.0.push(at, value);
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
/// one of the key since its window was empty. The relative error is about 1e-16, as long as values are at most 1e8 deviations from that one.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Stddev {
    rows: WindowRows<f64>,
    /// The first value of the key since its window was empty.
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

    fn push(&mut self, at: RowTime, value: Option<f64>) -> Option<f64> {
        while let Some(expired) = self.rows.pop_expired(at) {
            self.subtract(expired);
        }
        if self.count == 0 {
            // What has expired has no influence.
            self.origin = None;
        }
        if let Some(value) = value.filter(|_| at.is_within(self.rows.length())) {
            let value = value - *self.origin.get_or_insert(value);
            self.rows.push(at.time, value);
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
