//! A seeded random generator whose stream never changes.

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

/// `ChaCha8`. Draws are computed from its 64-bit words by sums and products only, so that neither another release of
/// `rand` nor another mathematics library changes the data.
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// From 0 to 1, without 1.
    pub fn unit(&mut self) -> f64 {
        unit(self.0.next_u64())
    }

    /// From 0 to `end`, without `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        below(self.0.next_u64(), end)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// An element of a list that is not empty.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.index(list.len())]
    }

    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// Roughly normal with mean 0 and standard deviation 1, from twelve uniform draws; between -6 and 6.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// Random characters of an ASCII alphabet.
    pub fn text(&mut self, alphabet: &[u8], length: u64) -> String {
        (0..length).map(|_| char::from(self.pick(alphabet))).collect()
    }
}

/// A hash of a number, for properties that must stay the same without being stored. The finaliser of `SplitMix64` (Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
/// 2014, figure 15).
pub fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// 64 random bits as a number from 0 to 1, without 1.
pub fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// 64 random bits as a number from 0 to `end`, without `end`.
pub fn below(bits: u64, end: u64) -> u64 {
    u64::try_from((u128::from(bits) * u128::from(end)) >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_their_ranges_and_spread_over_them() {
        let mut random = Random::new(7);
        let mut seen = [0_u32; 5];
        for _ in 0..5_000 {
            seen[random.index(5)] += 1;
            assert!((0.0..1.0).contains(&random.unit()));
            assert!((3..=4).contains(&random.between(3, 4)));
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        let draws: Vec<f64> = (0..5_000).map(|_| random.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 5e3;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 5e3;
        assert!(mean.abs() < 0.05 && (0.9..1.1).contains(&variance), "{mean} {variance}");
    }

    /// The committed example depends on these bits.
    #[test]
    fn the_stream_of_a_seed_is_pinned() {
        let mut random = Random::new(1);
        let draws: Vec<u64> = (0..4).map(|_| random.below(1_000)).collect();
        assert_eq!(draws, DRAWS);
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
    }

    const DRAWS: [u64; 4] = [402, 80, 596, 219];
}
