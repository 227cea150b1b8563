//! Keys that were seen once lately, in little memory: a scan of many addresses makes no profiles.

use crate::online::bytes::{Reader, Writer};

/// Bits of a filter.
const BITS: u64 = 1 << 20;
/// Bits that a key sets.
const HASHES: u64 = 4;
/// Keys after which the older filter is emptied; at most one in 40 keys that were not seen is then taken for one that was.
const MOST_KEYS: u32 = 100_000;

/// Two Bloom filters (Bloom 1970, "Space/Time Trade-offs in Hash Coding with Allowable Errors") that age by turns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Doorkeeper {
    newer: Filter,
    older: Filter,
    keys: u32,
    /// When the newer one was begun.
    since: Option<i64>,
    within: i64,
}

#[derive(Clone, Debug, PartialEq)]
struct Filter(Vec<u64>);

impl Filter {
    fn new() -> Self {
        Self(vec![0; (BITS / 64) as usize])
    }

    fn places(key: u64) -> impl Iterator<Item = (usize, u64)> {
        let (start, step) = (key & 0xffff_ffff, (key >> 32) | 1);
        (0..HASHES).map(move |turn| {
            let bit = start.wrapping_add(turn.wrapping_mul(step)) % BITS;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    fn has(&self, key: u64) -> bool {
        Self::places(key).all(|(word, bit)| self.0[word] & bit != 0)
    }

    fn insert(&mut self, key: u64) {
        for (word, bit) in Self::places(key) {
            self.0[word] |= bit;
        }
    }

    fn write(&self, to: &mut Writer) {
        let is_empty = self.0.iter().all(|word| *word == 0);
        to.flag(!is_empty);
        if !is_empty {
            self.0.iter().for_each(|word| to.number(*word));
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut filter = Self::new();
        if from.flag()? {
            for word in &mut filter.0 {
                *word = from.number()?;
            }
        }
        Some(filter)
    }
}

impl Doorkeeper {
    pub fn new(within: i64) -> Self {
        let (newer, older) = (Filter::new(), Filter::new());
        Self { newer, older, keys: 0, since: None, within }
    }

    /// Whether the key was seen before lately; it was from now on.
    pub fn admits(&mut self, key: u64, now: i64) -> bool {
        let since = *self.since.get_or_insert(now);
        if now.saturating_sub(since) >= self.within || self.keys >= MOST_KEYS {
            self.older = std::mem::replace(&mut self.newer, Filter::new());
            (self.keys, self.since) = (0, Some(now));
        }
        if self.newer.has(key) || self.older.has(key) {
            return true;
        }
        self.newer.insert(key);
        self.keys += 1;
        false
    }

    pub fn write(&self, to: &mut Writer) {
        to.small(self.keys);
        to.flag(self.since.is_some());
        to.signed(self.since.unwrap_or_default());
        self.newer.write(to);
        self.older.write(to);
    }

    pub fn read(from: &mut Reader<'_>, within: i64) -> Option<Self> {
        let (keys, has_begun, since) = (from.small()?, from.flag()?, from.signed()?);
        let (newer, older) = (Filter::read(from)?, Filter::read(from)?);
        Some(Self { newer, older, keys, since: has_begun.then_some(since), within })
    }
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    #[test]
    fn the_second_time_within_its_span_is_admitted() {
        let mut door = Doorkeeper::new(100);
        assert_eq!([0, 50].map(|now| door.admits(7, now)), [false, true]);
        assert!(!door.admits(8, 60));
        assert_eq!([130, 240].map(|now| door.admits(9, now)), [false, true]);
        // The filter with it was emptied.
        assert!(!door.admits(7, 240));
    }

    #[test]
    fn few_of_many_keys_are_admitted_the_first_time() {
        let mut door = Doorkeeper::new(i64::MAX);
        let admitted =
            (0..300_000_u64).filter(|i| door.admits(xxh3_64(&i.to_le_bytes()), 0)).count();
        assert!(admitted < 7_500, "{admitted}");
    }
}
