//! Charts of arbitrary values (NaN, infinite, unordered) keep the invariants.

use anomal_core::proto::{Clustering, Correlation, FeatureColumn, FeatureGroup, FeatureSummary};
use proptest::{
    num::{f32::ANY as FLOAT, f64::ANY},
    prelude::*,
};

use super::{super::*, check};
use crate::view::{Point, Reason, ScoreHistogram};

prop_compose! {
    /// A feature with arbitrary values.
    fn any_feature()(
        name in ".*",
        kind in 0..5_i32,
        numbers in [ANY, ANY, ANY],
        missing in any::<u64>(),
        edges in prop::collection::vec(ANY, 0..6),
        categories in prop::collection::vec(".*", 0..20),
        groups in prop::collection::vec((0..5_i32, prop::collection::vec(any::<u64>(), 0..20)), 0..4),
    ) -> FeatureSummary {
        let groups = groups.into_iter().map(|(group, counts)| FeatureGroup {
            group, counts, quantiles: edges.clone(), ..FeatureGroup::default()
        });
        FeatureSummary {
            feature: Some(FeatureColumn { name, kind, weight: numbers[0], ..FeatureColumn::default() }),
            missing,
            mean_contribution: numbers[1],
            mean_contribution_suspicious: numbers[2],
            groups: groups.collect(),
            edges,
            categories,
            ..FeatureSummary::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_features_are_drawn(features in prop::collection::vec(any_feature(), 0..8), value in prop::option::of(ANY)) {
        check(&contributions(&features));
        for feature in &features {
            check(&density(feature));
            check(&standalone(&density(feature)));
            for group in &feature.groups {
                check(&quartiles(value, group));
                let value = value.unwrap_or(3.0);
                check(&two_quartiles([value, 0.0, -value], group));
            }
        }
        let names: Vec<String> = features.iter().map(|f| f.feature.as_ref().unwrap().name.clone()).collect();
        let pairs: Vec<Correlation> = features.windows(2).enumerate().map(|(i, pair)| Correlation {
            first: names[i].clone(),
            second: names[i + 1].clone(),
            method: pair[0].feature.as_ref().unwrap().kind,
            value: value.filter(|_| i % 2 == 0),
            rows: 3,
        }).collect();
        check(&correlations(&names, &pairs));
        let shares: Vec<Reason> = features.iter().zip(names)
            .map(|(f, feature)| Reason { feature, share: f.mean_contribution }).collect();
        check(&reasons(&shares));
    }

    #[test]
    fn any_figures_are_drawn(
        edges in prop::collection::vec(ANY, 0..8),
        counts in prop::collection::vec(any::<u64>(), 0..8),
        cut in prop::option::of(ANY),
        positions in prop::collection::vec((any::<u64>(), FLOAT, FLOAT, any::<u64>(), any::<bool>(), prop::option::of(ANY), any::<u32>()), 0..20),
        link in ".*",
    ) {
        let histogram = ScoreHistogram {
            edges: edges.clone(), normal: counts.clone(), suspicious: counts.iter().rev().copied().collect(), cut,
        };
        check(&scores(&histogram));
        let points: Vec<Point> = positions.into_iter().map(|(row, x, y, count, suspicious, score, label)| Point {
            row, x, y, count, suspicious, score, labels: vec![label], features: vec![],
        }).collect();
        check(&map(&points, Some(0), Some(&link)));
        check(&map(&points, Some(3), None));
        let clusterings: Vec<Clustering> = edges.iter().zip(2..)
            .map(|(s, k)| Clustering { k, silhouette: Some(*s), ..Clustering::default() }).collect();
        check(&silhouettes(&clusterings));
    }

    #[test]
    fn any_tree_is_drawn(
        counts in prop::collection::vec(1_u64..9999, 1..80),
        picks in prop::collection::vec(0_usize..100, 1..20),
        labels in prop::collection::vec(0_u32..20, 0..80),
        height in ANY,
    ) {
        let whole = tree::tests::tree(&counts, &picks);
        check(&dendrogram(&whole, std::slice::from_ref(&labels), Some(0), &[height]));
        check(&dendrogram(&truncate(&whole, 60), &[labels], Some(1), &[height]));
    }
}
