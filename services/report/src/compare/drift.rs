//! How far the distribution of a feature has moved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// From here on a change is large (Siddiqi 2006, "Credit Risk Scorecards", chapter 9).
const LARGE: f64 = 0.25;

/// The distribution of a feature over all rows of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FeatureDigest {
    pub name: String,
    pub weight: f64,
    /// Of a numeric feature: the edges of its bins, ascending, one more than there are counts.
    pub edges: Vec<f64>,
    /// Of another: its most frequent values; counts have one more, of all other values.
    pub categories: Vec<String>,
    pub counts: Vec<u64>,
    pub missing: u64,
}

/// The change of a feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeatureDrift {
    pub feature: String,
    /// The population stability index: 0 for the same distribution, below 0.1 little change, from 0.25 on much.
    pub psi: f64,
    pub changed: bool,
}

/// Of the features that both runs have, the most changed first.
pub(super) fn between(before: &[FeatureDigest], after: &[FeatureDigest]) -> Vec<FeatureDrift> {
    let mut all: Vec<FeatureDrift> = before
        .iter()
        .filter_map(|before| {
            let after = after.iter().find(|after| after.name == before.name)?;
            let (then, now) = shares(before, after)?;
            let psi = index(&then, &now);
            Some(FeatureDrift { feature: before.name.clone(), psi, changed: psi >= LARGE })
        })
        .collect();
    all.sort_by(|a, b| b.psi.total_cmp(&a.psi).then_with(|| a.feature.cmp(&b.feature)));
    all
}

/// The counts of both in the bins of the earlier one, the missing values last; none where their kinds differ.
fn shares(before: &FeatureDigest, after: &FeatureDigest) -> Option<(Vec<f64>, Vec<f64>)> {
    let is_numeric = |feature: &FeatureDigest| feature.edges.len() > 1;
    let (mut then, mut now) = match (is_numeric(before), is_numeric(after)) {
        (true, true) => {
            let then: Vec<f64> = before.counts.iter().map(|count| *count as f64).collect();
            (then, laid_onto(&before.edges, after))
        }
        (false, false) => categories(before, after),
        // A number without any value has no bins.
        _ if total(before) == before.missing || total(after) == after.missing => {
            let present = |feature: &FeatureDigest| vec![(total(feature) - feature.missing) as f64];
            (present(before), present(after))
        }
        _ => return None,
    };
    then.push(before.missing as f64);
    now.push(after.missing as f64);
    Some((then, now))
}

fn total(feature: &FeatureDigest) -> u64 {
    feature.counts.iter().sum::<u64>() + feature.missing
}

/// The counts of a histogram in other bins: those of a bin are spread evenly over its width, and values beyond the ends are
/// in the first and the last bin.
fn laid_onto(edges: &[f64], other: &FeatureDigest) -> Vec<f64> {
    let bins = edges.len() - 1;
    let mut counts = vec![0.0; bins];
    for (bin, count) in other.edges.windows(2).zip(&other.counts) {
        let (low, high, count) = (bin[0], bin[1], *count as f64);
        for (place, own) in edges.windows(2).enumerate() {
            let from = if place == 0 { f64::NEG_INFINITY } else { own[0] };
            let is_last = place + 1 == bins;
            let to = if is_last { f64::INFINITY } else { own[1] };
            let share = if high > low {
                ((high.min(to) - low.max(from)) / (high - low)).clamp(0.0, 1.0)
            } else {
                f64::from(u8::from(low >= from && (low < to || is_last)))
            };
            counts[place] += count * share;
        }
    }
    counts
}

/// The counts of the values that the earlier run lists, and of all others. Values that the later run does not list, since
/// others are more frequent, are among the others.
fn categories(before: &FeatureDigest, after: &FeatureDigest) -> (Vec<f64>, Vec<f64>) {
    let known: BTreeMap<&String, u64> =
        after.categories.iter().zip(after.counts.iter().copied()).collect();
    let count = |name: &String| known.get(name).map_or(0.0, |count| *count as f64);
    let with_others = |mut counts: Vec<f64>, feature: &FeatureDigest| {
        let listed: f64 = counts.iter().sum();
        counts.push((feature.counts.iter().sum::<u64>() as f64 - listed).max(0.0));
        counts
    };
    let then = before.categories.iter().zip(&before.counts).map(|(_, count)| *count as f64);
    let now = before.categories.iter().map(count);
    (with_others(then.collect(), before), with_others(now.collect(), after))
}

/// The sum of (now - then) ln(now / then) over shares (Siddiqi 2006). Half a row is added to each bin, so that an empty one
/// counts without being infinite.
fn index(then: &[f64], now: &[f64]) -> f64 {
    let shares = |counts: &[f64]| -> Vec<f64> {
        let total: f64 = counts.iter().map(|count| count + 0.5).sum();
        counts.iter().map(|count| (count + 0.5) / total).collect()
    };
    let pairs = shares(then).into_iter().zip(shares(now));
    pairs.map(|(then, now)| (now - then) * (now / then).ln()).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numeric(edges: &[f64], counts: &[u64]) -> FeatureDigest {
        FeatureDigest {
            name: "x".into(),
            edges: edges.to_vec(),
            counts: counts.to_vec(),
            ..FeatureDigest::default()
        }
    }

    fn values(categories: &[&str], counts: &[u64]) -> FeatureDigest {
        FeatureDigest {
            name: "x".into(),
            categories: categories.iter().map(|&value| value.to_owned()).collect(),
            counts: counts.to_vec(),
            ..FeatureDigest::default()
        }
    }

    fn psi(before: &FeatureDigest, after: &FeatureDigest) -> f64 {
        between(std::slice::from_ref(before), std::slice::from_ref(after))[0].psi
    }

    #[test]
    fn other_bins_of_the_same_rows_are_no_change() {
        let coarse = numeric(&[0.0, 10.0, 20.0], &[100, 300]);
        let fine = numeric(&[0.0, 5.0, 10.0, 15.0, 20.0], &[50, 50, 150, 150]);
        assert!(psi(&coarse, &fine) < 1e-9);
        let moved = numeric(&[40.0, 50.0], &[400]);
        assert!(psi(&coarse, &moved) > LARGE);
        let constant = numeric(&[3.0, 3.0], &[400]);
        assert!(psi(&constant, &constant) < 1e-9);
    }

    #[test]
    fn values_are_matched_by_name() {
        let before = values(&["a", "b"], &[80, 20, 0]);
        assert!(psi(&before, &values(&["b", "a"], &[20, 80, 0])) < 1e-9);
        assert!(psi(&before, &values(&["b", "c"], &[20, 80, 0])) > LARGE);
        assert!(between(&[before], &[numeric(&[0.0, 1.0], &[5])]).is_empty());
    }

    proptest! {
        #[test]
        fn no_row_is_lost_between_bins(
            mut edges in prop::collection::vec(-100.0..100.0_f64, 2..8),
            mut others in prop::collection::vec(-100.0..100.0_f64, 2..8),
            count in 0_u64..1000,
        ) {
            edges.sort_by(f64::total_cmp);
            others.sort_by(f64::total_cmp);
            let counts = vec![count; others.len() - 1];
            let laid = laid_onto(&edges, &numeric(&others, &counts));
            let total: f64 = laid.iter().sum();
            prop_assert!((total - counts.iter().sum::<u64>() as f64).abs() < 1e-6);
            let same = numeric(&edges, &vec![count; edges.len() - 1]);
            prop_assert!(psi(&same, &same).abs() < 1e-9);
        }
    }
}
