//! How far each partition has been read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The offset of the next record of each partition; 0 where none has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Positions(BTreeMap<u32, u64>);

impl Positions {
    /// The offset of the next record of a partition.
    pub fn next(&self, partition: u32) -> u64 {
        self.0.get(&partition).copied().unwrap_or(0)
    }

    /// Sets the offset of the next record; it never goes back.
    pub fn advance(&mut self, partition: u32, next: u64) {
        let position = self.0.entry(partition).or_default();
        *position = next.max(*position);
    }

    /// Whether no partition is behind `other`.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(partition, next)| self.next(*partition) >= *next)
    }

    /// The records of all partitions before these positions.
    pub fn records(&self) -> u64 {
        self.0.values().sum()
    }
}

impl FromIterator<(u32, u64)> for Positions {
    fn from_iter<I: IntoIterator<Item = (u32, u64)>>(positions: I) -> Self {
        Self(positions.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_was_not_read_is_at_its_start() {
        let mut one: Positions = [(0, 5)].into_iter().collect();
        let two: Positions = [(0, 5), (1, 1)].into_iter().collect();
        assert!(two.covers(&one) && !one.covers(&two));
        one.advance(1, 3);
        one.advance(1, 2);
        assert_eq!((one.next(1), one.next(7), one.records()), (3, 0, 8));
    }
}
