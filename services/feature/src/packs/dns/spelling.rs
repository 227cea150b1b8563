//! Names that are nearly those of others.

mod targets;

use std::sync::{PoisonError, RwLock};

use polars::prelude::PlHashMap;
use schemars::JsonSchema;
use serde::Deserialize;

use self::targets::Targets;
use super::{domains::DOMAIN, popularity::Ranking};
use crate::component::{Built, Definition, Input, TextFunction, Wrong, parameters, schema_of};

pub(crate) const LEVENSHTEIN: Definition = Definition {
    name: "levenshtein",
    aliases: &[],
    description: "The smallest edit distance (Levenshtein) from a name's registered domain to one of the `top` \
                  most popular domains, or to those of `to`: 0 for one of them, 1 or 2 for a likely typosquat.",
    inputs: &[Input::text("name")],
    schema: schema_of::<Levenshtein>,
    build: |given| {
        let Levenshtein { top, to } = parameters(given)?;
        if top == 0 && to.is_empty() {
            return Err(Wrong::new("top", "at least 1 domain is needed to compare with"));
        }
        let targets = if to.is_empty() {
            let ranking = Ranking::embedded();
            ranking.domains.iter().take(top).cloned().collect()
        } else {
            to.iter().map(|name| name.to_lowercase()).collect()
        };
        let targets = Targets::new(targets);
        let known = Known::default();
        let distance = move |domain: &str| known.or_find(domain, || targets.nearest(domain));
        Ok(Built::KeyMetric(&DOMAIN, TextFunction::Integer(Box::new(distance))))
    },
};

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

/// Answers kept for the batches to come.
const KEPT: usize = 1 << 18;

/// What was found for the domains so far: a search takes thousands of times as long as a look-up.
#[derive(Default)]
struct Known(RwLock<PlHashMap<Box<str>, Option<i64>>>);

impl Known {
    fn or_find(&self, domain: &str, find: impl FnOnce() -> Option<i64>) -> Option<i64> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(domain).copied();
        known.unwrap_or_else(|| {
            let found = find();
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if known.len() < KEPT {
                known.insert(domain.into(), found);
            }
            found
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::tests::told;

    #[test]
    fn typosquats_are_near() {
        let distance = |name| told(&LEVENSHTEIN, &serde_json::json!({}), name).unwrap();
        assert_eq!(distance("www.google.com"), "0");
        assert_eq!(distance("login.gooogle.com"), "1");
        assert!(distance("zzzzqqqqxxxxvvvv-nothing-like-it.example").len() == 2);
    }
}
