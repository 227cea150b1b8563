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

/// The domains to compare with.
struct Targets {
    /// Plain ones, by length.
    groups: Vec<Group>,
    others: Vec<String>,
}

/// Domains compared at once: the compiler makes vector instructions of a loop over them.
const LANES: usize = 8;
/// Letters of a text whose column of the distance matrix fits in a lane.
const MOST_LETTERS: usize = u32::BITS as usize;
const ASCII: usize = 128;

/// Domains of one length, [`LANES`] side by side; the last of them fills up.
struct Group {
    length: usize,
    /// For each place of a block the letters there, block behind block.
    letters: Vec<[u8; LANES]>,
}

impl Targets {
    fn new(domains: Vec<String>) -> Self {
        let plain = |domain: &String| domain.is_ascii() && !domain.is_empty();
        let (mut plain, others): (Vec<String>, Vec<String>) = domains.into_iter().partition(plain);
        plain.sort_by_key(String::len);
        let groups = plain.chunk_by(|a, b| a.len() == b.len()).map(Group::of).collect();
        Self { groups, others }
    }

    fn nearest(&self, domain: &str) -> Option<i64> {
        let mut best = usize::MAX;
        if domain.is_ascii() && (1..=MOST_LETTERS).contains(&domain.len()) {
            let pattern = Pattern::of(domain);
            // A difference in length is one in letters: the nearest lengths first.
            let mut groups: Vec<&Group> = self.groups.iter().collect();
            groups.sort_by_key(|group| group.length.abs_diff(domain.len()));
            for group in groups {
                if group.length.abs_diff(domain.len()) >= best {
                    break;
                }
                best = best.min(group.nearest(&pattern));
            }
        } else {
            let of_group = |group: &Group| group.texts().collect::<Vec<String>>();
            best = nearest(domain, self.groups.iter().flat_map(of_group), best);
        }
        best = nearest(domain, self.others.iter().cloned(), best);
        i64::try_from(best).ok().filter(|_| best != usize::MAX)
    }
}

/// The same for any text.
fn nearest(domain: &str, targets: impl Iterator<Item = String>, mut best: usize) -> usize {
    let comparator = levenshtein::BatchComparator::new(domain.chars());
    for target in targets {
        let arguments = levenshtein::Args::default().score_cutoff(best.saturating_sub(1));
        best = comparator.distance_with_args(target.chars(), &arguments).unwrap_or(best);
    }
    best
}

/// Where each letter stands in a text, as bits.
struct Pattern {
    places: [u32; ASCII],
    length: u32,
}

impl Pattern {
    fn of(text: &str) -> Self {
        let mut pattern = Self { places: [0; ASCII], length: 0 };
        for letter in text.bytes() {
            pattern.places[usize::from(letter) % ASCII] |= 1 << pattern.length;
            pattern.length += 1;
        }
        pattern
    }
}

impl Group {
    fn of(domains: &[String]) -> Self {
        let length = domains[0].len();
        let block = |block: &[String]| -> Vec<[u8; LANES]> {
            let lane = |lane: usize| block[lane.min(block.len() - 1)].as_bytes();
            (0..length).map(|place| std::array::from_fn(|index| lane(index)[place])).collect()
        };
        Self { length, letters: domains.chunks(LANES).flat_map(block).collect() }
    }

    fn texts(&self) -> impl Iterator<Item = String> {
        let text = |block: &[[u8; LANES]], lane: usize| -> String {
            block.iter().map(|letters| char::from(letters[lane])).collect()
        };
        self.letters
            .chunks(self.length)
            .flat_map(move |block| (0..LANES).map(move |lane| text(block, lane)))
    }

    /// The smallest distance, by a column of differences at a time (Hyyro 2003, "A Bit-Vector Algorithm for
    /// Computing Levenshtein and Damerau Edit Distances", figure 3).
    fn nearest(&self, pattern: &Pattern) -> usize {
        let mut best = u32::MAX;
        for block in self.letters.chunks(self.length) {
            let (mut up, mut down) = ([u32::MAX; LANES], [0_u32; LANES]);
            let mut distances = [pattern.length; LANES];
            for letters in block {
                let places = letters.map(|letter| pattern.places[usize::from(letter) % ASCII]);
                for lane in 0..LANES {
                    let (vp, vn, equal) = (up[lane], down[lane], places[lane]);
                    let zero = ((equal & vp).wrapping_add(vp) ^ vp) | equal | vn;
                    let (rise, fall) = (vn | !(zero | vp), vp & zero);
                    let last = pattern.length - 1;
                    distances[lane] += (rise >> last) & 1;
                    distances[lane] -= (fall >> last) & 1;
                    let (rise, fall) = ((rise << 1) | 1, fall << 1);
                    up[lane] = fall | !(zero | rise);
                    down[lane] = rise & zero;
                }
            }
            best = distances.into_iter().fold(best, u32::min);
        }
        best as usize
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
        fn the_nearest_is_found(
            name in "[abc.]{0,40}|[abc.äé]{0,10}",
            targets in prop::collection::vec("[abc.]{1,40}|[abc.äé]{1,10}", 1..30),
        ) {
            let plain = targets.iter().map(|target| {
                levenshtein::distance(name.chars(), target.chars())
            }).min();
            let found = Targets::new(targets).nearest(&name);
            prop_assert_eq!(found, plain.and_then(|distance| i64::try_from(distance).ok()));
        }
    }
}
