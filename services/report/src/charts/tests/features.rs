//! The charts of features.

use anomal_core::proto::{
    Correlation, FeatureColumn, FeatureGroup, FeatureKind, FeatureSummary, Group,
    correlation::Method,
};
use roxmltree::Document;

use super::{super::*, check, elements, number, texts};

fn group(group: Group, counts: &[u64]) -> FeatureGroup {
    FeatureGroup {
        group: group.into(),
        count: counts.iter().sum(),
        counts: counts.to_vec(),
        ..FeatureGroup::default()
    }
}

fn feature(name: &str, kind: FeatureKind, weight: f64) -> FeatureSummary {
    let feature = FeatureColumn {
        name: name.to_owned(),
        kind: kind.into(),
        weight,
        ..FeatureColumn::default()
    };
    FeatureSummary { feature: Some(feature), ..FeatureSummary::default() }
}

#[test]
fn numeric_values_are_areas_of_shares() {
    let mut summary = feature("bytes", FeatureKind::Numeric, 1.0);
    summary.edges = vec![0.0, 1.0, 2.0];
    summary.missing = 3;
    summary.groups = vec![
        group(Group::All, &[11, 5]),
        group(Group::Normal, &[10, 0]),
        group(Group::Suspicious, &[1, 5]),
    ];
    let svg = density(&summary);
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    assert_eq!(
        (
            elements(&document, "path", "normal").len(),
            elements(&document, "path", "suspicious").len()
        ),
        (1, 1)
    );
    assert!(
        svg.contains("0 to 1: 100 % of normal (10 rows), 17 % of suspicious (6 rows)"),
        "{svg}"
    );
    assert!(texts(&document).contains(&"missing in 3 rows".to_owned()));
    // Without suspicious rows: one area. A single value: a sentence. No values: a placeholder.
    summary.groups.truncate(2);
    assert_eq!(
        elements(&Document::parse(&density(&summary)).unwrap(), "path", "suspicious").len(),
        0
    );
    summary.edges = vec![5.0, 5.0];
    assert!(density(&summary).contains("One value only: 5, missing in 3 rows."));
    summary.groups.clear();
    assert!(density(&summary).contains("Nothing to draw"));
}

#[test]
fn values_are_bars_from_the_most_frequent_with_the_rest_summed() {
    let mut summary = feature("service", FeatureKind::Categorical, 1.0);
    summary.categories =
        (0..20).map(|i| format!("v{i}")).chain(["other values".to_owned()]).collect();
    let counts: Vec<u64> = (0..20).chain([1000]).collect();
    summary.groups = vec![group(Group::Normal, &counts), group(Group::Suspicious, &[])];
    let svg = density(&summary);
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let names: Vec<String> = elements(&document, "text", "ink")
        .iter()
        .map(|text| text.text().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), 16);
    assert_eq!(
        (names[0].as_str(), names[14].as_str(), names[15].as_str()),
        ("v19", "v5", "other values")
    );
    // 0 to 4 and the analysis' own sum, of 1190.
    assert!(texts(&document).contains(&"85 %".to_owned()));
}

#[test]
fn contributions_are_in_order_with_a_mark_at_the_weight() {
    let mut features = [
        feature("a", FeatureKind::Numeric, 1.0),
        feature("b", FeatureKind::Numeric, 3.0),
        feature("c", FeatureKind::Numeric, 0.0),
    ];
    for (feature, (all, odd)) in features.iter_mut().zip([(0.2, 0.1), (0.3, 0.6), (0.5, 0.3)]) {
        feature.mean_contribution = all;
        feature.mean_contribution_suspicious = odd;
    }
    let svg = contributions(&features);
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let names: Vec<&str> =
        elements(&document, "text", "ink").iter().map(|text| text.text().unwrap()).collect();
    assert_eq!(names, ["b", "c", "a"]);
    let widths: Vec<f64> = elements(&document, "rect", "suspicious")
        .iter()
        .skip(1)
        .map(|bar| number(bar, "width"))
        .collect();
    assert!(widths.is_sorted_by(|a, b| a >= b) && widths.len() == 3);
    // b has three quarters of the weights, the largest figure: its mark is at the right end.
    assert!(elements(&document, "path", "mark")[1].attribute("d").unwrap().starts_with("M432 "));
}

#[test]
fn correlations_prefer_cramers_v_then_spearman() {
    let names = ["a", "b", "c"].map(str::to_owned);
    let pair = |first: &str, second: &str, method: Method, value| Correlation {
        first: first.to_owned(),
        second: second.to_owned(),
        method: method.into(),
        value,
        rows: 10,
    };
    let svg = correlations(
        &names,
        &[
            pair("a", "b", Method::Pearson, Some(0.9)),
            pair("a", "b", Method::Spearman, Some(-0.8)),
            pair("a", "c", Method::CramersV, Some(0.25)),
            pair("b", "c", Method::Spearman, None),
            pair("b", "unknown", Method::Spearman, Some(1.0)),
        ],
    );
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let texts = texts(&document);
    let count = |text: &str| texts.iter().filter(|found| *found == text).count();
    assert_eq!((count("-.80"), count(".25"), count(".90")), (2, 2, 0), "{texts:?}");
    assert!(svg.contains("a and b: Pearson 0.90 (10 rows), Spearman -0.80 (10 rows)"));
    assert!(svg.contains("b and c: Spearman not defined"));
    // The undefined pair is hatched, on both sides.
    assert_eq!(elements(&document, "path", "axis").len(), 2);
}
