//! What is unusual for an entity, in words.

use anomal_core::words;

use super::{Feature, Members, Opinion, TELLING};

/// A feature is named as unusual for an entity if at most such a share of its rows is as rare.
const NAMED: f64 = 0.01;
/// Characters of an entity's name.
const NAME: usize = 80;
/// Features that are named.
const MOST_NAMED: usize = 3;
/// A row is said to have values that do not go together if at most such a share of rows is as unusual by forests.
const APART: f64 = 0.05;
/// Of what a forest found, features are named that have such a part in it.
const TOGETHER: f64 = 0.15;

impl Members {
    /// What is rarer for the entity of a row than among all, or goes together more seldom, before the row is learned.
    pub fn note(&self, name: &str, opinion: &Opinion) -> Option<String> {
        let seen = opinion.key.and_then(|key| self.profiles.rows_of(key)).unwrap_or_default();
        if seen < TELLING {
            return None;
        }
        let (rare, parted) = (self.rare(opinion), self.parted(opinion));
        let (how, features) = match (rare.is_empty(), parted.is_empty()) {
            (false, _) => ("unusual", rare),
            (true, false) => ("unusual together", parted),
            (true, true) => return None,
        };
        let (name, names) = (words::shortened(name, NAME), words::listed(&features));
        Some(format!("{how} for {name} ({} before): {names}", words::rows(seen)))
    }

    /// The features whose values are rarer for the entity than among all.
    fn rare(&self, opinion: &Opinion) -> Vec<String> {
        let (own, all) = (&opinion.surprise.for_entity, &opinion.surprise.among_all);
        let weighted = self.features.iter().zip(self.profiles.weights()).zip(own.iter().zip(all));
        let is_rare = |weight: f64, own: f64, all: f64| own > -weight * NAMED.ln() && own > all;
        let rare = weighted
            .filter(|((_, weight), (own, all))| is_rare(*weight, **own, **all))
            .map(|((feature, _), (own, _))| (*own, feature));
        named(rare.collect())
    }

    /// The features by which the forest of the entity finds that the row is unusual.
    fn parted(&self, opinion: &Opinion) -> Vec<String> {
        let found = opinion.surprise.by_forest.as_ref();
        let Some(found) = found.filter(|_| opinion.by_forest.is_some_and(|p| p <= APART)) else {
            return Vec::new();
        };
        let parts = found.parts.iter().copied().zip(&self.features);
        named(parts.filter(|(part, _)| *part >= TOGETHER * found.score).collect())
    }
}

/// The names of the features that have the most.
fn named(mut features: Vec<(f64, &Feature)>) -> Vec<String> {
    features.sort_by(|a, b| b.0.total_cmp(&a.0));
    features.into_iter().take(MOST_NAMED).map(|(_, feature)| feature.name.clone()).collect()
}
