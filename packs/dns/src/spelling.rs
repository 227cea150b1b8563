//! Names that nearly equal popular ones.

mod targets;

use std::sync::{PoisonError, RwLock};

use anomal_components::{Component, Input, Metric, ParameterError};
use polars::prelude::PlHashMap;
use schemars::JsonSchema;
use serde::Deserialize;

use self::targets::Targets;
use crate::{
    names::{DOMAIN, is_name, normal},
    popularity::Ranking,
};

pub fn levenshtein() -> Component {
    Component::metric(
        "levenshtein",
        "The smallest edit distance (Levenshtein) from a name's registered domain to one of the `top` \
         most popular domains, or to those of `to`: 0 for one of them, 1 or 2 for a likely typosquat.",
        [Input::text("name")],
        |Levenshtein { top, to }| {
            if top == 0 && to.is_empty() {
                return Err(ParameterError::new(
                    "top",
                    "at least 1 domain is needed to compare with",
                ));
            }
            let targets = if to.is_empty() {
                let ranking = Ranking::embedded();
                ranking.domains.iter().take(top).cloned().collect()
            } else {
                to.iter().map(|name| normal(name).into_owned()).collect()
            };
            let targets = Targets::new(targets);
            let cache = DistanceCache::default();
            Ok(Metric::key(&DOMAIN, move |domain| {
                // Not the distance to an address.
                let distance = || cache.get_or_compute(domain, || targets.nearest(domain));
                is_name(domain).then(distance).flatten()
            }))
        },
    )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Levenshtein {
    /// How many of the most popular domains to compare with.
    #[serde(default = "thousand")]
    top: usize,
    /// Domains to compare with in their place.
    #[serde(default)]
    to: Vec<String>,
}

fn thousand() -> usize {
    1_000
}

/// The most distances that are cached for later batches.
const MAX_CACHED: usize = 1 << 18;

/// The distances of domains so far: a search takes thousands of times as long as a look-up.
#[derive(Default)]
struct DistanceCache(RwLock<PlHashMap<Box<str>, Option<i64>>>);

impl DistanceCache {
    fn get_or_compute(&self, domain: &str, compute: impl FnOnce() -> Option<i64>) -> Option<i64> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(domain).copied();
        known.unwrap_or_else(|| {
            let distance = compute();
            let mut distances = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if distances.len() < MAX_CACHED {
                distances.insert(domain.into(), distance);
            }
            distance
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::evaluate;

    #[test]
    fn typosquats_are_near() {
        let distance = |name| evaluate(&levenshtein(), &serde_json::json!({}), name).unwrap();
        assert_eq!(distance("www.google.com"), "0");
        assert_eq!(distance("login.gooogle.com"), "1");
        assert!(distance("zzzzqqqqxxxxvvvv-nothing-like-it.example").len() == 2);
    }
}
