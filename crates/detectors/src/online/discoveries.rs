//! Which p-values are discoveries, so that about a given share of the discoveries is false.

use std::{collections::VecDeque, sync::LazyLock};

use serde::{Deserialize, Serialize};

/// A discovery counts half after so many rows.
const HALF_LIFE: f64 = 5_000.0;
/// A discovery earns levels for so many rows.
const EARNING: u64 = 10_000;

/// What a discovery earns for each of the rows behind it, as a share of the level: a sequence that adds up to 1 at most, so that
/// the next rows get most (Ramdas et al. 2017, section 4), times the weight that the discovery has left.
static EARNED: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let raw = (1..=EARNING).map(|row| {
        let row = row as f64;
        let log = row.max(2.0).ln();
        log / (row * log.sqrt().exp())
    });
    let raw: Vec<f64> = raw.collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().zip(1..).map(|(share, row)| share / sum * decay().powi(row)).collect()
});

fn decay() -> f64 {
    (-1.0 / HALF_LIFE).exp2()
}

/// Online control of the false discovery rate with decaying memory: LORD++ (Ramdas, Yang, Wainwright and Jordan 2017, "Online
/// control of the false discovery rate with decaying memory") with a level that never falls to nothing (Rebjock, Kurt,
/// Januschowski and Callot 2021, "Online false discovery rate control for anomaly detection in time series").
///
/// With the rows weighted by their age, the expected share of false ones among all discoveries and one more is at most
/// the level, if the p-values are uniform or larger where nothing happens, whatever came before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Discoveries {
    /// The rows so far.
    rows: u64,
    /// The numbers of the rows that were discoveries, from 1, of the last ones.
    found: VecDeque<u64>,
}

impl Discoveries {
    /// The largest p-value of the next row with which it is a discovery. `share`: of false discoveries, `0..1`.
    pub fn level(&self, share: f64) -> f64 {
        let earned = self.found.iter().filter_map(|found| {
            let between = usize::try_from(self.rows - found).ok()?;
            EARNED.get(between)
        });
        share * (Self::floor() + earned.sum::<f64>())
    }

    /// The level of a row long after the last discovery, as a part of the share: as much as is forgotten with a row.
    pub fn floor() -> f64 {
        1.0 - decay()
    }

    /// Whether the next row, of this p-value, is a discovery.
    pub fn is_discovery(&mut self, p: f64, share: f64) -> bool {
        while self.found.front().is_some_and(|found| self.rows - found >= EARNING) {
            self.found.pop_front();
        }
        let is_found = p <= self.level(share);
        self.rows += 1;
        if is_found {
            self.found.push_back(self.rows);
        }
        is_found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Numbers between 0 and 1.
    fn uniform(seed: u64) -> impl FnMut() -> f64 {
        let mut random = Random(seed);
        move || random.next()
    }

    #[test]
    fn where_nothing_happens_there_are_hardly_any() {
        let (mut share, mut false_ones) = (0.0, 0);
        for seed in 0..200 {
            let (mut discoveries, mut random) = (Discoveries::default(), uniform(seed));
            let mut weight = 0.0;
            for _ in 0..20_000 {
                let found = discoveries.is_discovery(random(), 0.1);
                weight = weight * decay() + f64::from(u8::from(found));
                false_ones += u64::from(found);
            }
            share += weight / (weight + 1.0) / 200.0;
        }
        // All are false, so the bound is on the share of them and one more.
        assert!(share < 0.1, "{share}");
        assert!((20..200 * 20_000 / 10_000).contains(&false_ones), "{false_ones}");
    }

    /// False and true discoveries, and what there was to discover, of 200,000 rows of which some are anomalies.
    fn discovered(level: f64, anomalies: f64, seed: u64) -> (f64, f64) {
        let (mut discoveries, mut random) = (Discoveries::default(), uniform(seed));
        let (mut wrong, mut right, mut there) = (0.0, 0.0, 0.0);
        for _ in 0..200_000 {
            let is_anomaly = random() < anomalies;
            // Of an anomaly between 1e-8 and 1e-3.
            let p = if is_anomaly { 10_f64.powf(-3.0 - 5.0 * random()) } else { random() };
            let found = discoveries.is_discovery(p, level);
            let one = f64::from(u8::from(found));
            if is_anomaly {
                right += one;
            } else {
                wrong += one;
            }
            there += f64::from(u8::from(is_anomaly));
        }
        (wrong / f64::max(right + wrong, 1.0), right / there)
    }

    #[test]
    fn the_share_of_false_ones_is_as_asked_for() {
        for (level, anomalies, least) in [(0.1, 0.01, 0.8), (0.1, 0.001, 0.6), (0.3, 0.01, 0.8)] {
            let (mut wrong, mut found) = (0.0, 0.0);
            for seed in 0..10 {
                let one = discovered(level, anomalies, seed);
                (wrong, found) = (wrong + one.0 / 10.0, found + one.1 / 10.0);
            }
            // The bound counts one discovery more than there are, which few are.
            assert!(
                wrong < 1.2 * level && wrong > 0.2 * level,
                "{wrong} of {level} at {anomalies}"
            );
            assert!(found > least, "{found} at {level} and {anomalies}");
        }
        let (strict, loose) = (discovered(0.01, 0.01, 1), discovered(0.3, 0.01, 1));
        assert!(strict.0 < loose.0 && strict.1 < loose.1, "{strict:?} {loose:?}");
    }

    #[test]
    fn silence_does_not_end_discoveries_and_states_continue() {
        let mut discoveries = Discoveries::default();
        assert!((0..1_000_000).all(|_| !discoveries.is_discovery(0.5, 0.1)));
        let before = discoveries.level(0.1);
        assert!(discoveries.is_discovery(1e-6, 0.1));
        // More come behind one.
        assert!(discoveries.level(0.1) > 10.0 * before);
        let text = serde_json::to_string(&discoveries).unwrap();
        let mut read: Discoveries = serde_json::from_str(&text).unwrap();
        for row in 0..20_000_u32 {
            let p = f64::from(row * 7_919 % 20_000) / 20_000.0;
            assert_eq!(read.is_discovery(p, 0.1), discoveries.is_discovery(p, 0.1));
        }
        assert_eq!(read, discoveries);
    }
}
