//! What charts are given: names and values as short and as visible as in the tables.

use anomal_core::proto::{Correlation, FeatureSummary};

use super::text;
use crate::view::Reason;

/// Characters of a name in a chart's words.
const NAME: usize = 200;

fn name(name: &mut String) {
    *name = text::short(name, NAME);
}

pub fn names(names: &[String]) -> Vec<String> {
    names.iter().map(|one| text::short(one, NAME)).collect()
}

pub fn reasons(reasons: &[Reason]) -> Vec<Reason> {
    let mut drawn = reasons.to_vec();
    drawn.iter_mut().for_each(|reason| name(&mut reason.feature));
    drawn
}

pub fn summary(summary: &FeatureSummary) -> FeatureSummary {
    let mut drawn = summary.clone();
    if let Some(feature) = &mut drawn.feature {
        name(&mut feature.name);
        name(&mut feature.origin);
    }
    drawn.categories.iter_mut().for_each(name);
    drawn
}

pub fn correlations(correlations: &[Correlation]) -> Vec<Correlation> {
    let mut drawn = correlations.to_vec();
    for pair in &mut drawn {
        name(&mut pair.first);
        name(&mut pair.second);
    }
    drawn
}
