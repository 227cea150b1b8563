//! Names that are nearly those of others.

use std::sync::{PoisonError, RwLock};

use polars::prelude::PlHashMap;
use rapidfuzz::distance::levenshtein;
use schemars::JsonSchema;
use serde::Deserialize;

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

/// The domains to compare with, and their letters, field by field.
struct Targets {
    domains: Vec<String>,
    lengths: Vec<u32>,
    once: Vec<u64>,
    twice: Vec<u64>,
    more: Vec<u32>,
}

/// Lower bounds beyond it are as good as it: it stands for all the others.
const MOST_BOUND: usize = 255;

impl Targets {
    fn new(domains: Vec<String>) -> Self {
        let letters: Vec<Letters> = domains.iter().map(|domain| Letters::of(domain)).collect();
        Self {
            domains,
            lengths: letters.iter().map(|letters| letters.length).collect(),
            once: letters.iter().map(|letters| letters.once).collect(),
            twice: letters.iter().map(|letters| letters.twice).collect(),
            more: letters.iter().map(|letters| letters.more).collect(),
        }
    }

    /// The distance to the nearest: the targets with the least bounds first, until no other can be nearer.
    fn nearest(&self, domain: &str) -> Option<i64> {
        let bounds = self.bounds(&Letters::of(domain));
        let comparator = levenshtein::BatchComparator::new(domain.chars());
        let mut best = usize::MAX;
        for target in in_order(&bounds) {
            if usize::from(bounds[target]) >= best {
                break;
            }
            let arguments = levenshtein::Args::default().score_cutoff(best.saturating_sub(1));
            let found = comparator.distance_with_args(self.domains[target].chars(), &arguments);
            best = found.unwrap_or(best);
        }
        i64::try_from(best).ok().filter(|_| best != usize::MAX)
    }

    /// For each target a number of edits that no fewer lead to.
    fn bounds(&self, of: &Letters) -> Vec<u8> {
        let lengths = self.lengths.iter().zip(&self.more);
        let masks = self.once.iter().zip(&self.twice);
        let bound = |((length, more), (once, twice)): ((&u32, &u32), (&u64, &u64))| {
            let common = (of.once & once).count_ones() + (of.twice & twice).count_ones();
            let apart = of.length.max(*length).saturating_sub(common + of.more.min(*more));
            u8::try_from(apart).unwrap_or(u8::MAX)
        };
        lengths.zip(masks).map(bound).collect()
    }
}

/// Places by their bound, the least first; equal ones as they come.
fn in_order(bounds: &[u8]) -> Vec<usize> {
    let mut starts = [0_usize; MOST_BOUND + 2];
    bounds.iter().for_each(|bound| starts[usize::from(*bound) + 1] += 1);
    for bound in 0..=MOST_BOUND {
        starts[bound + 1] += starts[bound];
    }
    let mut order = vec![0; bounds.len()];
    for (place, bound) in bounds.iter().enumerate() {
        let next = &mut starts[usize::from(*bound)];
        order[*next] = place;
        *next += 1;
    }
    order
}

/// Which characters a text has, whatever their order: an edit changes at most one of them. Bartolini,
/// Ciaccia and Patella 2002, "String Matching with Metric Trees Using an Approximate Distance".
struct Letters {
    length: u32,
    /// By 64 classes of characters: those that are there, and those that are there twice or more.
    once: u64,
    twice: u64,
    /// Characters beyond the second of their class.
    more: u32,
}

impl Letters {
    fn of(text: &str) -> Self {
        let mut letters = Self { length: 0, once: 0, twice: 0, more: 0 };
        for character in text.chars() {
            let bit = 1 << (u32::from(character) % 64);
            letters.length += 1;
            letters.more += u32::from(letters.twice & bit != 0);
            letters.twice |= letters.once & bit;
            letters.once |= bit;
        }
        letters
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::component::tests::told;

    #[test]
    fn typosquats_are_near() {
        let distance = |name| told(&LEVENSHTEIN, &serde_json::json!({}), name).unwrap();
        assert_eq!(distance("www.google.com"), "0");
        assert_eq!(distance("login.gooogle.com"), "1");
        assert!(distance("zzzzqqqqxxxxvvvv-nothing-like-it.example").len() == 2);
    }

    proptest! {
        #[test]
        fn pruning_loses_nothing(name in "[abc.äé]{0,10}", targets in prop::collection::vec("[abc.äé]{1,10}", 1..8)) {
            let plain = targets.iter().map(|target| {
                levenshtein::distance(name.chars(), target.chars())
            }).min();
            let found = Targets::new(targets).nearest(&name);
            prop_assert_eq!(found, plain.and_then(|distance| i64::try_from(distance).ok()));
        }
    }
}
