//! Filters of records that need no analysis.

use anomal_components::{Component, Filter, Input, NoParameters, ParameterError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    names::{DOMAIN, normal},
    popularity::ListParameters,
};

pub fn remove_status_error() -> Component {
    Component::filter(
        "remove_status_error",
        "Removes rows whose status is `Error`, whatever the case.",
        [Input::text("status")],
        |NoParameters {}| Ok(Filter::text(|status| status.eq_ignore_ascii_case("error"))),
    )
}

pub fn remove_match() -> Component {
    Component::filter(
        "remove_match",
        "Removes rows whose text contains `keyword`, whatever the case of ASCII letters.",
        [Input::text("text")],
        |Keyword { keyword }| {
            let keyword = keyword.to_ascii_lowercase();
            if keyword.is_empty() {
                return Err(ParameterError::new("keyword", "an empty keyword is in every text"));
            }
            Ok(Filter::text(move |text| text.to_ascii_lowercase().contains(&keyword)))
        },
    )
}

pub fn remove_tld() -> Component {
    Component::filter(
        "remove_tld",
        "Removes rows whose registered domain is one of `domains`.",
        [Input::text("name")],
        |Domains { domains }| {
            let domains: Vec<String> =
                domains.iter().map(|name| normal(name).into_owned()).collect();
            let listed = move |domain: &str| domains.iter().any(|known| known == domain);
            Ok(Filter::key(&DOMAIN, listed))
        },
    )
}

pub fn remove_alexa_1m() -> Component {
    Component::filter(
        "remove_alexa_1m",
        "Removes rows whose registered domain is in the popularity list, or among its first `top`.",
        [Input::text("name")],
        |Popular { top, list }| {
            let ranking = ListParameters { list }.ranking();
            let popular = move |domain: &str| {
                ranking.rank(domain).is_some_and(|rank| top.is_none_or(|top| rank <= top))
            };
            Ok(Filter::key(&DOMAIN, popular))
        },
    )
    .with_alias("remove_popular")
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keyword {
    /// The text to look for.
    keyword: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Domains {
    /// Registered domains, such as example.co.uk.
    #[serde(deserialize_with = "one_or_more")]
    domains: Vec<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
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
    use anomal_components::{Dictionaries, Inputs};
    use anomal_registry::ParameterProblem;
    use polars::prelude::Column;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_removed() {
        let removes = |component: Component, given: serde_json::Value, text: &str| {
            let column = Column::new("text".into(), [text]);
            let dictionaries = Dictionaries::default();
            let inputs = Inputs::new(vec![Some(&column)], &dictionaries);
            let filter = component.build(given.as_object().unwrap()).unwrap();
            filter.removes(&inputs).unwrap().get(0).unwrap()
        };
        assert!(removes(remove_status_error(), json!({}), "ERROR"));
        assert!(!removes(remove_status_error(), json!({}), "OK"));
        assert!(removes(remove_match(), json!({"keyword": "Intranet"}), "x.intranet.example"));
        assert!(removes(remove_tld(), json!({"domains": "example.com"}), "a.Example.com."));
        assert!(!removes(remove_tld(), json!({"domains": ["example.com"]}), "example.org"));
        assert!(removes(remove_alexa_1m(), json!({"top": 1}), "www.google.com"));
        assert!(!removes(remove_alexa_1m(), json!({"top": 1}), "www.youtube.com"));
        let refusal = |given: serde_json::Value| {
            remove_match().build(given.as_object().unwrap()).err().unwrap()
        };
        let unknown = ParameterError {
            problem: ParameterProblem::Unknown,
            ..ParameterError::new("keywort", "unknown parameter; did you mean `keyword`?")
        };
        assert_eq!(refusal(json!({"keywort": "x"})), unknown);
        assert_eq!(refusal(json!({"keyword": ""})).parameter, "keyword");
    }
}
