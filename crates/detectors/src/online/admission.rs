//! Which rows are learned from: not bursts of unusual ones, so that an attack does not become what is usual; but a world that
//! has changed.

use serde::{Deserialize, Serialize};

/// Rows with smaller p-values are unusual.
const UNUSUAL: f64 = 1e-3;
/// As many unusual rows as this share of all are learned from: twice what is expected where nothing happens. Without them the
/// tail of the scores would be forgotten.
const LEARNED: f64 = 2.0 * UNUSUAL;
/// At most so many of them are saved up.
const MOST_SAVED: f64 = 20.0;
/// The share of the last rows from which on so many are unusual that the world has changed.
const CHANGED: f64 = 0.05;
/// The last rows: their weight falls by 1/e over so many.
const LAST: f64 = 2_000.0;

/// Decides row by row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Admission {
    saved: f64,
    unusual: f64,
}

impl Admission {
    /// Whether so many of the last rows are unusual that the world has changed.
    pub fn has_changed(&self) -> bool {
        self.unusual > CHANGED
    }

    /// Whether the next row, of this p-value, is learned from.
    pub fn admit(&mut self, p: f64) -> bool {
        self.saved = (self.saved + LEARNED).min(MOST_SAVED);
        let unusual = p < UNUSUAL;
        self.unusual += (f64::from(u8::from(unusual)) - self.unusual) / LAST;
        if !unusual || self.has_changed() {
            return true;
        }
        let learned = self.saved >= 1.0;
        if learned {
            self.saved -= 1.0;
        }
        learned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_not_learned_and_a_changed_world_is() {
        let mut admission = Admission::default();
        assert!((0..10_000).all(|_| admission.admit(0.5)));
        // What was saved up of 10,000 rows is 20; then 5 % of the last 2,000 rows are about 100 of them.
        let learned: Vec<bool> = (0..300).map(|_| admission.admit(1e-6)).collect();
        let first = learned.iter().position(|learned| !learned).unwrap();
        assert_eq!(first, 20);
        let refused = learned.iter().filter(|learned| !**learned).count();
        assert!((60..120).contains(&refused), "{refused}");
        assert!(learned[200..].iter().all(|learned| *learned));
    }

    #[test]
    fn where_nothing_happens_all_are_learned() {
        let mut admission = Admission::default();
        let p = |row: u32| if row % 1_000 == 999 { 5e-4 } else { 0.3 };
        assert!((0..200_000).all(|row| admission.admit(p(row))));
    }
}
