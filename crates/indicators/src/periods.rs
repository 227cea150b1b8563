//! When entries are valid.

use std::collections::HashMap;

/// The most periods of one entry that are kept; further ones widen the last.
const MOST: usize = 16;

/// When an entry is valid: from the first time on, and up to the second, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    pub from: Option<i64>,
    pub until: Option<i64>,
}

impl Period {
    pub fn contains(&self, time: i64) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time < until)
    }

    fn is_always(&self) -> bool {
        *self == Self::default()
    }

    fn union(self, other: Self) -> Self {
        let from = self.from.zip(other.from).map(|(a, b)| a.min(b));
        let until = self.until.zip(other.until).map(|(a, b)| a.max(b));
        Self { from, until }
    }
}

/// The periods of numbered entries. Most lists have none, so entries without them take no memory.
#[derive(Default)]
pub(crate) struct Periods(HashMap<u32, Vec<Period>>);

impl Periods {
    /// Adds the period of an entry. One that occurs several times is valid in each of its periods.
    pub fn add(&mut self, entry: u32, is_new: bool, period: Period) {
        if period.is_always() {
            self.0.remove(&entry);
        } else if is_new {
            self.0.insert(entry, vec![period]);
        } else if let Some(periods) = self.0.get_mut(&entry)
            && !periods.contains(&period)
        {
            match periods.get_mut(MOST - 1) {
                Some(last) => *last = last.union(period),
                None => periods.push(period),
            }
        }
    }

    /// The periods of an entry; none if it is always valid.
    pub fn get(&self, entry: u32) -> &[Period] {
        self.0.get(&entry).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn memory(&self) -> usize {
        self.0.capacity() * (size_of::<u32>() + size_of::<Vec<Period>>() + size_of::<Period>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_valid_in_each_of_its_periods() {
        let mut periods = Periods::default();
        let (early, late) =
            (Period { from: None, until: Some(10) }, Period { from: Some(20), until: None });
        periods.add(0, true, early);
        periods.add(0, false, late);
        periods.add(0, false, late);
        let valid =
            |periods: &Periods, time| periods.get(0).iter().any(|period| period.contains(time));
        assert_eq!([9, 10, 19, 20].map(|time| valid(&periods, time)), [true, false, false, true]);
        assert_eq!(periods.get(0).len(), 2);
        // The same entry without a period.
        periods.add(0, false, Period::default());
        periods.add(0, false, early);
        assert!(periods.get(0).is_empty() && periods.is_empty());
    }

    #[test]
    fn many_periods_take_bounded_memory() {
        let mut periods = Periods::default();
        for from in 0..1_000 {
            let period = Period { from: Some(from * 10), until: Some(from * 10 + 1) };
            periods.add(7, from == 0, period);
        }
        assert_eq!(periods.get(7).len(), MOST);
        assert!(
            [0, 150, 9_990].iter().all(|time| periods.get(7).iter().any(|p| p.contains(*time)))
        );
    }
}
