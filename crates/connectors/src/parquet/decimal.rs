//! The digits of decimals.

use std::fmt::Write;

/// Digits that a division splits off.
const CHUNK: u64 = 1_000_000_000;
const CHUNK_DIGITS: usize = 9;

/// The digits of a whole number, in two's complement from its highest byte, with `scale` of them behind the point.
pub(super) fn decimal_text(bytes: &[u8], scale: usize) -> String {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let digits = if bytes.len() <= 16 {
        let sign = if negative { 0xff } else { 0 };
        let mut wide = [sign; 16];
        wide[16 - bytes.len()..].copy_from_slice(bytes);
        i128::from_be_bytes(wide).unsigned_abs().to_string()
    } else {
        magnitude(bytes, negative)
    };
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if negative { "-" } else { "" };
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// The digits of a number of any size without its sign.
fn magnitude(bytes: &[u8], negative: bool) -> String {
    let mut bytes = bytes.to_vec();
    if negative {
        // The complement, plus one.
        let mut carry = true;
        for byte in bytes.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    let mut chunks = Vec::new();
    while bytes.iter().any(|byte| *byte != 0) {
        let mut rest = 0;
        for byte in &mut bytes {
            rest = rest << 8 | u64::from(*byte);
            *byte = u8::try_from(rest / CHUNK).unwrap_or(u8::MAX);
            rest %= CHUNK;
        }
        chunks.push(rest);
    }
    let Some(first) = chunks.pop() else { return "0".to_owned() };
    let mut digits = first.to_string();
    for chunk in chunks.iter().rev() {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{chunk:0CHUNK_DIGITS$}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_have_their_scale() {
        assert_eq!(decimal_text(&[0], 0), "0");
        assert_eq!(decimal_text(&[0xff], 2), "-0.01");
        assert_eq!(decimal_text(&[0x04, 0xd2], 2), "12.34");
        assert_eq!(decimal_text(&[0x0a], 3), "0.010");
        assert_eq!(decimal_text(&[], 1), "0.0");
        let most = [[0x7f].as_slice(), &[0xff; 31]].concat();
        let text = "57896044618658097711785492504343953926634992332820282019728792003956564819967";
        assert_eq!(decimal_text(&most, 0), text);
    }

    proptest! {
        #[test]
        fn wide_numbers_have_the_digits_of_narrow_ones(number: i128) {
            let narrow = number.to_be_bytes();
            let sign = if number < 0 { 0xff } else { 0 };
            let wide = [[sign; 5].as_slice(), &narrow].concat();
            prop_assert_eq!(decimal_text(&narrow, 0), number.to_string());
            prop_assert_eq!(decimal_text(&wide, 0), number.to_string());
        }
    }
}
