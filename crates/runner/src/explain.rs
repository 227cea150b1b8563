//! Reasons in words: what is unusual about the values that contributed most.

use std::fmt::Write;

use anomal_core::proto::{Analysis, FeatureKind, FeatureSummary, Group};
use polars::prelude::{AnyValue, Column};

/// Places of the quantiles 0.01, 0.05, 0.5, 0.95 and 0.99 in `FeatureGroup.quantiles`.
const LOWEST: usize = 1;
const LOW: usize = 2;
const MEDIAN: usize = 4;
const HIGH: usize = 6;
const HIGHEST: usize = 7;

/// Turns a feature's value into words, knowing how all rows are distributed.
pub(crate) struct Explainer {
    features: Vec<FeatureSummary>,
    rows: u64,
}

impl Explainer {
    pub fn new(analysis: &Analysis) -> Self {
        Self { features: analysis.features.clone(), rows: analysis.rows }
    }

    /// One sentence over the reasons (a feature's place and its share), in their order; none where there
    /// are none.
    pub fn sentence(
        &self,
        reasons: &[(usize, f64)],
        columns: &[Column],
        row: usize,
    ) -> Option<String> {
        let mut sentence = String::new();
        for &(feature, _) in reasons {
            if !sentence.is_empty() {
                sentence.push_str("; ");
            }
            self.clause(&mut sentence, feature, &columns[feature], row);
        }
        (!reasons.is_empty()).then_some(sentence)
    }

    fn clause(&self, out: &mut String, feature: usize, column: &Column, row: usize) {
        let value = column.get(row).unwrap_or(AnyValue::Null);
        let name = column.name();
        let summary = self.features.get(feature);
        // Writing to a string cannot fail.
        let _ = match (value, summary) {
            (AnyValue::Null, Some(summary)) => {
                write!(out, "{name} is missing, as in {} of {} rows", summary.missing, self.rows)
            }
            (AnyValue::Null, None) => write!(out, "{name} is missing"),
            (value, Some(summary)) if is_numeric(summary) => match value.extract::<f64>() {
                Some(number) => Self::number(out, name, number, summary),
                None => write!(out, "{name} is {value}"),
            },
            (value, summary) => self.category(out, name, &text(&value), summary),
        };
    }

    fn number(
        out: &mut String,
        name: &str,
        value: f64,
        summary: &FeatureSummary,
    ) -> std::fmt::Result {
        write!(out, "{name} is {}", short(value))?;
        let all = summary.groups.iter().find(|group| group.group() == Group::All);
        let Some(quantiles) = all.map(|all| &all.quantiles).filter(|all| all.len() > HIGHEST)
        else {
            return Ok(());
        };
        let median = quantiles[MEDIAN];
        if median > 0.0 && value >= 2.0 * median {
            return write!(out, ", {} times the median", short(value / median));
        }
        let place = match value {
            _ if value > quantiles[HIGHEST] => "above 99 % of the rows",
            _ if value < quantiles[LOWEST] => "below 99 % of the rows",
            _ if value > quantiles[HIGH] => "above 95 % of the rows",
            _ if value < quantiles[LOW] => "below 95 % of the rows",
            _ => return write!(out, " (median {})", short(median)),
        };
        write!(out, ", {place} (median {})", short(median))
    }

    fn category(
        &self,
        out: &mut String,
        name: &str,
        value: &str,
        summary: Option<&FeatureSummary>,
    ) -> std::fmt::Result {
        write!(out, "{name} is {}", shortened(value))?;
        let Some(summary) = summary else { return Ok(()) };
        let place = summary.categories.iter().position(|category| category == value);
        let all = summary.groups.iter().find(|group| group.group() == Group::All);
        match place.and_then(|place| all?.counts.get(place)) {
            Some(count) => write!(out, ", seen in {count} of {} rows", self.rows),
            None => write!(out, ", one of {} different values", summary.distinct),
        }
    }
}

fn is_numeric(summary: &FeatureSummary) -> bool {
    summary.feature.as_ref().is_some_and(|feature| feature.kind() == FeatureKind::Numeric)
}

fn text(value: &AnyValue<'_>) -> String {
    value.get_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// At most 80 characters.
fn shortened(value: &str) -> String {
    match value.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// Four significant digits, whole numbers whole.
fn short(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    if value.abs() >= 1e21 {
        return format!("{value:.3e}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 15")]
    let digits = (3.0 - value.abs().log10().floor().clamp(-12.0, 3.0)) as usize;
    let rounded = format!("{value:.digits$}");
    if rounded.contains('.') {
        rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        rounded
    }
}

#[cfg(test)]
mod tests {
    use anomal_core::proto::{FeatureColumn, FeatureGroup};
    use polars::prelude::*;

    use super::*;

    fn explainer() -> Explainer {
        let numeric = FeatureSummary {
            feature: Some(FeatureColumn {
                kind: FeatureKind::Numeric.into(),
                ..Default::default()
            }),
            missing: 7,
            groups: vec![FeatureGroup {
                group: Group::All.into(),
                quantiles: vec![0.0, 1.0, 2.0, 5.0, 10.0, 12.0, 15.0, 19.0, 1000.0],
                ..Default::default()
            }],
            ..Default::default()
        };
        let categorical = FeatureSummary {
            feature: Some(FeatureColumn {
                kind: FeatureKind::Categorical.into(),
                ..Default::default()
            }),
            categories: vec!["A".into(), "TXT".into()],
            distinct: 9,
            groups: vec![FeatureGroup {
                group: Group::All.into(),
                counts: vec![4000, 3],
                ..Default::default()
            }],
            ..Default::default()
        };
        Explainer { features: vec![numeric, categorical], rows: 5000 }
    }

    #[test]
    fn says_what_is_unusual() {
        let columns = [
            Column::new("bytes".into(), [Some(400.0), Some(11.0), Some(19.5), Some(0.5), None]),
            Column::new("type".into(), ["TXT", "PTR", "A", "A", "A"]),
        ];
        let say = |features: &[usize], row| {
            let reasons: Vec<(usize, f64)> = features.iter().map(|place| (*place, 0.5)).collect();
            explainer().sentence(&reasons, &columns, row).unwrap_or_default()
        };
        assert_eq!(
            say(&[0, 1], 0),
            "bytes is 400, 40 times the median; type is TXT, seen in 3 of 5000 rows"
        );
        assert_eq!(say(&[1], 1), "type is PTR, one of 9 different values");
        assert_eq!(say(&[0], 1), "bytes is 11 (median 10)");
        assert_eq!(say(&[0], 2), "bytes is 19.5, above 99 % of the rows (median 10)");
        assert_eq!(say(&[0], 3), "bytes is 0.5, below 99 % of the rows (median 10)");
        assert_eq!(say(&[0], 4), "bytes is missing, as in 7 of 5000 rows");
        assert_eq!(say(&[], 0), "");
    }

    #[test]
    fn numbers_are_short() {
        let shorts = [1234.5678, 0.000_123_456, 1e20, -2.5, 3.0, 99_999.9].map(short);
        assert_eq!(shorts, ["1235", "0.0001235", "100000000000000000000", "-2.5", "3", "100000"]);
        assert_eq!(short(-1.5e300), "-1.500e300");
    }
}
