//! Filters of records that need no analysis.

use schemars::JsonSchema;
use serde::Deserialize;

use super::domains::DOMAIN;
use crate::component::{
    Computation, Definition, Input, NoParameters, ParameterError, parameters, required, schema_of,
};

pub(crate) const REMOVE_STATUS_ERROR: Definition = Definition {
    name: "remove_status_error",
    aliases: &[],
    description: "Removes rows whose status is `Error`, whatever the case.",
    inputs: &[Input::text("status")],
    schema: schema_of::<NoParameters>,
    build: |given| {
        parameters::<NoParameters>(given)?;
        Ok(Computation::Filter(Box::new(|status| status.eq_ignore_ascii_case("error"))))
    },
};

pub(crate) const REMOVE_MATCH: Definition = Definition {
    name: "remove_match",
    aliases: &[],
    description: "Removes rows whose text contains `keyword`, whatever the case of ASCII letters.",
    inputs: &[Input::text("text")],
    schema: || required(schema_of::<Keyword>(), "keyword"),
    build: |given| {
        let keyword = parameters::<Keyword>(given)?.keyword.to_ascii_lowercase();
        if keyword.is_empty() && given.contains_key("keyword") {
            return Err(ParameterError::new("keyword", "an empty keyword is in every text"));
        }
        Ok(Computation::Filter(Box::new(move |text| text.to_ascii_lowercase().contains(&keyword))))
    },
};

pub(crate) const REMOVE_TLD: Definition = Definition {
    name: "remove_tld",
    aliases: &[],
    description: "Removes rows whose registered domain is one of `domains`.",
    inputs: &[Input::text("name")],
    schema: || required(schema_of::<Domains>(), "domains"),
    build: |given| {
        let domains: Vec<String> =
            parameters::<Domains>(given)?.domains.iter().map(|name| name.to_lowercase()).collect();
        let listed = move |domain: &str| domains.iter().any(|known| known == domain);
        Ok(Computation::KeyFilter(&DOMAIN, Box::new(listed)))
    },
};

pub(crate) const REMOVE_ALEXA_1M: Definition = Definition {
    name: "remove_alexa_1m",
    aliases: &["remove_popular"],
    description: "Removes rows whose registered domain is in the popularity list, or among its first `top`.",
    inputs: &[Input::text("name")],
    schema: schema_of::<Popular>,
    build: |given| {
        let Popular { top, list } = parameters(given)?;
        let ranking = super::popularity::ListParameters { list }.ranking();
        let popular = move |domain: &str| {
            ranking.rank(domain).is_some_and(|rank| top.is_none_or(|top| rank <= top))
        };
        Ok(Computation::KeyFilter(&DOMAIN, Box::new(popular)))
    },
};

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keyword {
    /// The text to look for.
    #[serde(default)]
    keyword: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Domains {
    /// Registered domains, such as example.co.uk.
    #[serde(default, deserialize_with = "one_or_more")]
    domains: Vec<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Popular {
    /// Only the first so many of the list.
    #[serde(default)]
    top: Option<i64>,
    /// Registered domains, the most popular first, in place of the built-in list.
    #[serde(default)]
    list: Vec<String>,
}

/// A single name is a list of one.
fn one_or_more<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(String),
        More(Vec<String>),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::One(name) => vec![name],
        Either::More(names) => names,
    })
}

#[cfg(test)]
mod tests {
    use anomal_registry::ParameterProblem;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_removed() {
        let removes = |definition: &Definition, given: serde_json::Value, text: &str| {
            match (definition.build)(given.as_object().unwrap()).unwrap() {
                Computation::Filter(predicate) => predicate(text),
                Computation::KeyFilter(key, predicate) => predicate(&(key.derive)(text)),
                _ => panic!("a filter"),
            }
        };
        assert!(removes(&REMOVE_STATUS_ERROR, json!({}), "ERROR"));
        assert!(!removes(&REMOVE_STATUS_ERROR, json!({}), "OK"));
        assert!(removes(&REMOVE_MATCH, json!({"keyword": "Intranet"}), "x.intranet.example"));
        assert!(removes(&REMOVE_TLD, json!({"domains": "example.com"}), "a.Example.com."));
        assert!(!removes(&REMOVE_TLD, json!({"domains": ["example.com"]}), "example.org"));
        assert!(removes(&REMOVE_ALEXA_1M, json!({"top": 1}), "www.google.com"));
        assert!(!removes(&REMOVE_ALEXA_1M, json!({"top": 1}), "www.youtube.com"));
        let error =
            (REMOVE_MATCH.build)(json!({"keywort": "x"}).as_object().unwrap()).err().unwrap();
        assert_eq!(
            error,
            ParameterError {
                problem: ParameterProblem::Unknown,
                ..ParameterError::new("keywort", "unknown parameter; did you mean `keyword`?")
            }
        );
    }
}
