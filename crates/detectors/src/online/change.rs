//! Whether p-values are still uniform, as they are while nothing changes.

use serde::{Deserialize, Serialize};

/// How much of the capital changes its bet at each row.
const JUMP: f64 = 0.01;
/// The capital at which there is a change: where nothing changes, it takes a million rows on average until it is reached.
const ALARM: f64 = 1e6;

/// Bets against uniform p-values: the simple jumper martingale (Vovk et al. 2021, "Retrain or Not Retrain: Conformal Test
/// Martingales for Change-Point Detection", algorithm 1), begun anew whenever it is below 1, as a CUSUM (Volkhonskiy et al.
/// 2017, "Inductive Conformal Martingales for Change-Point Detection", section 3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeDetector {
    /// Of the bets that p-values are small, that they are uniform and that they are large.
    capital: [f64; 3],
}

impl Default for ChangeDetector {
    fn default() -> Self {
        Self { capital: [1.0 / 3.0; 3] }
    }
}

impl ChangeDetector {
    /// Takes the p-value of the next row, `0..=1`. Whether there is a change; it then begins anew.
    pub fn is_change(&mut self, p: f64) -> bool {
        let total: f64 = self.capital.iter().sum();
        for (capital, bet) in self.capital.iter_mut().zip([-1.0, 0.0, 1.0]) {
            *capital = (1.0 - JUMP) * *capital + JUMP * total / 3.0;
            *capital *= 1.0 + bet * (p - 0.5);
        }
        let total: f64 = self.capital.iter().sum();
        if !(1.0..ALARM).contains(&total) {
            *self = Self::default();
        }
        total >= ALARM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between 0 and 1 that look random (Weyl sequence).
    fn uniform(row: u32) -> f64 {
        let hash = u64::from(row).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (hash >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[test]
    fn uniform_values_are_no_change_and_others_are_one_soon() {
        let mut detector = ChangeDetector::default();
        assert!((0..200_000).all(|row| !detector.is_change(uniform(row))));
        let smaller = (0..5_000).position(|row| detector.is_change(uniform(row).powi(2)));
        assert!(smaller.is_some_and(|rows| rows < 1_000), "{smaller:?}");
        let larger = (0..5_000).position(|row| detector.is_change(uniform(row).sqrt()));
        assert!(larger.is_some_and(|rows| rows < 2_000), "{larger:?}");
    }
}
