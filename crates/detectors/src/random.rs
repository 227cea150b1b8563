//! Numbers that look random and are the same in each run.

/// Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators", figure 16 (`SplitMix64`).
pub(crate) fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(STEP);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The numbers of a seed, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Random(pub u64);

impl Random {
    /// `0..1`.
    pub fn next(&mut self) -> f64 {
        let value = mixed(self.0);
        self.0 = self.0.wrapping_add(STEP);
        ((value >> 11) as f64) / (1_u64 << 53) as f64
    }
}
