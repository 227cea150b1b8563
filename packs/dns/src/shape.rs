//! What a name looks like: lengths, characters, entropy.

use anomal_components::{
    Component, Input, Metric, MetricValue, NoParameters,
    entropy::{symbol_entropy, text_entropy},
};
use data_encoding::{BASE32_NOPAD, BASE64, BASE64_NOPAD};

use crate::names::{NAME, is_name, normal};

/// A metric of the normal form of a name, without parameters. Cells that are no names have no value.
pub fn name_metric<T: MetricValue + 'static>(
    name: &str,
    description: &str,
    function: fn(&str) -> Option<T>,
) -> Component {
    metric(name, description, move || Metric::key(&NAME, function))
}

/// A metric of a cell as it is, without parameters.
pub fn text_metric<T: MetricValue + 'static>(
    name: &str,
    description: &str,
    function: fn(&str) -> Option<T>,
) -> Component {
    metric(name, description, move || Metric::text(function))
}

fn metric<T: MetricValue + 'static>(
    name: &str,
    description: &str,
    build: impl Fn() -> Metric<T> + Send + Sync + 'static,
) -> Component {
    let build = move |NoParameters {}| Ok(build());
    Component::metric(name, description, [Input::text("name")], build)
}

pub fn numbers_in_hostname() -> Component {
    name_metric(
        "numbers_in_hostname",
        "How many characters of a name are numeric (Unicode Nd, Nl, No).",
        |name| {
            if name.is_ascii() {
                return count(name.bytes().filter(u8::is_ascii_digit));
            }
            count(name.chars().filter(|c| c.is_numeric()))
        },
    )
}

pub fn hostname_entropy() -> Component {
    name_metric(
        "hostname_entropy",
        "Shannon entropy of a name's characters in bits, rounded to 2 digits.",
        |name| Some(rounded(text_entropy(name))),
    )
}

pub fn hostname_b32_entropy() -> Component {
    name_metric(
        "hostname_b32_entropy",
        "Entropy of the bytes that a name's longest label encodes in base 32 (RFC 4648), in bits, rounded to 2 \
         digits; missing if it encodes none.",
        |name| {
            let label = longest(name).to_ascii_uppercase();
            let bytes = BASE32_NOPAD.decode(label.trim_end_matches('=').as_bytes()).ok()?;
            (!bytes.is_empty()).then(|| rounded(symbol_entropy(bytes.into_iter())))
        },
    )
}

pub fn hostname_b64_entropy() -> Component {
    text_metric(
        "hostname_b64_entropy",
        "Entropy of the bytes that a name's longest label encodes in base 64 (RFC 4648), in the case of \
         the cell, in bits, rounded to 2 digits; missing if it encodes none.",
        |cell| {
            // Lower case would be other bytes.
            let label = longest(Some(cell).filter(|cell| is_name(&normal(cell)))?).as_bytes();
            let bytes = BASE64_NOPAD.decode(label).or_else(|_| BASE64.decode(label)).ok()?;
            (!bytes.is_empty()).then(|| rounded(symbol_entropy(bytes.into_iter())))
        },
    )
}

pub fn hostname_length() -> Component {
    name_metric("hostname_length", "How many characters a name has.", |name| count(name.chars()))
}

pub fn label_count() -> Component {
    name_metric("label_count", "How many labels a name has, the root left out.", |name| {
        count(labels(name))
    })
}

pub fn longest_label() -> Component {
    name_metric("longest_label", "How many characters the longest label of a name has.", |name| {
        count(longest(name).chars())
    })
}

pub fn vowel_ratio() -> Component {
    name_metric(
        "vowel_ratio",
        "The share of vowels (aeiou) among a name's ASCII letters; missing if it has none.",
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
        },
    )
}

pub fn empty_query_name() -> Component {
    text_metric("empty_query_name", "Whether a name is empty or the root.", |cell| {
        Some(labels(&normal(cell)).next().is_none())
    })
}

pub fn entropy() -> Component {
    text_metric("entropy", "Shannon entropy of a text's characters in bits.", |text| {
        Some(text_entropy(text))
    })
}

/// A bit for each letter of the alphabet, from the second on.
const VOWELS: u32 = 1 << 1 | 1 << 5 | 1 << 9 | 1 << 15 | 1 << 21;

fn count(items: impl Iterator) -> Option<i64> {
    i64::try_from(items.count()).ok()
}

pub fn labels(name: &str) -> impl Iterator<Item = &str> {
    name.split('.').filter(|label| !label.is_empty())
}

fn longest(name: &str) -> &str {
    // The first of equal ones.
    labels(name)
        .fold("", |longest, label| if label.len() > longest.len() { label } else { longest })
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::evaluate;

    fn float(component: fn() -> Component, name: &str) -> Option<f64> {
        match evaluate(&component(), &serde_json::json!({}), name)?.as_str() {
            "true" => Some(1.0),
            "false" => Some(0.0),
            number => number.parse().ok(),
        }
    }

    #[test]
    fn shapes_of_names() {
        let cases: [(fn() -> Component, &str, Option<f64>); _] = [
            (numbers_in_hostname, "a1b22.c٣", Some(4.0)),
            (numbers_in_hostname, "", Some(0.0)),
            (hostname_entropy, "aabb", Some(1.0)),
            (hostname_entropy, "www.google.com", Some(2.84)),
            (hostname_entropy, "", Some(0.0)),
            (hostname_length, "bücher.example", Some(21.0)),
            (hostname_length, "xn--bcher-kva.example", Some(21.0)),
            (hostname_length, "www.Example.com.", Some(15.0)),
            (hostname_length, "10.0.0.1", None),
            (hostname_length, "[{\"rrname\": \"a.example\"}]", None),
            (hostname_entropy, "wWw.GoOgLe.CoM", Some(2.84)),
            (entropy, "aA", Some(1.0)),
            (empty_query_name, "10.0.0.1", Some(0.0)),
            (label_count, "a.b.example.com.", Some(4.0)),
            (label_count, ".", Some(0.0)),
            (longest_label, "a.bcd.ef", Some(3.0)),
            (vowel_ratio, "aeiou", Some(1.0)),
            (vowel_ratio, "AB1.x", Some(1.0 / 3.0)),
            (vowel_ratio, "123", None),
            (empty_query_name, ".", Some(1.0)),
            (empty_query_name, "a", Some(0.0)),
            (hostname_b64_entropy, "aGVsbG8.a-b", Some(1.92)),
            (hostname_b64_entropy, "aGVsbG8gd29ybGQ.x", Some(2.85)),
            (hostname_b32_entropy, "nbswy3dp.com", Some(1.92)),
            (hostname_b32_entropy, "a-b.com", None),
        ];
        for (component, name, expected) in cases {
            assert_eq!(float(component, name), expected, "{} of {name}", component().name());
        }
        assert_eq!(float(hostname_length, &"x".repeat(100_000)), Some(100_000.0));
    }
}
