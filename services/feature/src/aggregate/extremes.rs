//! The smallest and the largest value of a window, and how far a value is beyond both.

use std::{collections::VecDeque, marker::PhantomData};

use serde::{Deserialize, Serialize};

use super::window::{KeyState, Number, RowTime};

/// An order of values in which the better one wins.
pub(crate) trait Preference<T>: Clone + Send + Sync + 'static {
    fn prefers(new: T, old: T) -> bool;
}

#[derive(Clone)]
pub(crate) struct Smallest;
#[derive(Clone)]
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
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Extreme<T, P> {
    length: Option<i64>,
    /// Values that are the extreme when those before them expire, the present one first.
    candidates: VecDeque<(i64, T)>,
    #[serde(skip)]
    preference: PhantomData<P>,
}

impl<T, P> Extreme<T, P> {
    pub fn new(length: Option<i64>) -> Self {
        Self { length, candidates: VecDeque::new(), preference: PhantomData }
    }
}

impl<T: Number, P: Preference<T>> Extreme<T, P> {
    /// The extreme of the values so far.
    fn best(&self) -> Option<T> {
        self.candidates.front().map(|(_, value)| *value)
    }

    /// Forgets values that are out of the window that ends with the newest row.
    fn expire(&mut self, at: RowTime) {
        let Some(length) = self.length else { return };
        let start = at.newest.saturating_sub(length);
        while self.candidates.front().is_some_and(|(time, _)| *time <= start) {
            self.candidates.pop_front();
        }
    }

    /// Adds a value that is in the window.
    fn insert(&mut self, at: RowTime, value: T) {
        // Without a window nothing expires, so that only the best is kept.
        let time = if self.length.is_some() { at.time } else { at.newest };
        let mut place = self.candidates.partition_point(|(known, _)| *known <= time);
        // A later one that is no worse is the extreme as long as this one could be.
        if self.candidates.get(place).is_some_and(|(_, later)| P::prefers(*later, value)) {
            return;
        }
        while place > 0 && P::prefers(value, self.candidates[place - 1].1) {
            place -= 1;
            self.candidates.remove(place);
        }
        if self.length.is_some() || self.candidates.is_empty() {
            self.candidates.insert(place, (time, value));
        }
    }
}

impl<T: Number, P: Preference<T>> KeyState for Extreme<T, P> {
    type Row = Option<T>;
    type Value = T;

    fn push(&mut self, at: RowTime, value: Option<T>) -> Option<T> {
        self.expire(at);
        if let Some(value) = value.filter(|_| at.is_within(self.length)) {
            self.insert(at, value);
        }
        self.best()
    }

    fn clear(&mut self) {
        self.candidates.clear();
    }
}

/// The share of the range of values that is beyond those before: 0 for a value among them, 0.5 for one that is as far outside as
/// they are apart. None for a row without a value, and where there are none before.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Exceedance {
    length: Option<i64>,
    smallest: Extreme<f64, Smallest>,
    largest: Extreme<f64, Largest>,
}

impl Exceedance {
    pub fn new(length: Option<i64>) -> Self {
        Self { length, smallest: Extreme::new(length), largest: Extreme::new(length) }
    }
}

impl KeyState for Exceedance {
    /// The value, and whether the row is counted.
    type Row = (Option<f64>, bool);
    type Value = f64;

    fn push(&mut self, at: RowTime, (value, counted): Self::Row) -> Option<f64> {
        self.smallest.expire(at);
        self.largest.expire(at);
        let known = self.smallest.best().zip(self.largest.best());
        let value = value?;
        if counted && at.is_within(self.length) {
            self.smallest.insert(at, value);
            self.largest.insert(at, value);
        }
        // Halves: the difference of two numbers can be too large for one.
        let half = |above: f64, below: f64| above / 2.0 - below / 2.0;
        let (low, high) = known?;
        let beyond = half(value, high).max(half(low, value));
        Some(if beyond > 0.0 { beyond / half(high.max(value), low.min(value)) } else { 0.0 })
    }

    fn clear(&mut self) {
        self.smallest.clear();
        self.largest.clear();
    }
}
