//! Rows of the result table as records.

use anomal_connectors::text;
use anomal_core::{
    Result,
    proto::{Report, Severity},
};
use polars::prelude::{AnyValue, Column, DataFrame};

use crate::view::{Reason, Record, Value};

/// Characters of a record that a search looks at.
const SEARCHED: usize = 4_000;

/// The columns of a result table, found once.
pub(super) struct Records<'a> {
    row: &'a Column,
    score: &'a Column,
    rank: Option<&'a Column>,
    cluster: Option<&'a Column>,
    suspicious: &'a Column,
    severity: &'a Column,
    flags: Option<&'a Column>,
    reasons: Option<&'a Column>,
    explanation: Option<&'a Column>,
    source: Vec<Option<&'a Column>>,
    features: Vec<Option<&'a Column>>,
    contributions: Vec<&'a Column>,
}

impl<'a> Records<'a> {
    pub fn new(report: &Report, frame: &'a DataFrame) -> Result<Self> {
        let any = |name: &str| frame.column(name).ok();
        let features = report.features.iter();
        let contributions =
            features.clone().filter_map(|of| any(&format!("anomal.contributions.{}", of.name)));
        Ok(Self {
            row: frame.column("anomal.row")?,
            score: frame.column("anomal.score")?,
            rank: any("anomal.rank"),
            cluster: any("anomal.cluster"),
            suspicious: frame.column("anomal.suspicious")?,
            severity: frame.column("anomal.severity")?,
            flags: any("anomal.flags"),
            reasons: any("anomal.reasons"),
            explanation: any("anomal.explanation"),
            source: report.columns.iter().map(|column| any(&column.name)).collect(),
            features: features.map(|of| any(&format!("anomal.features.{}", of.name))).collect(),
            contributions: contributions.collect(),
        })
    }

    pub fn get(&self, place: usize) -> Result<Record> {
        let number = |column: Option<&Column>| {
            column.and_then(|column| column.get(place).ok()?.extract::<f64>())
        };
        let words = |column: &Column| match column.get(place) {
            Ok(AnyValue::Null) | Err(_) => None,
            Ok(value) => {
                let mut cell = String::new();
                text::push(&mut cell, &value);
                Some(cell)
            }
        };
        let value = |column: Option<&Column>| Value {
            text: column.and_then(words),
            number: column.and_then(|column| match column.get(place).ok()? {
                AnyValue::Boolean(truth) => Some(f64::from(u8::from(truth))),
                value if value.is_primitive_numeric() => value.extract(),
                _ => None,
            }),
        };
        let contribution = |column: &&Column| number(Some(column)).unwrap_or(0.0);
        let contributions: Vec<f64> = if number(Some(self.score)).is_some() {
            self.contributions.iter().map(contribution).collect()
        } else {
            Vec::new()
        };
        Ok(Record {
            row: self.row.u64()?.get(place).unwrap_or_default(),
            score: number(Some(self.score)),
            rank: number(self.rank),
            cluster: self.cluster.and_then(|column| column.get(place).ok()?.extract::<u32>()),
            suspicious: self.suspicious.bool()?.get(place) == Some(true),
            severity: match self.severity.str()?.get(place) {
                Some("high") => Some(Severity::High),
                Some("medium") => Some(Severity::Medium),
                Some(_) => Some(Severity::Low),
                None => None,
            },
            flags: self.flags(place)?,
            reasons: self.reasons(place)?,
            explanation: self.explanation.and_then(words),
            source: self.source.iter().map(|column| column.and_then(words)).collect(),
            features: self.features.iter().copied().map(value).collect(),
            contributions,
        })
    }

    fn flags(&self, place: usize) -> Result<Vec<String>> {
        let Some(column) = self.flags else { return Ok(Vec::new()) };
        let Some(names) = column.list()?.get_as_series(place) else { return Ok(Vec::new()) };
        Ok(names.str()?.iter().flatten().map(str::to_owned).collect())
    }

    fn reasons(&self, place: usize) -> Result<Vec<Reason>> {
        let Some(column) = self.reasons else { return Ok(Vec::new()) };
        let Some(pairs) = column.list()?.get_as_series(place) else { return Ok(Vec::new()) };
        let pairs = pairs.struct_()?;
        let (features, shares) = (pairs.field_by_name("feature")?, pairs.field_by_name("share")?);
        let reason = |(feature, share): (Option<&str>, Option<f64>)| Reason {
            feature: feature.unwrap_or_default().to_owned(),
            share: share.unwrap_or(0.0),
        };
        Ok(features.str()?.iter().zip(shares.f64()?.iter()).map(reason).collect())
    }
}

/// What a search looks at, in lower case.
pub(super) fn text(record: &Record) -> String {
    let mut all = record.row.to_string();
    let values = record.source.iter().flatten();
    let features = record.features.iter().filter_map(|value| value.text.as_ref());
    for part in values.chain(features).chain(&record.flags).chain(&record.explanation) {
        all.push('\n');
        all.extend(part.chars().take(SEARCHED));
    }
    all.to_lowercase()
}
