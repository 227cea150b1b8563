//! How far new rows are from those that a model was fitted on, feature by feature.

use std::collections::HashMap;

use anomal_core::{
    Result,
    proto::{Diagnostic, Distribution, FeatureColumn, FeatureKind},
};
use polars::prelude::{Column, DataFrame, DataType};
use serde::Serialize;

/// Bins of a numeric feature: deciles, as is usual for this index.
const BINS: usize = 10;
const CATEGORIES: usize = 50;
/// From here on it is reported: "a significant change" (Siddiqi 2006, "Credit Risk Scorecards", chapter 9).
const LARGE: f64 = 0.25;

/// The change of one feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    pub feature: String,
    /// The population stability index: below 0.1 there is little change, from 0.25 on much.
    pub psi: f64,
}

/// The distribution of each feature, in order.
pub(crate) fn distributions(
    features: &[FeatureColumn],
    table: &DataFrame,
) -> Result<Vec<Distribution>> {
    let columns = features.iter();
    columns.map(|feature| distribution(feature, table.column(&feature.name)?)).collect()
}

/// The drift of each feature since its distribution was taken.
pub(crate) fn since(
    features: &[FeatureColumn],
    then: &[Distribution],
    table: &DataFrame,
) -> Result<Vec<Drift>> {
    let drift = |(feature, then): (&FeatureColumn, &Distribution)| {
        let now = binned(feature, then, table.column(&feature.name)?)?;
        Ok(Drift { feature: feature.name.clone(), psi: index(then, &now) })
    };
    features.iter().zip(then).map(drift).collect()
}

/// The changes that are large enough to report.
pub(crate) fn diagnostics(drift: &[Drift]) -> Vec<Diagnostic> {
    let large = drift.iter().filter(|drift| drift.psi >= LARGE);
    let diagnostic = |drift: &Drift| Diagnostic {
        reason: "DRIFT".into(),
        message: format!(
            "the distribution of `{}` differs from that of the rows that the model was fitted on (population stability \
             index {:.2}); fit the model again if the change is to stay",
            drift.feature, drift.psi
        ),
        ..Diagnostic::default()
    };
    large.map(diagnostic).collect()
}

fn distribution(feature: &FeatureColumn, column: &Column) -> Result<Distribution> {
    let mut bins = Distribution::default();
    if feature.kind() == FeatureKind::Numeric {
        let mut values: Vec<f64> = numbers(column)?.into_iter().flatten().collect();
        values.sort_unstable_by(f64::total_cmp);
        let decile = |bin: usize| values.get(bin * values.len() / BINS).copied();
        bins.cuts = (1..BINS).filter_map(decile).collect();
        bins.cuts.dedup();
    } else {
        let mut counts: HashMap<String, u64> = HashMap::new();
        for value in texts(column)?.into_iter().flatten() {
            *counts.entry(value).or_default() += 1;
        }
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        bins.categories = counts.into_iter().take(CATEGORIES).map(|(value, _)| value).collect();
    }
    binned(feature, &bins, column)
}

/// The column in the bins of `like`.
fn binned(feature: &FeatureColumn, like: &Distribution, column: &Column) -> Result<Distribution> {
    let mut bins = Distribution { missing: 0, counts: Vec::new(), ..like.clone() };
    let places: Vec<Option<usize>> = if feature.kind() == FeatureKind::Numeric {
        bins.counts = vec![0; bins.cuts.len() + 1];
        let place = |value: f64| bins.cuts.partition_point(|cut| *cut < value);
        numbers(column)?.into_iter().map(|value| value.map(place)).collect()
    } else {
        bins.counts = vec![0; bins.categories.len() + 1];
        let known: HashMap<&str, usize> = bins
            .categories
            .iter()
            .enumerate()
            .map(|(place, name)| (name.as_str(), place))
            .collect();
        let place = |value: String| known.get(value.as_str()).copied().unwrap_or(known.len());
        texts(column)?.into_iter().map(|value| value.map(place)).collect()
    };
    for place in places {
        match place.and_then(|place| bins.counts.get_mut(place)) {
            Some(count) => *count += 1,
            None => bins.missing += 1,
        }
    }
    Ok(bins)
}

fn numbers(column: &Column) -> Result<Vec<Option<f64>>> {
    Ok(column.cast(&DataType::Float64)?.f64()?.iter().collect())
}

fn texts(column: &Column) -> Result<Vec<Option<String>>> {
    let text = column.cast(&DataType::String)?;
    Ok(text.str()?.iter().map(|value| value.map(str::to_owned)).collect())
}

/// The population stability index over the bins and the missing values: the sum of
/// (now - then) ln(now / then) over their shares (Siddiqi 2006). Half a row is added to each bin, so that
/// an empty one counts without being infinite.
fn index(then: &Distribution, now: &Distribution) -> f64 {
    let shares = |of: &Distribution| -> Vec<f64> {
        let counts = of.counts.iter().chain([&of.missing]).map(|count| *count as f64 + 0.5);
        let counts: Vec<f64> = counts.collect();
        let total: f64 = counts.iter().sum();
        counts.iter().map(|count| count / total).collect()
    };
    let pairs = shares(then).into_iter().zip(shares(now));
    pairs.map(|(then, now)| (now - then) * (now / then).ln()).sum()
}

#[cfg(test)]
mod tests {
    use polars::prelude::{IntoColumn, NamedFrom, Series};

    use super::*;

    fn feature(kind: FeatureKind) -> FeatureColumn {
        FeatureColumn { name: "x".into(), kind: kind.into(), ..FeatureColumn::default() }
    }

    fn psi(kind: FeatureKind, then: Series, now: Series) -> f64 {
        let (then, now) = (then.into_column(), now.into_column());
        let fitted = distribution(&feature(kind), &then).unwrap();
        index(&fitted, &binned(&feature(kind), &fitted, &now).unwrap())
    }

    fn numbers_from(start: i32, step: i32) -> Series {
        Series::new("x".into(), (0..1_000).map(|i| f64::from(start + i * step)).collect::<Vec<_>>())
    }

    #[test]
    fn the_same_rows_have_none_and_others_have_much() {
        let numeric = |then, now| psi(FeatureKind::Numeric, then, now);
        assert_eq!(numeric(numbers_from(0, 1), numbers_from(0, 1)), 0.0);
        assert!(numeric(numbers_from(0, 1), numbers_from(20, 1)) < 0.1);
        assert!(numeric(numbers_from(0, 1), numbers_from(500, 1)) > LARGE);
        let missing = Series::new("x".into(), vec![None::<f64>; 1_000]);
        assert!(numeric(numbers_from(0, 1), missing) > LARGE);
    }

    #[test]
    fn is_the_sum_over_the_bins() {
        let then = Series::new("x".into(), [vec!["a"; 80], vec!["b"; 20]].concat());
        let now = Series::new("x".into(), [vec!["a"; 50], vec!["b"; 40], vec!["new"; 10]].concat());
        // Bins a, b, others, missing with half a row more each, of 102.
        let share = |count: f64| (count + 0.5) / 102.0;
        let part =
            |then: f64, now: f64| (share(now) - share(then)) * (share(now) / share(then)).ln();
        let expected = part(80.0, 50.0) + part(20.0, 40.0) + part(0.0, 10.0);
        let found = psi(FeatureKind::Categorical, then, now);
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn a_constant_and_an_empty_column_have_bins_too() {
        let constant = || Series::new("x".into(), vec![3.0; 50]);
        assert_eq!(psi(FeatureKind::Numeric, constant(), constant()), 0.0);
        let empty = || Series::new("x".into(), vec![None::<&str>; 5]);
        assert_eq!(psi(FeatureKind::Categorical, empty(), empty()), 0.0);
    }
}
