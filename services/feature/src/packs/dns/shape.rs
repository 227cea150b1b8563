//! What a name looks like: lengths, characters, entropy.

use std::sync::LazyLock;

use data_encoding::{BASE32_NOPAD, BASE64, BASE64_NOPAD};

use crate::component::{
    Computation, Definition, Input, NoParameters, TextFunction, parameters, schema_of,
};

const NAME: &[Input] = &[Input::text("name")];

/// A metric of a name without parameters.
macro_rules! metric {
    ($id:ident, $name:literal, $description:literal, $kind:ident, $function:expr) => {
        pub(crate) const $id: Definition = Definition {
            name: $name,
            aliases: &[],
            description: $description,
            inputs: NAME,
            schema: schema_of::<NoParameters>,
            build: |given| {
                parameters::<NoParameters>(given)?;
                Ok(Computation::Metric(TextFunction::$kind(Box::new($function))))
            },
        };
    };
}
pub(super) use metric;

metric!(
    NUMBERS_IN_HOSTNAME,
    "numbers_in_hostname",
    "How many characters of a name are numeric (Unicode Nd, Nl, No).",
    Integer,
    |name| {
        if name.is_ascii() {
            return count(name.bytes().filter(u8::is_ascii_digit));
        }
        count(name.chars().filter(|c| c.is_numeric()))
    }
);
metric!(
    HOSTNAME_ENTROPY,
    "hostname_entropy",
    "Shannon entropy of a name's characters in bits, rounded to 2 digits.",
    Float,
    |name| Some(rounded(text_entropy(name)))
);
metric!(
    HOSTNAME_B32_ENTROPY,
    "hostname_b32_entropy",
    "Entropy of the bytes that a name's longest label encodes in base 32 (RFC 4648), in bits, rounded to 2 \
     digits; missing if it encodes none.",
    Float,
    |name| {
        let label = longest_label(name).to_ascii_uppercase();
        let bytes = BASE32_NOPAD.decode(label.trim_end_matches('=').as_bytes()).ok()?;
        (!bytes.is_empty()).then(|| rounded(entropy(bytes.into_iter())))
    }
);
metric!(
    HOSTNAME_B64_ENTROPY,
    "hostname_b64_entropy",
    "Entropy of the bytes that a name's longest label encodes in base 64 (RFC 4648), in bits, rounded to 2 \
     digits; missing if it encodes none.",
    Float,
    |name| {
        let label = longest_label(name).as_bytes();
        let bytes = BASE64_NOPAD.decode(label).or_else(|_| BASE64.decode(label)).ok()?;
        (!bytes.is_empty()).then(|| rounded(entropy(bytes.into_iter())))
    }
);
metric!(HOSTNAME_LENGTH, "hostname_length", "How many characters a name has.", Integer, |name| {
    count(name.chars())
});
metric!(
    LABEL_COUNT,
    "label_count",
    "How many labels a name has, the root left out.",
    Integer,
    |name| count(labels(name))
);
metric!(
    LONGEST_LABEL,
    "longest_label",
    "How many characters the longest label of a name has.",
    Integer,
    |name| count(longest_label(name).chars())
);
metric!(
    VOWEL_RATIO,
    "vowel_ratio",
    "The share of vowels (aeiou) among a name's ASCII letters; missing if it has none.",
    Float,
    |name| {
        // Bytes beyond ASCII are no letters here.
        let (mut letters, mut vowels) = (0_u32, 0_u32);
        for byte in name.bytes() {
            let letter = byte | 32;
            let is_letter = letter.is_ascii_lowercase();
            letters += u32::from(is_letter);
            vowels += u32::from(is_letter) & (VOWELS >> (letter & 31));
        }
        (letters > 0).then(|| f64::from(vowels) / f64::from(letters))
    }
);
metric!(
    EMPTY_QUERY_NAME,
    "empty_query_name",
    "Whether a name is empty or the root.",
    Boolean,
    |name| Some(labels(name).next().is_none())
);
metric!(ENTROPY, "entropy", "Shannon entropy of a text's characters in bits.", Float, |text| Some(
    text_entropy(text)
));

/// A bit for each letter of the alphabet, from the second on.
const VOWELS: u32 = 1 << 1 | 1 << 5 | 1 << 9 | 1 << 15 | 1 << 21;

fn count(items: impl Iterator) -> Option<i64> {
    i64::try_from(items.count()).ok()
}

pub(super) fn labels(name: &str) -> impl Iterator<Item = &str> {
    name.split('.').filter(|label| !label.is_empty())
}

fn longest_label(name: &str) -> &str {
    // The first of equal ones.
    labels(name)
        .fold("", |longest, label| if label.len() > longest.len() { label } else { longest })
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Shannon, "A Mathematical Theory of Communication" (1948), section 6, in bits.
fn entropy<T: Ord>(symbols: impl Iterator<Item = T>) -> f64 {
    let mut symbols: Vec<T> = symbols.collect();
    symbols.sort_unstable();
    entropy_of(symbols.chunk_by(|a, b| a == b).map(<[T]>::len), symbols.len())
}

/// The same of a text's characters: the symbols in the same order, and so the same bits.
fn text_entropy(text: &str) -> f64 {
    if !text.is_ascii() {
        return entropy(text.chars());
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
    // Not -0 for a single symbol.
    counts.map(term).sum::<f64>().max(0.0)
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
    use super::*;
    use crate::component::tests::evaluate;

    fn float(definition: &Definition, name: &str) -> Option<f64> {
        match evaluate(definition, &serde_json::json!({}), name)?.as_str() {
            "true" => Some(1.0),
            "false" => Some(0.0),
            number => number.parse().ok(),
        }
    }

    #[test]
    fn shapes_of_names() {
        let cases = [
            (&NUMBERS_IN_HOSTNAME, "a1b22.c٣", Some(4.0)),
            (&NUMBERS_IN_HOSTNAME, "", Some(0.0)),
            (&HOSTNAME_ENTROPY, "aabb", Some(1.0)),
            (&HOSTNAME_ENTROPY, "www.google.com", Some(2.84)),
            (&HOSTNAME_ENTROPY, "", Some(0.0)),
            (&HOSTNAME_LENGTH, "bücher.example", Some(14.0)),
            (&LABEL_COUNT, "a.b.example.com.", Some(4.0)),
            (&LABEL_COUNT, ".", Some(0.0)),
            (&LONGEST_LABEL, "a.bcd.ef", Some(3.0)),
            (&VOWEL_RATIO, "aeiou", Some(1.0)),
            (&VOWEL_RATIO, "AB1.x", Some(1.0 / 3.0)),
            (&VOWEL_RATIO, "123", None),
            (&EMPTY_QUERY_NAME, ".", Some(1.0)),
            (&EMPTY_QUERY_NAME, "a", Some(0.0)),
            (&HOSTNAME_B64_ENTROPY, "aGVsbG8.a-b", Some(1.92)),
            (&HOSTNAME_B64_ENTROPY, "aGVsbG8gd29ybGQ.x", Some(2.85)),
            (&HOSTNAME_B32_ENTROPY, "nbswy3dp.com", Some(1.92)),
            (&HOSTNAME_B32_ENTROPY, "a-b.com", None),
        ];
        for (definition, name, expected) in cases {
            assert_eq!(float(definition, name), expected, "{} of {name}", definition.name);
        }
        assert_eq!(float(&HOSTNAME_LENGTH, &"x".repeat(100_000)), Some(100_000.0));
    }
}
