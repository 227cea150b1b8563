//! Names and values for charts, shortened and escaped as in tables.

use anomal_core::proto::{Correlation, FeatureSummary};

use super::text;
use crate::view::Reason;

/// Characters of a name in a chart.
const NAME: usize = 200;

fn shorten(name: &mut String) {
    *name = text::shorten(name, NAME);
}

pub fn names(names: &[String]) -> Vec<String> {
    names.iter().map(|name| text::shorten(name, NAME)).collect()
}

pub fn reasons(reasons: &[Reason]) -> Vec<Reason> {
    let mut reasons = reasons.to_vec();
    reasons.iter_mut().for_each(|reason| shorten(&mut reason.feature));
    reasons
}

pub fn summary(summary: &FeatureSummary) -> FeatureSummary {
    let mut summary = summary.clone();
    if let Some(feature) = &mut summary.feature {
        shorten(&mut feature.name);
        shorten(&mut feature.origin);
    }
    summary.categories.iter_mut().for_each(shorten);
    summary
}

pub fn correlations(correlations: &[Correlation]) -> Vec<Correlation> {
    let mut correlations = correlations.to_vec();
    for pair in &mut correlations {
        shorten(&mut pair.first);
        shorten(&mut pair.second);
    }
    correlations
}
