//! Distinct texts in one buffer, found by hash.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Distinct texts, numbered in order of insertion. Besides the texts themselves, one takes 9 to 15 bytes. Lookups are exact:
/// the hash finds candidates, whose text is compared.
#[derive(Default)]
pub(crate) struct Texts {
    bytes: String,
    /// The end of each text.
    ends: Vec<u32>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl Texts {
    /// Room for texts, and for their bytes together.
    pub fn with_capacity(texts: usize, bytes: usize) -> Self {
        Self {
            bytes: String::with_capacity(bytes),
            ends: Vec::with_capacity(texts),
            numbers: HashTable::with_capacity(texts),
            hasher: RandomState::default(),
        }
    }

    /// The number of a text, and whether it is a new one; nothing if there is no room for it within 4 GiB.
    pub fn insert(&mut self, text: &str) -> Option<(u32, bool)> {
        let hash = self.hasher.hash_one(text);
        let Self { bytes, ends, numbers, hasher } = self;
        let known = |number: &u32| slice(bytes, ends, *number) == text;
        if let Some(number) = numbers.find(hash, known) {
            return Some((*number, false));
        }
        let number = u32::try_from(ends.len()).ok()?;
        let end = u32::try_from(bytes.len().checked_add(text.len())?).ok()?;
        bytes.push_str(text);
        ends.push(end);
        numbers.insert_unique(hash, number, |number| hasher.hash_one(slice(bytes, ends, *number)));
        Some((number, true))
    }

    pub fn find(&self, text: &str) -> Option<u32> {
        let known = |number: &u32| self.text(*number) == text;
        self.numbers.find(self.hasher.hash_one(text), known).copied()
    }

    /// The text of a number; empty if there is none.
    pub fn text(&self, number: u32) -> &str {
        slice(&self.bytes, &self.ends, number)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns memory that was reserved for more texts.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
        let Self { bytes, ends, numbers, hasher } = self;
        numbers.shrink_to_fit(|number| hasher.hash_one(slice(bytes, ends, *number)));
    }

    /// The bytes of memory that it takes.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + 4 * self.ends.capacity() + self.numbers.allocation_size()
    }
}

fn slice<'a>(bytes: &'a str, ends: &[u32], number: u32) -> &'a str {
    let number = number as usize;
    let end = ends.get(number).map_or(0, |end| *end as usize);
    let start =
        number.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| *end as usize);
    bytes.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_a_set(texts in proptest::collection::vec("[ab\u{e9}]{0,3}", 0..200), probe in "[ab\u{e9}]{0,4}") {
            let mut found = Texts::default();
            let mut expected: Vec<&String> = Vec::new();
            for text in &texts {
                let (number, new) = found.insert(text).unwrap();
                prop_assert_eq!(new, !expected.contains(&text));
                if new {
                    expected.push(text);
                }
                prop_assert_eq!(expected[number as usize], text);
            }
            found.shrink();
            let set: HashSet<&str> = texts.iter().map(String::as_str).collect();
            prop_assert_eq!(found.len(), set.len());
            prop_assert_eq!(found.find(&probe).is_some(), set.contains(probe.as_str()));
            for (number, text) in (0..).zip(expected) {
                prop_assert_eq!((found.text(number), found.find(text)), (text.as_str(), Some(number)));
            }
        }
    }
}
