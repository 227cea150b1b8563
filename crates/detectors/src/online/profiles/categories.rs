//! How often a category had which value: exactly of the values that all rows have, and the most frequent ones of an entity.

use std::collections::HashMap;

use super::{Value, numbers};
use crate::online::bytes::{Reader, Writer};

/// At so many rows, counts halve.
const MOST: u32 = numbers::MOST as u32;
/// The values that are counted of all rows.
const VALUES: usize = 4_096;
/// Those of an entity.
const FREQUENT: usize = 8;

/// The hash that a value is counted by; missing values are one.
fn hash(value: Value) -> u64 {
    match value {
        Value::Category(hash) => hash,
        Value::Missing => 0,
        Value::Number(number) => number.to_bits(),
    }
}

/// Counts of the values of all rows. Where there are too many values, counts halve, and values that are at 0 are counted
/// together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Frequencies {
    counts: HashMap<u64, u32>,
    /// Rows with values that have no count of their own.
    others: u32,
    /// The rows by the logarithm to base 2 of their value's count; others are at 0.
    by_magnitude: [u32; 17],
}

impl Frequencies {
    /// The rows whose values are at most as frequent, of frequencies up to the next power of two, and all.
    pub fn tail(&self, value: Value) -> (f64, f64) {
        let place = self.counts.get(&hash(value)).map(|count| magnitude(*count));
        let total: u32 = self.by_magnitude.iter().sum();
        // A value that was never seen is as rare as those that were seen once.
        let tail: u32 = self.by_magnitude[..=place.unwrap_or(0)].iter().sum();
        (f64::from(tail), f64::from(total))
    }

    pub fn add(&mut self, value: Value) {
        let key = hash(value);
        if self.counts.len() >= VALUES && !self.counts.contains_key(&key) {
            while self.counts.len() > VALUES / 2 {
                self.halve();
            }
        }
        let count = self.counts.entry(key).or_insert(0);
        if *count > 0 {
            self.by_magnitude[magnitude(*count)] -= *count;
        }
        *count += 1;
        self.by_magnitude[magnitude(*count)] += *count;
        if self.by_magnitude.iter().sum::<u32>() >= MOST {
            self.halve();
        }
    }

    pub fn halve(&mut self) {
        let mut gone = 0;
        self.counts.retain(|_, count| {
            gone += *count % 2;
            *count /= 2;
            *count > 0
        });
        // Of a value that was seen once, half a row stays.
        self.others = u32::midpoint(self.others, gone);
        self.count_magnitudes();
    }

    fn count_magnitudes(&mut self) {
        self.by_magnitude = [0; 17];
        self.by_magnitude[0] = self.others;
        for count in self.counts.values() {
            self.by_magnitude[magnitude(*count)] += count;
        }
    }

    pub fn write(&self, to: &mut Writer) {
        let mut counts: Vec<(&u64, &u32)> = self.counts.iter().collect();
        counts.sort_unstable();
        to.length(counts.len());
        for (key, count) in counts {
            to.number(*key);
            to.small(*count);
        }
        to.small(self.others);
    }

    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut counts = HashMap::new();
        for _ in 0..from.length()? {
            let (key, count) = (from.number()?, from.small()?);
            counts.insert(key, Some(count).filter(|count| (1..MOST).contains(count))?);
        }
        let others = Some(from.small()?).filter(|others| *others < MOST)?;
        let mut read = Self { counts, others, by_magnitude: [0; 17] };
        read.count_magnitudes();
        Some(read)
    }
}

fn magnitude(count: u32) -> usize {
    (count.max(1).ilog2() as usize).min(16)
}

/// The eight most frequent values, and how often another one came (after Misra and Gries 1982, "Finding Repeated Elements": a
/// further value lowers the least count alone, so that those of a steady entity stay).
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Frequent {
    /// The lower half of a value's hash, and its count.
    values: Vec<(u32, u16)>,
    others: u16,
}

/// The part of a hash that an entity keeps.
fn short(value: Value) -> u32 {
    (hash(value) & u64::from(u32::MAX)) as u32
}

impl Frequent {
    /// The rows whose values are at most as frequent, and all.
    pub fn tail(&self, value: Value) -> (f64, f64) {
        let key = short(value);
        let here = self.values.iter().find(|(known, _)| *known == key).map(|(_, count)| *count);
        let (mut tail, mut total) = (u32::from(self.others), u32::from(self.others));
        for (_, count) in &self.values {
            total += u32::from(*count);
            tail += if here.is_some_and(|here| *count <= here) { u32::from(*count) } else { 0 };
        }
        (f64::from(tail), f64::from(total))
    }

    pub fn add(&mut self, value: Value) {
        let key = short(value);
        if let Some((_, count)) = self.values.iter_mut().find(|(known, _)| *known == key) {
            *count += 1;
        } else if self.values.len() < FREQUENT {
            self.values.push((key, 1));
        } else if let Some(least) = self.values.iter_mut().min_by_key(|(_, count)| *count) {
            self.others += 1;
            least.1 -= 1;
            if least.1 == 0 {
                *least = (key, 1);
            } else {
                self.others += 1;
            }
        }
        let total: u32 = self.values.iter().map(|(_, count)| u32::from(*count)).sum();
        if total + u32::from(self.others) >= MOST {
            self.halve();
        }
    }

    pub fn halve(&mut self) {
        self.values.iter_mut().for_each(|(_, count)| *count /= 2);
        self.values.retain(|(_, count)| *count > 0);
        self.others /= 2;
    }

    pub fn write(&self, to: &mut Writer) {
        to.count(self.others);
        to.length(self.values.len());
        for (key, count) in &self.values {
            to.small(*key);
            to.count(*count);
        }
    }

    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        let others = from.count()?;
        let length = Some(from.length()?).filter(|length| *length <= FREQUENT)?;
        let mut values = Vec::with_capacity(length);
        for _ in 0..length {
            values.push((from.small()?, from.count()?));
        }
        let total: u32 = values.iter().map(|(_, count)| u32::from(*count)).sum();
        (total + u32::from(others) < MOST).then_some(Self { values, others })
    }
}
