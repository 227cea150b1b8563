//! Aggregates of which rows there are: their number, rate and share, and the time since the last one.

use polars::prelude::PlHashMap;
use serde::{Deserialize, Serialize};

use super::window::{KeyState, RowTime, WindowRows};

/// The number of counted rows.
#[derive(Clone, Serialize, Deserialize)]
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

    fn push(&mut self, at: RowTime, counted: bool) -> Option<i64> {
        while self.rows.pop_expired(at).is_some() {
            self.count -= 1;
        }
        if counted && at.is_within(self.rows.length()) {
            self.rows.push(at.time, ());
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
#[derive(Clone, Serialize, Deserialize)]
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

    fn push(&mut self, at: RowTime, counted: bool) -> Option<f64> {
        self.count.push(at, counted).map(|count| count as f64 / self.seconds)
    }

    fn clear(&mut self) {
        self.count.clear();
    }
}

/// The share of counted rows among all rows.
#[derive(Clone, Serialize, Deserialize)]
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

    fn push(&mut self, at: RowTime, counted: bool) -> Option<f64> {
        let all = self.all.push(at, true)?;
        let counted = self.counted.push(at, counted)?;
        (all > 0).then(|| counted as f64 / all as f64)
    }

    fn clear(&mut self) {
        self.counted.clear();
        self.all.clear();
    }
}

/// The share of the rows with this row's value among the counted rows.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ValueShare {
    rows: WindowRows<u64>,
    #[serde(with = "pairs")]
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

    fn push(&mut self, at: RowTime, (value, counted): Self::Row) -> Option<f64> {
        while let Some(expired) = self.rows.pop_expired(at) {
            self.all -= 1;
            if let Some(count) = self.counts.get_mut(&expired) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&expired);
                }
            }
        }
        let value = value?;
        if counted && at.is_within(self.rows.length()) {
            self.rows.push(at.time, value);
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

/// Seconds from the counted row before to the newest one of the key.
#[derive(Clone, Serialize, Deserialize)]
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

    fn push(&mut self, at: RowTime, counted: bool) -> Option<f64> {
        let previous = self.previous;
        if counted {
            self.previous = Some(at.time).max(previous);
        }
        let elapsed = at.newest.saturating_sub(previous?);
        let in_window = self.length.is_none_or(|length| elapsed < length);
        in_window.then_some(elapsed as f64 / 1e6)
    }

    fn clear(&mut self) {
        self.previous = None;
    }
}

/// A map as a list in the order of its keys.
mod pairs {
    use polars::prelude::PlHashMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(
        map: &PlHashMap<u64, u32>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut pairs: Vec<_> = map.iter().collect();
        pairs.sort_unstable();
        pairs.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PlHashMap<u64, u32>, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}
