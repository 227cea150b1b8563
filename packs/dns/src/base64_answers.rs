//! Data smuggled in answers.

use std::{borrow::Cow, net::IpAddr};

use anomal_components::{Component, DirectFlag, Fact, FlagHits, Input, Inputs};
use anomal_core::{Result, list_items, proto::plan::FactUnit};
use data_encoding::BASE64;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::names::{normal, registered};

pub fn has_dns_data_b64_encoded() -> Component {
    Component::direct_flag(
        "has_dns_data_b64_encoded",
        "An answer in the list is canonical base 64 (RFC 4648) of at least `minLength` characters that mix \
         upper and lower case or digits, and is no address and no host name. A list with a DKIM key \
         (RFC 6376) is left out: the key goes on in its other strings.",
        [Input::list("answers")],
        Ok::<Base64, _>,
    )
    .with_facts(
        &[Fact::new("answer", FactUnit::Text), Fact::new("length", FactUnit::Count)],
        "{answer}",
    )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Base64 {
    /// Characters that an encoded text has at least.
    #[serde(default = "twelve")]
    min_length: usize,
}

fn twelve() -> usize {
    12
}

impl DirectFlag for Base64 {
    fn hits(&self, inputs: &Inputs<'_>) -> Result<FlagHits> {
        let answers = inputs.dictionary(0)?;
        let found = answers.map(|cell| {
            if cell.contains("v=DKIM1") {
                return None;
            }
            let mut answers = list_items(cell).into_iter();
            answers.find(|answer| self.is_encoded(answer)).map(Cow::into_owned)
        });
        let mut hits = FlagHits::default();
        for (row, found) in answers.rows(&found).enumerate() {
            if let Some(answer) = found {
                hits.add([row], vec![answer.as_str().into(), answer.chars().count().into()]);
            }
        }
        Ok(hits)
    }
}

impl Base64 {
    fn is_encoded(&self, answer: &str) -> bool {
        answer.len() >= self.min_length
            && mixed(answer)
            && BASE64.decode(answer.as_bytes()).is_ok()
            && answer.parse::<IpAddr>().is_err()
            && !(answer.contains('.') && registered(&normal(answer)).is_some())
    }
}

/// Words, hex digests and numbers are base 64 by their letters too; encoded bytes of some length nearly
/// always have upper and lower case, and a digit, a sign or padding.
fn mixed(answer: &str) -> bool {
    let has = |of: fn(&u8) -> bool| answer.as_bytes().iter().any(of);
    has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && (has(u8::is_ascii_digit) || has(|byte| matches!(byte, b'+' | b'/' | b'=')))
}

#[cfg(test)]
mod tests {
    use anomal_components::Dictionaries;
    use polars::prelude::Column;

    use super::*;

    #[test]
    fn encoded_answers_are_found_and_others_are_not() {
        let cells = [
            Some("c29tZSBzZWNyZXQgZGF0YQ=="),
            Some("[1.2.3.4\";\"dGhpcyBpcyBiYXNlNjQgdG9v\"]"),
            Some("abcdefghijkl"),
            Some("d41d8cd98f00b204e9800998ecf8427e"),
            Some("cdn1.Example.net"),
            Some("v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GN"),
            Some(
                "[v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOC\";\"AQ8AMIIBCgKCAQEA0y7Zx2Qs9vU3\"]",
            ),
            Some("[10.0.0.1\";\"2001:db8::1\"]"),
            Some("YWJj"),
            Some(""),
            None,
        ];
        let column = Column::new("answers".into(), cells);
        let flag = Base64 { min_length: twelve() };
        let dictionaries = Dictionaries::default();
        let hits = flag.hits(&Inputs::new(vec![Some(&column)], &dictionaries)).unwrap();
        let mut expected = FlagHits::default();
        expected.add([0], vec!["c29tZSBzZWNyZXQgZGF0YQ==".into(), 24.0.into()]);
        expected.add([1], vec!["dGhpcyBpcyBiYXNlNjQgdG9v".into(), 24.0.into()]);
        assert_eq!(hits, expected);
    }
}
