//! The number of distinct values in a sliding window: exact for up to [`MAX_EXACT`] values, then a sketch.

use polars::prelude::PlHashMap;

use serde::{Deserialize, Serialize};

use super::window::{KeyState, RowTime};

/// The most values of a key that are counted exactly.
pub(crate) const MAX_EXACT: usize = 10_000;
/// No position.
const NONE: u32 = u32::MAX;

/// Counts the distinct values of a key. Values are 64-bit hashes.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Distinct {
    window: Option<i64>,
    recent: RecentValues,
    /// In place of `recent`, from the first window with too many values until one without any.
    sketch: Option<Box<Sketch>>,
}

impl Distinct {
    pub fn new(window: Option<i64>) -> Self {
        Self { window, recent: RecentValues::default(), sketch: None }
    }
}

impl KeyState for Distinct {
    type Row = Option<u64>;
    type Value = i64;

    fn push(&mut self, at: RowTime, value: Option<u64>) -> Option<i64> {
        let start = self.window.map(|window| at.newest.saturating_sub(window));
        let value = value.filter(|_| at.is_within(self.window));
        if let Some(sketch) = &mut self.sketch {
            if let Some(start) = start {
                sketch.expire(start);
            }
            if self.window.is_some() && sketch.is_empty() {
                self.sketch = None;
            }
        }
        if let Some(sketch) = &mut self.sketch {
            if let Some(value) = value {
                // Its candidates are in the order of time: a row that is behind counts at that of the newest.
                sketch.insert(at.newest, value);
            }
            return Some(sketch.estimate());
        }
        if let Some(start) = start {
            self.recent.expire(start);
        }
        if let Some(value) = value {
            self.recent.insert(at.time, value);
        }
        if self.recent.len() > MAX_EXACT {
            let mut sketch = Box::new(Sketch::new(self.window.is_some()));
            self.recent.drain().for_each(|(time, value)| sketch.insert(time, value));
            let estimate = sketch.estimate();
            self.sketch = Some(sketch);
            return Some(estimate);
        }
        i64::try_from(self.recent.len()).ok()
    }

    fn clear(&mut self) {
        self.recent.clear();
        self.sketch = None;
    }
}

/// The values in the window with the time of their last row.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(into = "Vec<(i64, u64)>", from = "Vec<(i64, u64)>")]
struct RecentValues {
    slots: PlHashMap<u64, u32>,
    values: TimeList<u64>,
}

impl RecentValues {
    fn len(&self) -> usize {
        self.slots.len()
    }

    fn insert(&mut self, time: i64, value: u64) {
        if self.slots.get(&value).is_some_and(|slot| self.values.time(*slot) > time) {
            return;
        }
        let slot = self.values.insert(time, value);
        if let Some(older) = self.slots.insert(value, slot) {
            self.values.remove(older);
        }
    }

    /// Removes values whose last row is at `start` or before.
    fn expire(&mut self, start: i64) {
        while let Some(value) = self.values.pop_until(start) {
            self.slots.remove(&value);
        }
    }

    /// Removes all values, the oldest first.
    fn drain(&mut self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.slots.clear();
        std::iter::from_fn(|| {
            let time = self.values.first_time()?;
            Some((time, self.values.pop_until(time)?))
        })
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.values.clear();
    }
}

impl From<RecentValues> for Vec<(i64, u64)> {
    fn from(mut values: RecentValues) -> Self {
        values.drain().collect()
    }
}

impl From<Vec<(i64, u64)>> for RecentValues {
    fn from(stored: Vec<(i64, u64)>) -> Self {
        let mut values = Self::default();
        stored.into_iter().for_each(|(time, value)| values.insert(time, value));
        values
    }
}

/// Items in the order of their times, which can be removed from anywhere.
#[derive(Clone)]
struct TimeList<T> {
    entries: Vec<Entry<T>>,
    first: u32,
    last: u32,
    free: Vec<u32>,
}

#[derive(Clone)]
struct Entry<T> {
    time: i64,
    item: T,
    previous: u32,
    next: u32,
}

impl<T> Default for TimeList<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), first: NONE, last: NONE, free: Vec::new() }
    }
}

impl<T: Copy> TimeList<T> {
    /// Inserts an item behind those of its time and before, and returns its slot.
    fn insert(&mut self, time: i64, item: T) -> u32 {
        let (mut previous, mut next) = (self.last, NONE);
        while let Some(entry) =
            self.entries.get(previous as usize).filter(|entry| entry.time > time)
        {
            (previous, next) = (entry.previous, previous);
        }
        let entry = Entry { time, item, previous, next };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot as usize] = entry;
                slot
            }
            None => {
                self.entries.push(entry);
                // There are no more entries than rows, whose number is a u32.
                u32::try_from(self.entries.len() - 1).unwrap_or(NONE)
            }
        };
        match self.entries.get_mut(previous as usize) {
            Some(previous) => previous.next = slot,
            None => self.first = slot,
        }
        match self.entries.get_mut(next as usize) {
            Some(next) => next.previous = slot,
            None => self.last = slot,
        }
        slot
    }

    fn time(&self, slot: u32) -> i64 {
        self.entries[slot as usize].time
    }

    fn get(&self, slot: u32) -> T {
        self.entries[slot as usize].item
    }

    fn remove(&mut self, slot: u32) {
        let Entry { previous, next, .. } = self.entries[slot as usize];
        match self.entries.get_mut(previous as usize) {
            Some(previous) => previous.next = next,
            None => self.first = next,
        }
        match self.entries.get_mut(next as usize) {
            Some(next) => next.previous = previous,
            None => self.last = previous,
        }
        self.free.push(slot);
    }

    fn first_time(&self) -> Option<i64> {
        self.entries.get(self.first as usize).map(|entry| entry.time)
    }

    /// Removes the first item, if its time is `time` or before.
    fn pop_until(&mut self, time: i64) -> Option<T> {
        let slot = self.first;
        let Entry { time: found, item, .. } = self.entries.get(slot as usize)?;
        if *found > time {
            return None;
        }
        let item = *item;
        self.remove(slot);
        Some(item)
    }

    fn is_empty(&self) -> bool {
        self.first == NONE
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.free.clear();
        (self.first, self.last) = (NONE, NONE);
    }
}

/// 2^14 registers: a standard error of 1.04 / 2^7 = 0.81 %.
const PRECISION: u32 = 14;
const REGISTERS: usize = 1 << PRECISION;
/// The rank of a hash whose other bits are all zero.
const MAX_RANK: u32 = u64::BITS - PRECISION + 1;

/// `HyperLogLog` for a sliding window: a register keeps, beside the largest rank, the ranks that are the largest when
/// those before them expire (Chabchoub and Hébrail, "Sliding `HyperLogLog`", 2010).
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "Candidates", try_from = "Candidates")]
struct Sketch {
    windowed: bool,
    /// The candidates of all registers: register and rank.
    candidates: TimeList<(u16, u8)>,
    /// The slots of the candidates of each register, by falling rank and rising time. Without a window: the rank.
    registers: Vec<Vec<u32>>,
    /// The number of registers by their largest rank.
    histogram: [u32; MAX_RANK as usize + 1],
}

/// The candidates of a sketch, the oldest first, as they are stored: time, register and rank.
#[derive(Serialize, Deserialize)]
struct Candidates {
    windowed: bool,
    oldest_first: Vec<(i64, u16, u8)>,
}

impl From<Sketch> for Candidates {
    fn from(mut sketch: Sketch) -> Self {
        let oldest = || {
            let time = sketch.candidates.first_time()?;
            let (register, rank) = sketch.candidates.pop_until(time)?;
            Some((time, register, rank))
        };
        let oldest_first = std::iter::from_fn(oldest).collect();
        Self { windowed: sketch.windowed, oldest_first }
    }
}

impl TryFrom<Candidates> for Sketch {
    type Error = &'static str;

    fn try_from(stored: Candidates) -> Result<Self, Self::Error> {
        let mut sketch = Self::new(stored.windowed);
        for (time, register, rank) in stored.oldest_first {
            if usize::from(register) >= REGISTERS || u32::from(rank) > MAX_RANK {
                return Err("a sketch with other registers");
            }
            sketch.insert_rank(time, register, rank);
        }
        Ok(sketch)
    }
}

impl Sketch {
    fn new(windowed: bool) -> Self {
        let mut histogram = [0; MAX_RANK as usize + 1];
        histogram[0] = 1 << PRECISION;
        let registers = vec![Vec::new(); REGISTERS];
        Self { windowed, candidates: TimeList::default(), registers, histogram }
    }

    fn insert(&mut self, time: i64, hash: u64) {
        let register = (hash >> (u64::BITS - PRECISION)) as u16;
        let rank = ((hash << PRECISION).leading_zeros() + 1).min(MAX_RANK) as u8;
        self.insert_rank(time, register, rank);
    }

    fn insert_rank(&mut self, time: i64, register: u16, rank: u8) {
        let slots = &mut self.registers[usize::from(register)];
        let before = slots.first().map_or(0, |slot| self.candidates.get(*slot).1);
        if !self.windowed && rank <= before {
            return;
        }
        while let Some(slot) = slots.pop_if(|slot| self.candidates.get(*slot).1 <= rank) {
            self.candidates.remove(slot);
        }
        slots.push(self.candidates.insert(time, (register, rank)));
        self.move_register(before, before.max(rank));
    }

    /// Removes rows at `start` or before.
    fn expire(&mut self, start: i64) {
        while let Some((register, rank)) = self.candidates.pop_until(start) {
            // The oldest candidate of a register is its largest.
            let slots = &mut self.registers[usize::from(register)];
            slots.remove(0);
            let next = slots.first().map_or(0, |slot| self.candidates.get(*slot).1);
            self.move_register(rank, next);
        }
    }

    fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    fn move_register(&mut self, from: u8, to: u8) {
        self.histogram[usize::from(from)] -= 1;
        self.histogram[usize::from(to)] += 1;
    }

    /// Ertl, "New cardinality estimation algorithms for `HyperLogLog` sketches" (2017), algorithm 6.
    #[expect(clippy::cast_possible_truncation, reason = "an estimate of at most 2^64 values")]
    fn estimate(&self) -> i64 {
        let registers = REGISTERS as f64;
        let [empty, ranks @ .., saturated] = &self.histogram;
        let tail = registers * tau(1.0 - f64::from(*saturated) / registers);
        let sum = ranks.iter().rev().fold(tail, |sum, count| 0.5 * (sum + f64::from(*count)));
        let sum = sum + registers * sigma(f64::from(*empty) / registers);
        (registers * registers / (2.0 * std::f64::consts::LN_2 * sum)).round() as i64
    }
}

/// x + the sum of x^(2^k) 2^(k - 1) over k from 1.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut factor, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * factor;
        factor += factor;
        if sum == before {
            return sum;
        }
    }
}

/// A third of 1 - x - the sum of (1 - x^(2^-k))^2 2^-k over k from 1.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut factor, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        factor *= 0.5;
        sum -= (1.0 - x).powi(2) * factor;
        if sum == before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn hash(value: u64) -> u64 {
        xxh3_64(&value.to_le_bytes())
    }

    fn at(time: i64) -> RowTime {
        RowTime { time, newest: time }
    }

    #[test]
    fn estimates_are_near_and_small_windows_are_exact_again() {
        // Each time has a distinct value: as many values as the window is long.
        for window in [20_000, 200_000] {
            let mut state = Distinct::new(Some(window));
            let mut errors = Vec::new();
            for time in 0..3 * window {
                let value = state.push(at(time), Some(hash(time.unsigned_abs()))).unwrap();
                let expected = (time + 1).min(window);
                if expected <= 10_000 {
                    assert_eq!(value, expected);
                }
                errors.push((value - expected).abs() as f64 / expected as f64);
            }
            let largest = errors.iter().copied().fold(0.0, f64::max);
            assert!(largest < 0.03, "{largest} is more than 3 standard errors");
            // After a pause the window is empty, and counts are exact.
            let later = 10 * window;
            assert_eq!(state.push(at(later), None), Some(0));
            assert_eq!(state.push(at(later), Some(1)), Some(1));
            assert_eq!(state.push(at(later + 1), Some(1)), Some(1));
            assert_eq!(state.push(at(later + window), Some(2)), Some(2));
            assert_eq!(state.push(at(later + window + 1), Some(2)), Some(1));
        }
    }

    #[test]
    fn without_a_window_all_values_count() {
        let mut state = Distinct::new(None);
        let mut last = 0;
        for time in 0..300_000_u64 {
            last = state.push(at(0), Some(hash(time / 3))).unwrap();
        }
        assert!((last - 100_000).abs() < 3_000, "{last}");
        state.clear();
        assert_eq!(state.push(at(0), Some(1)), Some(1));
    }

    /// What the window holds decides, whatever was before it.
    #[test]
    fn a_sketch_forgets_what_has_expired() {
        let mut slid = Sketch::new(true);
        for time in 0..100_000_i64 {
            slid.expire(time - 30_000);
            slid.insert(time, hash(time.unsigned_abs() % 70_000));
        }
        let mut fresh = Sketch::new(true);
        let mut last: HashMap<u64, i64> = HashMap::new();
        for time in 70_000..100_000_i64 {
            last.insert(time.unsigned_abs() % 70_000, time);
            fresh.insert(time, hash(time.unsigned_abs() % 70_000));
        }
        slid.expire(69_999);
        assert_eq!(slid.histogram, fresh.histogram);
        assert!((slid.estimate() - 30_000).abs() < 900, "{}", slid.estimate());
    }
}
