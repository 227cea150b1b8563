//! Entropy of texts, for the metrics of several packs.

use std::sync::LazyLock;

/// The entropy of symbols in bits: Shannon, "A Mathematical Theory of Communication" (1948), section 6. 0 without symbols.
pub fn symbol_entropy<T: Ord>(symbols: impl Iterator<Item = T>) -> f64 {
    let mut symbols: Vec<T> = symbols.collect();
    symbols.sort_unstable();
    entropy_of(symbols.chunk_by(|a, b| a == b).map(<[T]>::len), symbols.len())
}

/// The entropy of a text's characters in bits, the same as [`symbol_entropy`] of them to the last bit.
pub fn text_entropy(text: &str) -> f64 {
    if !text.is_ascii() {
        return symbol_entropy(text.chars());
    }
    let (mut counts, mut present) = ([0_u32; 128], 0_u128);
    for byte in text.bytes() {
        counts[usize::from(byte & 127)] += 1;
        present |= 1 << (byte & 127);
    }
    let symbols = std::iter::from_fn(|| {
        let symbol = present.trailing_zeros() as usize;
        // The last of them is gone.
        present &= present.wrapping_sub(1);
        counts.get(symbol).map(|count| *count as usize)
    });
    entropy_of(symbols, text.len())
}

fn entropy_of(counts: impl Iterator<Item = usize>, total: usize) -> f64 {
    let term = |count| match TERMS.get(total) {
        Some(terms) => terms[count],
        None => term(count, total),
    };
    // Not -0 for a single symbol or none.
    counts.map(term).sum::<f64>().max(0.0) + 0.0
}

fn term(count: usize, total: usize) -> f64 {
    let share = count as f64 / total as f64;
    -share * share.log2()
}

/// The terms of short texts, by length and count.
static TERMS: LazyLock<Vec<Vec<f64>>> = LazyLock::new(|| {
    let of = |total: usize| (0..=total).map(|count| term(count, total)).collect();
    (0..=64).map(of).collect()
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_symbols(text in "[ -~]{0,100}|.{0,20}") {
            prop_assert_eq!(text_entropy(&text), symbol_entropy(text.chars()));
        }
    }

    #[test]
    fn entropies() {
        assert_eq!((text_entropy(""), text_entropy("aaa"), text_entropy("aabb")), (0.0, 0.0, 1.0));
    }
}
