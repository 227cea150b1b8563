//! Names that are nearly those of others.

use std::sync::Arc;

use rapidfuzz::distance::levenshtein;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{domains::group_of, popularity::Ranking};
use crate::component::{Built, Definition, Input, TextFunction, Wrong, parameters, schema_of};

pub(crate) const LEVENSHTEIN: Definition = Definition {
    name: "levenshtein",
    aliases: &[],
    description: "The smallest edit distance (Levenshtein) from a name's registered domain to one of the `top` \
                  most popular domains, or to those of `to`: 0 for one of them, 1 or 2 for a likely typosquat.",
    inputs: &[Input::text("name")],
    schema: schema_of::<Targets>,
    build: |given| {
        let Targets { top, to } = parameters(given)?;
        if top == 0 && to.is_empty() {
            return Err(Wrong::new("top", "at least 1 domain is needed to compare with"));
        }
        let targets = if to.is_empty() {
            let ranking = Ranking::embedded();
            ranking.domains.iter().take(top).cloned().collect()
        } else {
            to.iter().map(|name| name.to_lowercase()).collect()
        };
        let targets = Arc::new(by_length(targets));
        Ok(Built::Metric(TextFunction::Integer(Box::new(move |name| {
            nearest(&group_of(name), &targets)
        }))))
    },
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Targets {
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

/// Domains by their number of characters.
fn by_length(targets: Vec<String>) -> Vec<Vec<String>> {
    let mut lengths: Vec<Vec<String>> = Vec::new();
    for target in targets {
        let length = target.chars().count();
        if lengths.len() <= length {
            lengths.resize(length + 1, Vec::new());
        }
        lengths[length].push(target);
    }
    lengths
}

/// The distance to the nearest; lengths that differ more than the best so far are not looked at.
fn nearest(domain: &str, targets: &[Vec<String>]) -> Option<i64> {
    let length = domain.chars().count();
    let comparator = levenshtein::BatchComparator::new(domain.chars());
    let mut best = usize::MAX;
    for difference in 0..=length.max(targets.len()) {
        if difference >= best {
            break;
        }
        let below = length.checked_sub(difference);
        let above = (difference > 0).then_some(length + difference);
        for target in [below, above].into_iter().flatten().filter_map(|l| targets.get(l)).flatten()
        {
            let cutoff = best.saturating_sub(1);
            let arguments = levenshtein::Args::default().score_cutoff(cutoff);
            if let Some(distance) = comparator.distance_with_args(target.chars(), &arguments) {
                best = distance;
                if best == 0 {
                    return Some(0);
                }
            }
        }
    }
    i64::try_from(best).ok().filter(|_| best != usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn typosquats_are_near() {
        let built = (LEVENSHTEIN.build)(&serde_json::Map::new()).unwrap();
        let Built::Metric(TextFunction::Integer(distance)) = built else { panic!("a metric") };
        assert_eq!(distance("www.google.com"), Some(0));
        assert_eq!(distance("login.gooogle.com"), Some(1));
        assert!(distance("zzzzqqqqxxxxvvvv-nothing-like-it.example") > Some(10));
    }

    proptest! {
        #[test]
        fn pruning_loses_nothing(name in "[ab.]{0,8}", targets in prop::collection::vec("[ab.]{1,8}", 1..8)) {
            let plain = targets.iter().map(|target| {
                levenshtein::distance(name.chars(), target.chars())
            }).min();
            let found = nearest(&name, &by_length(targets));
            prop_assert_eq!(found, plain.and_then(|distance| i64::try_from(distance).ok()));
        }
    }
}
