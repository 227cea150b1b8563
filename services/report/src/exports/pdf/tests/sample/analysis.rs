//! What a classification of the sample would have found.

use anomal_core::proto::{
    Analysis, Clustering, Correlation, Dendrogram, FeatureColumn, FeatureGroup, FeatureKind,
    FeatureSummary, Group, Heatmap, Map, correlation::Method, dendrogram::Merge,
};

use super::{Chance, FEATURES, columns};
use crate::view::{Point, ScoreHistogram, View};

pub fn view(chance: &mut Chance, points: u32) -> View {
    let edges: Vec<f64> = (0..=40).map(|i| f64::from(i) / 50.0).collect();
    View {
        scores: Some(ScoreHistogram {
            normal: (0..40).map(|i| if i < 28 { 1 + (i * (28 - i)) * 9 } else { 0 }).collect(),
            suspicious: (0..40).map(|i| if i >= 28 { 40 - i } else { 0 }).collect(),
            edges,
            cut: Some(0.56),
        }),
        points: (0..points)
            .map(|place| {
                let group = place % 3;
                let suspicious = place.is_multiple_of(40);
                let middle = [(0.0, 0.0), (2.6, 1.1), (1.2, -2.3)][usize::try_from(group).unwrap()];
                let spread = if suspicious { 1.6 } else { 0.55 };
                let near = |middle: f64, chance: &mut Chance| {
                    (middle + chance.normal() * spread).to_string()
                };
                Point {
                    row: u64::from(place),
                    x: near(middle.0, chance).parse().unwrap(),
                    y: near(middle.1, chance).parse().unwrap(),
                    count: u64::from(1 + place % 7),
                    suspicious,
                    score: Some(0.3),
                    labels: (2..=7).map(|k| 1 + place % k.min(3)).collect(),
                    features: vec![None; FEATURES.len()],
                }
            })
            .collect(),
        leaf_labels: (2..=7).map(|k| (0..60).map(|leaf| 1 + leaf * k / 60).collect()).collect(),
    }
}

pub fn analysis(chance: &mut Chance, suspects: u32) -> Analysis {
    let suspicious = u64::from(suspects);
    Analysis {
        detector: "Gower".to_owned(),
        rows: 20_000,
        map: Some(Map {
            stress: 0.118,
            stress_points: 1_200,
            method: "nmds".to_owned(),
            ..Map::default()
        }),
        dendrogram: Some(dendrogram()),
        clusterings: (2..=7)
            .map(|k| Clustering {
                k,
                sizes: (0..k).map(|i| 20_000 / (u64::from(i) + 2)).collect(),
                silhouette: Some(0.72 - (f64::from(k) - 3.0).abs() * 0.08),
                silhouette_rows: 2_000,
                height: 0.8 - f64::from(k) * 0.07,
                labels: Vec::new(),
            })
            .collect(),
        heatmap: Some(heatmap(chance)),
        features: columns()
            .into_iter()
            .enumerate()
            .map(|(i, column)| summary(i, column, suspicious))
            .collect(),
        correlations: FEATURES
            .iter()
            .enumerate()
            .flat_map(|(i, first)| FEATURES[i + 1..].iter().map(move |second| (first.0, second.0)))
            .map(|(first, second)| Correlation {
                first: first.to_owned(),
                second: second.to_owned(),
                method: Method::Spearman.into(),
                value: Some(chance.next() * 1.6 - 0.8),
                rows: 20_000,
            })
            .collect(),
        ..Analysis::default()
    }
}

/// Neighbours are merged first, then those that came of it.
fn dendrogram() -> Dendrogram {
    let leaves = 60;
    let mut merges: Vec<Merge> = Vec::new();
    let mut open: Vec<(u32, u64)> = (0..leaves).map(|leaf| (leaf, 300)).collect();
    while open.len() > 1 {
        let mut next = Vec::new();
        for pair in open.chunks(2) {
            if let [(left, few), (right, many)] = pair {
                let height = 0.05 + merges.len() as f64 / 90.0;
                let size = few + many;
                next.push((leaves + u32::try_from(merges.len()).unwrap(), size));
                merges.push(Merge { left: *left, right: *right, height, size });
            } else {
                next.extend(pair);
            }
        }
        open = next;
    }
    Dendrogram {
        leaf_rows: (0..u64::from(leaves)).collect(),
        leaf_counts: vec![300; usize::try_from(leaves).unwrap()],
        merges,
        order: (0..leaves).collect(),
    }
}

fn heatmap(chance: &mut Chance) -> Heatmap {
    let side: u32 = 256;
    let group = |place: u32| place * 3 / side;
    Heatmap {
        rows: (0..u64::from(side)).collect(),
        similarities: (0..side)
            .flat_map(|a| (0..side).map(move |b| (a, b)))
            .map(|(a, b)| {
                if a == b {
                    return 1.0;
                }
                let base = if group(a) == group(b) { 0.82 } else { 0.35 };
                (base + 0.1 * chance.next()).to_string().parse().unwrap()
            })
            .collect(),
    }
}

fn summary(place: usize, feature: FeatureColumn, suspicious: u64) -> FeatureSummary {
    let numeric = feature.kind() == FeatureKind::Numeric;
    let bins: u64 = if numeric { 24 } else { 3 };
    let hill = |middle: u64, rows: u64| -> Vec<u64> {
        (0..bins).map(|i| rows / (1 + (i.abs_diff(middle)).pow(2))).collect()
    };
    let group = |group: Group, rows: u64, middle: u64| FeatureGroup {
        group: group.into(),
        count: rows,
        mean: numeric.then_some(3.1),
        standard_deviation: numeric.then_some(0.6),
        quantiles: if numeric {
            (0..9).map(|i| f64::from(i) * 0.7 + middle as f64).collect()
        } else {
            Vec::new()
        },
        counts: hill(middle, rows / 3),
    };
    FeatureSummary {
        named_counts: Vec::new(),
        feature: Some(feature),
        missing: if place == 7 { 42 } else { 0 },
        distinct: 300 + place as u64,
        mean_contribution: 0.1,
        mean_contribution_suspicious: 0.02 + place as f64 * 0.018,
        edges: if numeric { (0..=bins).map(|i| i as f64 * 0.25).collect() } else { Vec::new() },
        categories: if numeric {
            Vec::new()
        } else {
            ["NOERROR", "NXDOMAIN", "SERVFAIL"].map(str::to_owned).into()
        },
        groups: vec![
            group(Group::All, 20_000, 1),
            group(Group::Normal, 20_000 - suspicious, 1),
            group(Group::Suspicious, suspicious, bins - 2),
        ],
    }
}
