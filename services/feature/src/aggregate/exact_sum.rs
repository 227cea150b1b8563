//! Sums of floating-point numbers without rounding errors.
//!
//! The "small superaccumulator" of Neal, "Fast exact summation using small and large superaccumulators" (2015): a
//! fixed-point number that covers the whole range of `f64`. Additions and subtractions are exact, so that a value that
//! leaves a window leaves no residue, and a sum does not depend on the order of its values.

use serde::{Deserialize, Serialize};

/// Bits of a digit.
const DIGIT_BITS: u32 = 32;
/// Digits from 2^-1074 to the largest `f64`, and room for carries.
const DIGITS: usize = 68;
/// The most additions before digits are carried: they cannot overflow by then.
const MAX_ADDITIONS: u32 = 1 << 29;
/// The weight of the lowest bit is 2 to this power.
const LOWEST_EXPONENT: i32 = -1074;

/// An exact sum of finite numbers.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "Digits", try_from = "Digits")]
pub(crate) struct ExactSum {
    /// Digit `i` has the weight 2^(32 i - 1074). Digits are signed, and longer than 32 bits until they are carried.
    digits: [i64; DIGITS],
    /// The digits from `first` to before `end` may be nonzero.
    first: usize,
    end: usize,
    additions: u32,
}

/// The digits of a sum that may be nonzero, as they are stored.
#[derive(Serialize, Deserialize)]
struct Digits {
    first: usize,
    digits: Vec<i64>,
    additions: u32,
}

impl From<ExactSum> for Digits {
    fn from(sum: ExactSum) -> Self {
        let digits = sum.digits.get(sum.first..sum.end).unwrap_or_default().to_vec();
        Self { first: sum.first, digits, additions: sum.additions }
    }
}

impl TryFrom<Digits> for ExactSum {
    type Error = &'static str;

    fn try_from(stored: Digits) -> Result<Self, Self::Error> {
        let mut sum = Self::default();
        if !stored.digits.is_empty() {
            let end = stored.first.saturating_add(stored.digits.len());
            let digits = sum.digits.get_mut(stored.first..end).ok_or("a sum of too many digits")?;
            digits.copy_from_slice(&stored.digits);
            (sum.first, sum.end) = (stored.first, end);
        }
        sum.additions = stored.additions;
        Ok(sum)
    }
}

impl Default for ExactSum {
    fn default() -> Self {
        Self { digits: [0; DIGITS], first: DIGITS, end: 0, additions: 0 }
    }
}

impl ExactSum {
    /// Adds a finite number.
    pub fn add(&mut self, value: f64) {
        let bits = value.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        // Subnormal numbers have the exponent 0, the scale of exponent 1 and no leading bit.
        let (mantissa, position) = match (bits >> 52) & 0x7ff {
            0 => (fraction, 0),
            exponent => (fraction | 1 << 52, exponent - 1),
        };
        if mantissa == 0 {
            return;
        }
        let first = low_bits(u128::from(position / u64::from(DIGIT_BITS))) as usize;
        let shifted = u128::from(mantissa) << (position % u64::from(DIGIT_BITS));
        let sign = if value < 0.0 { -1 } else { 1 };
        for (digit, shift) in self.digits[first..first + 3].iter_mut().zip([0, 32, 64]) {
            *digit += sign * i64::from(low_bits(shifted >> shift));
        }
        self.first = self.first.min(first);
        self.end = self.end.max(first + 3);
        self.additions += 1;
        if self.additions >= MAX_ADDITIONS {
            self.carry();
        }
    }

    /// Subtracts a number that was added before.
    pub fn subtract(&mut self, value: f64) {
        self.add(-value);
    }

    pub fn clear(&mut self) {
        if self.first < self.end {
            self.digits[self.first..self.end].fill(0);
        }
        (self.first, self.end, self.additions) = (DIGITS, 0, 0);
    }

    /// The sum, correctly rounded; infinite beyond the range of `f64`.
    pub fn value(&self) -> f64 {
        let magnitude = self.round(1).or_else(|| self.round(-1).map(|negated| -negated));
        magnitude.unwrap_or_default()
    }

    /// The sum times a sign, to the nearest `f64`, ties to even; none if that is negative.
    fn round(&self, sign: i64) -> Option<f64> {
        // The last four carried digits, whether there are others below, and the position of the last one.
        let (mut digits, mut sticky) = (0_u128, false);
        let (mut top_digits, mut top_sticky, mut top) = (0_u128, false, 0);
        let mut carry = 0;
        for position in self.first..=self.end {
            let sum = carry + self.digits.get(position).map_or(0, |digit| sign * digit);
            let digit = low_bits(sum.cast_unsigned().into());
            carry = sum >> DIGIT_BITS;
            sticky |= low_bits(digits) != 0;
            digits = digits >> DIGIT_BITS | u128::from(digit) << 96;
            if digit != 0 {
                (top_digits, top_sticky, top) = (digits, sticky, position);
            }
        }
        if carry < 0 {
            return None;
        }
        // At least 97 bits, below which others matter only for ties.
        let digits = top_digits | u128::from(top_sticky);
        let lowest_digit = i32::try_from(top).unwrap_or(i32::MAX) - 3;
        Some(scale(digits as f64, 32 * lowest_digit + LOWEST_EXPONENT))
    }

    /// The sum as two numbers, with twice the precision: the rounded sum, and the rest of it.
    pub fn double_value(&self) -> (f64, f64) {
        let value = self.value();
        if !value.is_finite() {
            return (value, 0.0);
        }
        let mut rest = self.clone();
        rest.subtract(value);
        (value, rest.value())
    }

    fn carry(&mut self) {
        let carried = carry(&mut self.digits[self.first..self.end]);
        if carried != 0 && self.end < DIGITS {
            self.digits[self.end] += carried;
            self.end += 1;
        }
        self.additions = 0;
    }
}

/// Brings digits into the range of 32 bits. Returns the carry of the last one, which is negative for a negative sum.
fn carry(digits: &mut [i64]) -> i64 {
    let mut carry = 0;
    for digit in digits {
        let sum = *digit + carry;
        *digit = sum & i64::from(u32::MAX);
        carry = sum >> DIGIT_BITS;
    }
    carry
}

/// A number times a power of two, in two steps that do not underflow before the result does.
fn scale(number: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    number * power_of_two(half) * power_of_two(exponent - half)
}

/// 2 to the power of an exponent between -1022 and 1023.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(u64::from((exponent + 1023).unsigned_abs()) << 52)
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are wanted")]
fn low_bits(bits: u128) -> u32 {
    bits as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum
    }

    #[test]
    fn sums_are_correctly_rounded() {
        assert_eq!(sum(&[]).value(), 0.0);
        assert_eq!(sum(&[0.1; 10]).value(), 1.0);
        assert_eq!(sum(&[1e308, 1.0, -1e308]).value(), 1.0);
        assert_eq!(sum(&[1e16, 1.0, 1e-9]).value(), 1e16 + 2.0);
        assert_eq!(sum(&[1e16, 1.0]).value(), 1e16);
        assert_eq!(sum(&[-1e16, -1.0, -1e-300]).value(), -1e16 - 2.0);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).value(), f64::INFINITY);
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]).value(), f64::MAX);
        assert_eq!(sum(&[5e-324, 5e-324, -1.5e-323]).value(), -5e-324);
        assert_eq!(sum(&[f64::MIN_POSITIVE, -5e-324]).value(), f64::MIN_POSITIVE - 5e-324);
        assert_eq!(sum(&[1.0, 1e-30]).double_value(), (1.0, 1e-30));
    }

    #[test]
    fn digits_are_carried_before_they_overflow() {
        let mut exact = sum(&[-1.0; 7]);
        exact.carry();
        exact.add(f64::MAX);
        exact.carry();
        exact.subtract(f64::MAX);
        exact.add(0.5);
        assert_eq!(exact.value(), -6.5);
    }

    proptest! {
        #[test]
        fn sums_of_integers_are_those_of_integers(
            values in prop::collection::vec((-(1_i64 << 53)..1 << 53, 0..40_i32), 0..40),
        ) {
            let total: i128 =
                values.iter().map(|(value, shift)| i128::from(*value) << shift).sum();
            let values: Vec<f64> = values
                .iter()
                .map(|(value, shift)| *value as f64 * 2_f64.powi(*shift))
                .collect();
            prop_assert_eq!(sum(&values).value(), total as f64);
        }

        #[test]
        fn what_is_subtracted_leaves_nothing(
            mut values in prop::collection::vec(any::<f64>().prop_filter("finite", |v| v.is_finite()), 1..40),
        ) {
            let left = values.len() / 2;
            let mut exact = sum(&values);
            values[left..].iter().for_each(|value| exact.subtract(*value));
            values.truncate(left);
            let plain = sum(&values);
            prop_assert_eq!(exact.value().to_bits(), plain.value().to_bits());
            values.reverse();
            prop_assert_eq!(sum(&values).value().to_bits(), plain.value().to_bits());
        }
    }
}
