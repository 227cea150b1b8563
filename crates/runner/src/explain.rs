//! Reasons in words: what is unusual about the values that contributed most (docs/reasons.md).

use anomal_core::{
    proto::{Analysis, FeatureGroup, FeatureKind, FeatureSummary, Group},
    words::{self, grouped, number, times},
};
use polars::prelude::{AnyValue, Column};

use crate::{
    incidents::{Signature, SignatureState},
    reason::{Side, Standing, State},
};

/// Places of the quantiles 0, 0.01, 0.05, 0.5, 0.95 and 0.99 in `FeatureGroup.quantiles`.
const LEAST: usize = 0;
const LOWEST: usize = 1;
const LOW: usize = 2;
const MEDIAN: usize = 4;
const HIGH: usize = 6;
const HIGHEST: usize = 7;
/// A common value is named from this share on.
const NAMED_SHARE: f64 = 0.15;
/// Values named where none is unusual.
const NAMED: usize = 2;
/// Characters of a value.
const VALUE: usize = 80;

/// Turns a feature's value into words, by the distribution of all rows.
pub(crate) struct Explainer {
    features: Vec<FeatureSummary>,
    rows: u64,
}

/// A reason of one row: the feature's value in words.
struct Reason<'a> {
    name: &'a str,
    value: String,
    /// Whether `value` is a statement rather than a value: `missing`.
    is_statement: bool,
    /// How frequent or how high it is; empty if that is not known.
    place: String,
    state: State,
    share: f64,
}

impl Explainer {
    pub fn new(analysis: &Analysis) -> Self {
        Self { features: analysis.features.clone(), rows: analysis.rows }
    }

    /// One sentence over the reasons (a feature's index and its share of the score), the rare and unusual values first;
    /// none where there are none.
    pub fn sentence(
        &self,
        reasons: &[(usize, f64)],
        columns: &[Column],
        row: usize,
    ) -> Option<String> {
        let reason = |&(feature, share): &(usize, f64)| {
            self.reason(feature, share, columns.get(feature)?, row)
        };
        let reasons: Vec<Reason<'_>> = reasons.iter().filter_map(reason).collect();
        let (common, notable): (Vec<_>, Vec<_>) =
            reasons.iter().partition(|reason| reason.state == State::Common);
        if notable.is_empty() {
            return combination(&common);
        }
        let notable: Vec<String> = notable.into_iter().map(clause).collect();
        let mut sentence = notable.join("; ");
        let common: Vec<String> =
            common.into_iter().filter(|reason| reason.share >= NAMED_SHARE).map(phrase).collect();
        if !common.is_empty() {
            let verb = if common.len() == 1 { "is" } else { "are" };
            let common = words::listed(&common);
            sentence = format!("{sentence}; together with {common}, which {verb} common");
        }
        Some(sentence)
    }

    /// The standing of a feature's value among all rows.
    pub fn standing(&self, feature: usize, column: &Column, row: usize) -> Standing {
        let value = column.get(row).unwrap_or(AnyValue::Null);
        let Some(summary) = self.features.get(feature) else { return Standing::default() };
        self.standing_of(&value, summary)
    }

    /// In which way a row is odd: by its first reason whose value is not common, else by its largest reasons together.
    /// `names`: of all features.
    pub fn signature(
        &self,
        reasons: &[(usize, f64)],
        columns: &[Column],
        names: &[String],
        row: usize,
    ) -> Signature {
        for &(feature, _) in reasons {
            let Some(column) = columns.get(feature) else { continue };
            let Standing { state, side } = self.standing(feature, column, row);
            if state != State::Common {
                let state = match side {
                    Side::High => SignatureState::High,
                    Side::Low => SignatureState::Low,
                    Side::Missing => SignatureState::Missing,
                    Side::Value(value) => SignatureState::Value(words::shortened(&value, VALUE)),
                };
                return Signature { features: vec![names[feature].clone()], state };
            }
        }
        let largest = reasons.iter().take(NAMED).map(|(feature, _)| names[*feature].clone());
        Signature { features: largest.collect(), state: SignatureState::Combination }
    }

    fn standing_of(&self, value: &AnyValue<'_>, summary: &FeatureSummary) -> Standing {
        let by_count = |count: u64, side| {
            let state = State::from_share(count as f64 / self.rows.max(1) as f64);
            Standing { state, side }
        };
        if value.is_null() {
            return by_count(summary.missing, Side::Missing);
        }
        if let Some(number) = numeric(value, summary) {
            if let Some((text, count)) = named(number, summary) {
                return by_count(count, Side::Value(text.to_owned()));
            }
            return all(summary).map_or_else(Standing::default, |all| ranked(number, all));
        }
        let value = text(value);
        let state = match count(&value, summary) {
            Some(count) => State::from_share(count as f64 / self.rows.max(1) as f64),
            None => State::Rare,
        };
        Standing { state, side: Side::Value(value) }
    }

    fn reason<'a>(
        &self,
        feature: usize,
        share: f64,
        column: &'a Column,
        row: usize,
    ) -> Option<Reason<'a>> {
        let value = column.get(row).ok()?;
        let name = column.name().as_str();
        let Some(summary) = self.features.get(feature) else {
            let (value, is_statement) = if value.is_null() {
                ("missing".to_owned(), true)
            } else {
                (words::shortened(&text(&value), VALUE), false)
            };
            let state = State::default();
            return Some(Reason { name, value, is_statement, place: String::new(), state, share });
        };
        let state = self.standing_of(&value, summary).state;
        let as_in = |count: u64| format!("as in {} of {}", grouped(count), words::rows(self.rows));
        let (value, is_statement, place) = if value.is_null() {
            ("missing".to_owned(), true, as_in(summary.missing))
        } else if let Some(found) = numeric(&value, summary) {
            match named(found, summary) {
                Some((text, count)) => (text.to_owned(), true, as_in(count)),
                None => {
                    let place = all(summary).map_or_else(String::new, |all| place(found, all));
                    (number(found), false, place)
                }
            }
        } else {
            let value = text(&value);
            let place = match count(&value, summary) {
                Some(count) => format!("in {} of {}", grouped(count), words::rows(self.rows)),
                None => {
                    let distinct = words::counted(summary.distinct, "value", "different values");
                    format!("one of {distinct}")
                }
            };
            (words::shortened(&value, VALUE), false, place)
        };
        Some(Reason { name, value, is_statement, place, state, share })
    }
}

/// The rows with a category, if it is among the listed ones.
fn count(value: &str, summary: &FeatureSummary) -> Option<u64> {
    let place = summary.categories.iter().position(|category| category == value)?;
    all(summary)?.counts.get(place).copied()
}

fn all(summary: &FeatureSummary) -> Option<&FeatureGroup> {
    summary.groups.iter().find(|group| group.group() == Group::All)
}

fn numeric(value: &AnyValue<'_>, summary: &FeatureSummary) -> Option<f64> {
    let numeric = summary.feature.as_ref()?.kind() == FeatureKind::Numeric;
    if numeric { value.extract::<f64>() } else { None }
}

/// The text of a number that stands for something else, and the rows that have it.
fn named(number: f64, summary: &FeatureSummary) -> Option<(&str, u64)> {
    let named = &summary.feature.as_ref()?.named;
    let place = named.iter().position(|named| named.number == number)?;
    let count = summary.named_counts.get(place).copied().unwrap_or_default();
    Some((named.get(place)?.text.as_str(), count))
}

fn ranked(value: f64, all: &FeatureGroup) -> Standing {
    let quantiles = &all.quantiles;
    if quantiles.len() <= HIGHEST {
        return Standing::default();
    }
    let side = if value < quantiles[MEDIAN] { Side::Low } else { Side::High };
    let state = if value > quantiles[HIGHEST] || value < quantiles[LOWEST] {
        State::Rare
    } else if value > quantiles[HIGH] || value < quantiles[LOW] {
        State::Unusual
    } else {
        State::Common
    };
    Standing { state, side }
}

/// Where a number is among those of all rows.
fn place(value: f64, all: &FeatureGroup) -> String {
    let quantiles = &all.quantiles;
    if quantiles.len() <= HIGHEST {
        return String::new();
    }
    let median = quantiles[MEDIAN];
    let shown = number(median);
    let is_high = value > quantiles[HIGH];
    if is_high && quantiles[LEAST] >= 0.0 && median > 0.0 && value >= 2.0 * median {
        return format!("{} the median ({shown})", times(value / median));
    }
    match value {
        _ if value > quantiles[HIGHEST] => format!("higher than 99 % of the rows (median {shown})"),
        _ if value < quantiles[LOWEST] => format!("lower than 99 % of the rows (median {shown})"),
        _ if is_high => format!("higher than 95 % of the rows (median {shown})"),
        _ if value < quantiles[LOW] => format!("lower than 95 % of the rows (median {shown})"),
        _ => format!("median {shown}"),
    }
}

/// `amount is 517,232, 150 times the median (3,456)`.
fn clause(reason: &Reason<'_>) -> String {
    let Reason { name, value, place, .. } = reason;
    let parts = [format!("{name} is {value}"), place.clone()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// `type CASH_OUT`.
fn phrase(reason: &Reason<'_>) -> String {
    let Reason { name, value, .. } = reason;
    if reason.is_statement { format!("{name} that is {value}") } else { format!("{name} {value}") }
}

/// The sentence of a row all of whose reasons are common values.
fn combination(common: &[&Reason<'_>]) -> Option<String> {
    match common {
        [] => None,
        [only] => Some(match only.place.as_str() {
            "" => format!("{} is {}", only.name, only.value),
            place if only.is_statement => format!("{} is {}, {place}", only.name, only.value),
            place => format!("{} is {} ({place})", only.name, only.value),
        }),
        _ => {
            let mut named: Vec<&&Reason<'_>> =
                common.iter().filter(|reason| reason.share >= NAMED_SHARE).collect();
            if named.len() < NAMED {
                named = common.iter().take(NAMED).collect();
            }
            let phrases: Vec<String> = named.into_iter().map(|reason| phrase(reason)).collect();
            let phrases = phrases.join(" with ");
            Some(format!("no single value is unusual; the combination is: {phrases}"))
        }
    }
}

fn text(value: &AnyValue<'_>) -> String {
    value.get_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use anomal_core::proto::{FeatureColumn, NamedNumber};
    use polars::prelude::*;

    use super::*;

    fn summary(kind: FeatureKind, group: FeatureGroup) -> FeatureSummary {
        FeatureSummary {
            feature: Some(FeatureColumn { kind: kind.into(), ..Default::default() }),
            groups: vec![FeatureGroup { group: Group::All.into(), ..group }],
            ..Default::default()
        }
    }

    fn explainer() -> Explainer {
        let quantiles = vec![0.0, 1.0, 2.0, 5.0, 10.0, 12.0, 15.0, 19.0, 50_000.0];
        let numeric = |missing| {
            let group = FeatureGroup { quantiles: quantiles.clone(), ..Default::default() };
            FeatureSummary { missing, ..summary(FeatureKind::Numeric, group) }
        };
        let counts = FeatureGroup { counts: vec![4000, 3], ..Default::default() };
        let categorical = FeatureSummary {
            categories: vec!["A".into(), "TXT".into()],
            distinct: 1234,
            ..summary(FeatureKind::Categorical, counts)
        };
        let mut ranked = numeric(0);
        ranked.feature.as_mut().unwrap().named =
            vec![NamedNumber { number: 143_631.0, text: "not in the list".into() }];
        ranked.named_counts = vec![1900];
        Explainer { features: vec![numeric(7), categorical, ranked], rows: 5000 }
    }

    fn columns() -> [Column; 3] {
        [
            Column::new("bytes".into(), [Some(400.0), Some(11.0), Some(19.5), Some(0.5), None]),
            Column::new("type".into(), ["TXT", "PTR", "A", "A", "A"]),
            Column::new("rank".into(), [143_631_i64, 3, 9, 9, 9]),
        ]
    }

    #[test]
    fn unusual_values_come_first() {
        let sentence = |reasons: &[(usize, f64)], row| {
            explainer().sentence(reasons, &columns(), row).unwrap_or_default()
        };
        let cases: [(&[(usize, f64)], usize, &str); 9] = [
            (
                &[(0, 0.5), (1, 0.5)],
                0,
                "bytes is 400, 40 times the median (10); type is TXT, in 3 of 5,000 rows",
            ),
            (&[(1, 0.5)], 1, "type is PTR, one of 1,234 different values"),
            (&[(0, 0.5)], 1, "bytes is 11 (median 10)"),
            (&[(0, 0.5)], 2, "bytes is 19.5, higher than 99 % of the rows (median 10)"),
            (&[(0, 0.5)], 3, "bytes is 0.5, lower than 99 % of the rows (median 10)"),
            (&[(0, 0.5)], 4, "bytes is missing, as in 7 of 5,000 rows"),
            (&[(2, 0.5)], 0, "rank is not in the list, as in 1,900 of 5,000 rows"),
            (
                &[(2, 0.6), (1, 0.4)],
                0,
                "type is TXT, in 3 of 5,000 rows; together with rank that is not in the list, which is common",
            ),
            (
                &[(1, 0.6), (0, 0.3), (2, 0.1)],
                1,
                "type is PTR, one of 1,234 different values; together with bytes 11, which is common",
            ),
        ];
        for (reasons, row, expected) in cases {
            assert_eq!(sentence(reasons, row), expected);
        }
        assert_eq!(sentence(&[], 0), "");
    }

    #[test]
    fn common_values_are_a_combination() {
        let columns = [
            Column::new("bytes".into(), [11.0]),
            Column::new("type".into(), ["A"]),
            Column::new("rank".into(), [9_i64]),
        ];
        let sentence = |shares: &[(usize, f64)]| explainer().sentence(shares, &columns, 0).unwrap();
        assert_eq!(
            sentence(&[(1, 0.6), (0, 0.3), (2, 0.1)]),
            "no single value is unusual; the combination is: type A with bytes 11"
        );
        assert_eq!(
            sentence(&[(1, 0.9), (2, 0.05), (0, 0.05)]),
            "no single value is unusual; the combination is: type A with rank 9"
        );
    }

    #[test]
    fn a_ratio_is_of_high_values_only() {
        let mut explainer = explainer();
        explainer.features[0].groups[0].quantiles[LEAST] = -4.0;
        let sentence = explainer.sentence(&[(0, 1.0)], &columns(), 0).unwrap();
        assert_eq!(sentence, "bytes is 400, higher than 99 % of the rows (median 10)");
    }

    #[test]
    fn values_have_a_standing() {
        let standing = |feature, row| {
            let columns = columns();
            explainer().standing(feature, &columns[feature], row)
        };
        let expect = |state, side| Standing { state, side };
        assert_eq!(standing(0, 0), expect(State::Rare, Side::High));
        assert_eq!(standing(0, 1), expect(State::Common, Side::High));
        assert_eq!(standing(0, 4), expect(State::Rare, Side::Missing));
        assert_eq!(standing(1, 0), expect(State::Rare, Side::Value("TXT".into())));
        assert_eq!(standing(2, 0), expect(State::Common, Side::Value("not in the list".into())));
    }
}
