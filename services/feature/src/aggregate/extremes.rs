//! The smallest and the largest value of a window.

use std::{collections::VecDeque, marker::PhantomData};

use serde::{Deserialize, Serialize};

use super::window::{KeyState, Number};

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

impl<T: Number, P: Preference<T>> KeyState for Extreme<T, P> {
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
