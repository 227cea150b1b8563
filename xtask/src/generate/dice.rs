//! Chance, from a seed.

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

/// Draws from `ChaCha8`, made of its 64-bit words by sums and products only: a release of `rand` that
/// draws its ranges another way, or a machine that rounds logarithms another way, changes nothing.
pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// 0 to 1, 1 left out.
    pub fn unit(&mut self) -> f64 {
        unit(self.0.next_u64())
    }

    /// 0 to `end`, `end` left out.
    pub fn below(&mut self, end: u64) -> u64 {
        below(self.0.next_u64(), end)
    }

    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of a list that is not empty.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.place(of.len())]
    }

    pub fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// Roughly normal with mean 0 and deviation 1: twelve uniform draws, between -6 and 6.
    pub fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// Characters of an ASCII alphabet.
    pub fn text(&mut self, alphabet: &[u8], length: u64) -> String {
        (0..length).map(|_| char::from(self.pick(alphabet))).collect()
    }
}

/// A number that seems random and belongs to this one: what a thing keeps without being remembered.
/// The finaliser of `SplitMix64` (Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
/// 2014, figure 15).
pub fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// 64 random bits as a number from 0 to 1.
pub fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// 64 random bits as a number below `end`.
pub fn below(bits: u64, end: u64) -> u64 {
    u64::try_from((u128::from(bits) * u128::from(end)) >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_their_ranges_and_spread_over_them() {
        let mut dice = Dice::new(7);
        let mut seen = [0_u32; 5];
        for _ in 0..5_000 {
            seen[dice.place(5)] += 1;
            assert!((0.0..1.0).contains(&dice.unit()));
            assert!((3..=4).contains(&dice.between(3, 4)));
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        let bells: Vec<f64> = (0..5_000).map(|_| dice.bell()).collect();
        let mean = bells.iter().sum::<f64>() / 5e3;
        let variance = bells.iter().map(|bell| (bell - mean).powi(2)).sum::<f64>() / 5e3;
        assert!(mean.abs() < 0.05 && (0.9..1.1).contains(&variance), "{mean} {variance}");
    }

    /// The committed example depends on these bits.
    #[test]
    fn the_stream_of_a_seed_is_pinned() {
        let mut dice = Dice::new(1);
        let draws: Vec<u64> = (0..4).map(|_| dice.below(1_000)).collect();
        assert_eq!(draws, DRAWS);
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
    }

    const DRAWS: [u64; 4] = [402, 80, 596, 219];
}
