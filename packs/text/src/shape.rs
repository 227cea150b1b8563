//! What a text looks like: its length, its characters, their entropy.

use anomal_components::{Component, entropy};

use crate::{count, text_metric};

pub fn text_length() -> Component {
    text_metric(
        "text_length",
        "text",
        "How many characters (Unicode scalar values) a text has; 0 for an empty one.",
        |text| count(text.chars()),
    )
}

pub fn text_entropy() -> Component {
    text_metric(
        "text_entropy",
        "text",
        "Shannon entropy of a text's characters in bits: 0 for an empty text or one character repeated, at most the \
         logarithm of the number of different characters.",
        |text| Some(entropy::text_entropy(text)),
    )
}

pub fn digit_share() -> Component {
    text_metric(
        "digit_share",
        "text",
        "The share, 0 to 1, of a text's characters that are numeric (Unicode Nd, Nl, No); missing for an empty text.",
        |text| share(text, char::is_numeric),
    )
}

pub fn special_share() -> Component {
    text_metric(
        "special_share",
        "text",
        "The share, 0 to 1, of a text's characters that are neither letters nor numeric nor white space; missing for \
         an empty text.",
        |text| share(text, |c| !c.is_alphanumeric() && !c.is_whitespace()),
    )
}

pub fn base64_run() -> Component {
    text_metric(
        "base64_run",
        "text",
        "How many characters the longest run of base 64 (RFC 4648, in either alphabet, without padding) in a text has \
         that mixes upper-case letters, lower-case letters and digits; 0 where there is none.",
        |text| {
            let runs = |marks: [u8; 2]| {
                let is_base64 =
                    move |byte: u8| byte.is_ascii_alphanumeric() || marks.contains(&byte);
                let runs = text.as_bytes().split(move |byte| !is_base64(*byte));
                runs.filter(|run| is_mixed(run)).map(<[u8]>::len).max().unwrap_or(0)
            };
            i64::try_from(runs(*b"+/").max(runs(*b"-_"))).ok()
        },
    )
}

fn is_mixed(run: &[u8]) -> bool {
    run.iter().any(u8::is_ascii_uppercase)
        && run.iter().any(u8::is_ascii_lowercase)
        && run.iter().any(u8::is_ascii_digit)
}

fn share(text: &str, is_counted: impl Fn(char) -> bool) -> Option<f64> {
    let (mut counted, mut all) = (0_u64, 0_u64);
    for character in text.chars() {
        all += 1;
        counted += u64::from(is_counted(character));
    }
    (all > 0).then(|| counted as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{assert_values, evaluate};

    #[test]
    fn texts_have_shapes() {
        assert_values(&[
            (text_length, "", Some("0")),
            (text_length, "bücher", Some("6")),
            (text_entropy, "", Some("0")),
            (text_entropy, "aaaa", Some("0")),
            (text_entropy, "aabb", Some("1")),
            (text_entropy, "ab€ü", Some("2")),
            (digit_share, "", None),
            (digit_share, "a1b2", Some("0.5")),
            (digit_share, "٣a", Some("0.5")),
            (special_share, "", None),
            (special_share, "a b1", Some("0")),
            (special_share, "a-;b", Some("0.5")),
            (base64_run, "", Some("0")),
            (base64_run, "/usr/local/bin/python3", Some("0")),
            (base64_run, "powershell -enc SQBFAFgA1x==", Some("10")),
            (base64_run, "SQBF+FgA1/x SQBF-FgA1_xy", Some("12")),
        ]);
    }

    proptest! {
        #[test]
        fn values_are_in_their_ranges(text in any::<String>()) {
            let number = |component: fn() -> Component| {
                evaluate(&component(), &text).map(|value| value.parse::<f64>().unwrap())
            };
            let length = number(text_length).unwrap();
            for component in [digit_share, special_share] {
                match number(component) {
                    Some(share) => prop_assert!((0.0..=1.0).contains(&share) && length > 0.0),
                    None => prop_assert!(text.is_empty()),
                }
            }
            prop_assert!((0.0..=length).contains(&number(base64_run).unwrap()));
            let entropy = number(text_entropy).unwrap();
            prop_assert!((0.0..=length.max(1.0).log2() + 1e-9).contains(&entropy));
        }
    }
}
