//! Counts of the values of a column in bounded memory.

use std::{
    cmp::Reverse,
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::sketch::DistinctSketch;

/// Bytes of a text that are kept. Texts that differ behind them are counted as different ones all the same.
const MAX_TEXT: usize = 512;
/// Memory of an entry beside its text, about.
const ENTRY: usize = 64;

/// The most frequent texts with their numbers of rows, and the number of different ones. Both are exact until the texts
/// take more than `budget` bytes; then the rarer half is dropped.
pub struct ValueCounts {
    counts: HashMap<u64, ValueCount>,
    sketch: DistinctSketch,
    bytes: usize,
    budget: usize,
    /// Texts that have been entered.
    entered: usize,
    /// Whether texts have been dropped.
    dropped: bool,
}

struct ValueCount {
    text: Box<str>,
    rows: usize,
    /// The order of entries.
    place: usize,
}

impl ValueCounts {
    /// `budget`: bytes.
    pub fn new(budget: usize) -> Self {
        Self {
            counts: HashMap::new(),
            sketch: DistinctSketch::default(),
            bytes: 0,
            budget,
            entered: 0,
            dropped: false,
        }
    }

    /// Counts a row, and returns the hash of its text.
    pub fn add(&mut self, text: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        if let Some(count) = self.counts.get_mut(&hash) {
            count.rows += 1;
            return hash;
        }
        self.sketch.insert(hash);
        let text = &text[..text.floor_char_boundary(MAX_TEXT)];
        self.bytes += text.len() + ENTRY;
        self.counts.insert(hash, ValueCount { text: text.into(), rows: 1, place: self.entered });
        self.entered += 1;
        if self.bytes > self.budget {
            self.drop_rare();
        }
        hash
    }

    /// Drops half of the texts: the rarer ones, and of equally rare ones the later.
    fn drop_rare(&mut self) {
        let mut order: Vec<(Reverse<usize>, usize, u64)> = self
            .counts
            .iter()
            .map(|(hash, count)| (Reverse(count.rows), count.place, *hash))
            .collect();
        order.sort_unstable();
        for (_, _, hash) in order.split_off(order.len().div_ceil(2)) {
            if let Some(count) = self.counts.remove(&hash) {
                self.bytes -= count.text.len() + ENTRY;
            }
        }
        self.dropped = true;
    }

    /// The number of different texts: an estimate where texts have been dropped.
    pub fn distinct(&self) -> usize {
        if self.dropped { self.sketch.estimate().max(self.counts.len()) } else { self.counts.len() }
    }

    /// The texts, the most frequent first, of equally frequent ones the first.
    pub fn into_values(self) -> Vec<(String, usize)> {
        let mut counts: Vec<ValueCount> = self.counts.into_values().collect();
        counts.sort_unstable_by_key(|count| (Reverse(count.rows), count.place));
        counts.into_iter().map(|count| (count.text.into(), count.rows)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_counted_exactly() {
        let mut counts = ValueCounts::new(10_000);
        for text in ["b", "a", "b", "c", "c", ""] {
            counts.add(text);
        }
        assert_eq!(counts.distinct(), 4);
        let values = counts.into_values();
        let expected = [("b", 2), ("c", 2), ("a", 1), ("", 1)];
        assert_eq!(values, expected.map(|(text, rows)| (text.to_owned(), rows)));
    }

    #[test]
    fn many_values_take_bounded_memory() {
        let mut counts = ValueCounts::new(64 << 10);
        for row in 0..50_000 {
            counts.add(&format!("{row}{}", "ü".repeat(600)));
            counts.add(if row % 2 == 0 { "even" } else { "odd" });
        }
        assert!(counts.bytes <= 64 << 10);
        assert!(counts.distinct().abs_diff(50_002) < 2_500, "{}", counts.distinct());
        let values = counts.into_values();
        assert_eq!(values[0], ("even".to_owned(), 25_000));
        assert_eq!(values[1], ("odd".to_owned(), 25_000));
        assert!(values.iter().all(|(text, _)| text.len() <= MAX_TEXT));
    }
}
