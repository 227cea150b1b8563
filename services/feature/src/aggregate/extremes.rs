//! The smallest and the largest value of a window.

use std::{collections::VecDeque, marker::PhantomData};

use serde::{Deserialize, Serialize};

use super::window::{KeyState, Number, RowTime};

/// An order of values in which the better one wins.
pub(crate) trait Preference<T>: Send + Sync + 'static {
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
#[derive(Serialize, Deserialize)]
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
        if let Some(length) = self.length {
            let start = at.newest.saturating_sub(length);
            while self.candidates.front().is_some_and(|(time, _)| *time <= start) {
                self.candidates.pop_front();
            }
        }
        if let Some(value) = value.filter(|_| at.is_within(self.length)) {
            self.insert(at, value);
        }
        self.candidates.front().map(|(_, value)| *value)
    }

    fn clear(&mut self) {
        self.candidates.clear();
    }
}
