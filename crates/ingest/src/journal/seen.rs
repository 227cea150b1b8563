//! Keys of records that were taken a short time ago.

use std::{collections::HashSet, mem};

/// Keys of a generation at most: there are two, of 70 MB each.
const MOST: usize = 3_500_000;

/// Keys in two generations. A key is known for at least a window of time, unless there are too many.
pub(super) struct Seen {
    /// Microseconds.
    window: i64,
    most: usize,
    /// When the younger generation began, in microseconds since the epoch.
    since: i64,
    young: HashSet<u128>,
    old: HashSet<u128>,
    warned: bool,
}

impl Seen {
    pub fn new(window: i64) -> Self {
        let none = HashSet::new;
        Self { window, most: MOST, since: i64::MIN, young: none(), old: none(), warned: false }
    }

    pub fn contains(&self, key: u128) -> bool {
        self.young.contains(&key) || self.old.contains(&key)
    }

    /// Adds the key of a record that arrived at a time, which is not before those that were added.
    pub fn insert(&mut self, key: u128, arrival: i64) {
        let is_over = arrival.saturating_sub(self.since) > self.window;
        if is_over || self.young.len() >= self.most {
            if !is_over && !mem::replace(&mut self.warned, true) {
                tracing::warn!(
                    "more than {} records came within the window of `dedupe`: the oldest of them are taken again if they are \
                     sent again",
                    self.most
                );
            }
            self.old = mem::take(&mut self.young);
            self.since = arrival;
        }
        self.young.insert(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_for_a_window_and_not_for_ever() {
        let mut seen = Seen::new(100);
        for arrival in 0..1_000_i64 {
            seen.insert(u128::try_from(arrival).unwrap(), arrival);
            let known =
                |back: i64| u128::try_from(arrival - back).is_ok_and(|key| seen.contains(key));
            assert!((0..=arrival.min(100)).all(known), "{arrival}");
            assert!(!known(203));
        }
    }

    #[test]
    fn keys_have_a_limit() {
        let mut seen = Seen { most: 10, ..Seen::new(i64::MAX) };
        (0..100).for_each(|key| seen.insert(key, 0));
        assert!((90..100).all(|key| seen.contains(key)));
        assert!(seen.young.len() + seen.old.len() <= 20 && seen.warned);
    }
}
