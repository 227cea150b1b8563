//! How popular a registered domain is.

use std::{
    io::Read,
    sync::{Arc, OnceLock},
};

use anomal_components::{Component, Input, Metric};
use flate2::read::GzDecoder;
use polars::prelude::PlHashMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::names::{DOMAIN, is_name, normal};

/// 143,630 registered domains, the most popular first (NOTICE has their source).
const EMBEDDED: &[u8] = include_bytes!("../data/popular-domains.txt.gz");
pub fn alexa_1m_rating() -> Component {
    Component::metric(
        "alexa_1m_rating",
        "The rank of a name's registered domain in a popularity list, from 1; one more than the list has domains if it \
         is not in it.",
        [Input::text("name")],
        |parameters: ListParameters| {
            let ranking = parameters.ranking();
            let absent = i64::try_from(ranking.domains.len()).unwrap_or(i64::MAX).saturating_add(1);
            let rank = move |domain: &str| {
                is_name(domain).then(|| ranking.rank(domain).unwrap_or(absent))
            };
            Ok(Metric::key(&DOMAIN, rank).with_named(absent as f64, "not in the list"))
        },
    )
    .with_alias("popularity_rank")
}

pub fn unlisted_domain() -> Component {
    Component::metric(
        "unlisted_domain",
        "Whether a name's registered domain is not in the popularity list.",
        [Input::text("name")],
        |parameters: ListParameters| {
            let ranking = parameters.ranking();
            Ok(Metric::key(&DOMAIN, move |domain| {
                is_name(domain).then(|| ranking.rank(domain).is_none())
            }))
        },
    )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParameters {
    /// Registered domains, the most popular first, in place of the built-in list.
    #[serde(default)]
    pub list: Vec<String>,
}

impl ListParameters {
    pub fn ranking(self) -> Arc<Ranking> {
        if self.list.is_empty() { Ranking::embedded() } else { Arc::new(Ranking::new(self.list)) }
    }
}

/// Domains in order, and the place of each.
pub struct Ranking {
    pub domains: Vec<String>,
    places: PlHashMap<String, i64>,
}

impl Ranking {
    fn new(domains: Vec<String>) -> Self {
        let mut places = PlHashMap::default();
        for (domain, rank) in domains.iter().zip(1..) {
            places.entry(normal(domain).into_owned()).or_insert(rank);
        }
        Self { domains, places }
    }

    /// The built-in list, unpacked at its first use.
    pub fn embedded() -> Arc<Self> {
        static RANKING: OnceLock<Arc<Ranking>> = OnceLock::new();
        let unpack = || {
            let mut text = String::new();
            // A test shows that it unpacks.
            let _ = GzDecoder::new(EMBEDDED).read_to_string(&mut text);
            Arc::new(Self::new(text.lines().map(str::to_owned).collect()))
        };
        Arc::clone(RANKING.get_or_init(unpack))
    }

    /// From 1.
    pub fn rank(&self, domain: &str) -> Option<i64> {
        self.places.get(domain).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::evaluate;

    #[test]
    fn the_built_in_list_and_a_custom_one() {
        assert_eq!(Ranking::embedded().domains.len(), 143_630);
        let rate = |parameters, name| evaluate(&alexa_1m_rating(), &parameters, name).unwrap();
        assert_eq!(rate(serde_json::json!({}), "WWW.google.com."), "1");
        assert_eq!(rate(serde_json::json!({}), "no-such-domain-here.example"), "143631");
        assert_eq!(rate(serde_json::json!({"list": ["a.org", "b.org"]}), "x.b.org"), "2");
        assert_eq!(rate(serde_json::json!({"list": ["a.org", "b.org"]}), "c.org"), "3");
        let built = alexa_1m_rating().build(&serde_json::Map::new()).unwrap();
        let named = built.named().iter().map(|named| (named.number, named.text.as_str()));
        assert_eq!(named.collect::<Vec<_>>(), [(143_631.0, "not in the list")]);
        let unlisted = |name| evaluate(&unlisted_domain(), &serde_json::json!({}), name);
        assert_eq!(unlisted("www.google.com").as_deref(), Some("false"));
        assert_eq!(unlisted("no-such-domain-here.example").as_deref(), Some("true"));
        assert_eq!(unlisted("192.0.2.1"), None);
    }
}
