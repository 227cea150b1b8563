//! Summaries of each feature by group: quantiles, histograms, categories and contributions.

use std::borrow::Cow;

use anomal_core::proto::{FeatureColumn, FeatureGroup, FeatureSummary, Group, NamedNumber};
use rayon::prelude::*;

use anomal_detectors::{
    matrix::{MISSING, Matrix, Values},
    threshold::quantile,
};

const BINS: usize = 40;
const CATEGORIES: usize = 50;
const QUANTILES: [f64; 9] = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0];
pub(crate) const OTHER: &str = "other values";

/// `shares` are each feature's shares of the scores of some rows, at the places in `shared`.
pub(crate) fn summaries(
    matrix: &Matrix,
    features: &[FeatureColumn],
    suspicious: &[bool],
    shares: &[Vec<f64>],
    shared: &[usize],
) -> Vec<FeatureSummary> {
    let suspects = shared.iter().map(|row| suspicious[*row]);
    let suspects: Vec<bool> = suspects.collect();
    matrix
        .columns
        .par_iter()
        .zip(features)
        .enumerate()
        .map(|(place, (column, feature))| {
            let mut summary = match &column.values {
                Values::Numeric(values) => numeric(values, suspicious, &feature.named),
                Values::Codes { codes, levels } => categorical(codes, levels, suspicious),
            };
            summary.feature = Some(feature.clone());
            if let Some(shares) = shares.get(place) {
                summary.mean_contribution = mean(shares.iter().copied());
                let of_suspects = shares.iter().zip(&suspects).filter(|(_, suspect)| **suspect);
                summary.mean_contribution_suspicious = mean(of_suspects.map(|(share, _)| *share));
            }
            summary
        })
        .collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

const GROUPS: [Group; 3] = [Group::All, Group::Normal, Group::Suspicious];

/// The values of each group, in order. Sorting is most of an analysis, so it is done once.
fn sorted_groups(values: &[f64], suspicious: &[bool]) -> [Vec<f64>; 3] {
    let rows = || values.iter().zip(suspicious).filter(|(value, _)| !value.is_nan());
    let mut all: Vec<f64> = rows().map(|(value, _)| *value).collect();
    all.sort_unstable_by(f64::total_cmp);
    let mut suspects: Vec<f64> =
        rows().filter(|(_, suspicious)| **suspicious).map(|(value, _)| *value).collect();
    suspects.sort_unstable_by(f64::total_cmp);
    // The normal rows are all except the suspects; both lists are sorted.
    let mut next = suspects.iter().peekable();
    let mut is_suspect =
        |value: &f64| next.next_if(|suspect| suspect.to_bits() == value.to_bits()).is_some();
    let normal = all.iter().copied().filter(|value| !is_suspect(value)).collect();
    [all, normal, suspects]
}

fn numeric(values: &[f64], suspicious: &[bool], named: &[NamedNumber]) -> FeatureSummary {
    let groups = sorted_groups(values, suspicious);
    let all = &groups[0];
    let mut summary = FeatureSummary {
        missing: (values.len() - all.len()) as u64,
        distinct: all.windows(2).filter(|pair| pair[0] < pair[1]).count() as u64
            + u64::from(!all.is_empty()),
        ..FeatureSummary::default()
    };
    if let (Some(low), Some(high)) = (all.first(), all.last()) {
        let bins = if low < high { BINS } else { 1 };
        // Interpolated between the ends, so that no difference overflows.
        let edge = |index: usize| {
            let share = index as f64 / bins as f64;
            low * (1.0 - share) + high * share
        };
        summary.edges = (0..=bins).map(edge).collect();
    }
    let rows_with = |named: &NamedNumber| {
        let below = |value: &f64| *value < named.number;
        let first = all.partition_point(below);
        all[first..].iter().take_while(|value| **value == named.number).count() as u64
    };
    summary.named_counts = named.iter().map(rows_with).collect();
    for (group, sorted) in GROUPS.into_iter().zip(&groups) {
        let measured = measured(sorted, named);
        summary.groups.push(FeatureGroup {
            group: group.into(),
            count: sorted.len() as u64,
            mean: (!measured.is_empty()).then(|| mean(measured.iter().copied())),
            standard_deviation: deviation(&measured),
            quantiles: match &*measured {
                [] => Vec::new(),
                sorted => QUANTILES.map(|share| quantile(sorted, share)).to_vec(),
            },
            counts: binned(sorted, &summary.edges),
        });
    }
    summary
}

/// The values without numbers that stand for something else.
fn measured<'a>(sorted: &'a [f64], named: &[NamedNumber]) -> Cow<'a, [f64]> {
    let is_named = |value: &f64| named.iter().any(|named| named.number == *value);
    if named.is_empty() {
        return Cow::Borrowed(sorted);
    }
    Cow::Owned(sorted.iter().copied().filter(|value| !is_named(value)).collect())
}

fn deviation(sorted: &[f64]) -> Option<f64> {
    let mean = mean(sorted.iter().copied());
    let squares = sorted.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let variance = squares / (sorted.len().checked_sub(1).filter(|n| *n > 0)? as f64);
    Some(variance.sqrt()).filter(|value| value.is_finite())
}

/// The number of sorted values in each bin; the last bin includes its upper edge.
fn binned(sorted: &[f64], edges: &[f64]) -> Vec<u64> {
    let Some(bins) = edges.len().checked_sub(1) else { return Vec::new() };
    let mut counts = Vec::with_capacity(bins);
    let mut start = 0;
    for bin in 0..bins {
        let end = if bin + 1 == bins {
            sorted.len()
        } else {
            sorted.partition_point(|value| *value < edges[bin + 1]).max(start)
        };
        counts.push((end - start) as u64);
        start = end;
    }
    counts
}

fn categorical(codes: &[u32], levels: &[String], suspicious: &[bool]) -> FeatureSummary {
    let mut counts = vec![[0_u64; 2]; levels.len()];
    let mut missing = 0;
    for (code, suspicious) in codes.iter().zip(suspicious) {
        if *code == MISSING {
            missing += 1;
        } else {
            counts[*code as usize][usize::from(*suspicious)] += 1;
        }
    }
    let mut order: Vec<usize> = (0..levels.len()).collect();
    order.sort_by_key(|level| (std::cmp::Reverse(counts[*level][0] + counts[*level][1]), *level));
    let (shown, rest) = order.split_at(order.len().min(CATEGORIES));
    let mut categories: Vec<String> = shown.iter().map(|level| levels[*level].clone()).collect();
    if !rest.is_empty() {
        categories.push(OTHER.to_owned());
    }
    let groups = GROUPS.map(|group| {
        let of = |level: &usize| match group {
            Group::Normal => counts[*level][0],
            Group::Suspicious => counts[*level][1],
            Group::All | Group::Unspecified => counts[*level][0] + counts[*level][1],
        };
        let mut totals: Vec<u64> = shown.iter().map(of).collect();
        if !rest.is_empty() {
            totals.push(rest.iter().map(of).sum());
        }
        let count = totals.iter().sum();
        FeatureGroup { group: group.into(), count, counts: totals, ..FeatureGroup::default() }
    });
    FeatureSummary {
        missing,
        distinct: counts.iter().filter(|count| count[0] + count[1] > 0).count() as u64,
        categories,
        groups: groups.to_vec(),
        ..FeatureSummary::default()
    }
}
