//! Rows of the result table as records.

use anomal_connectors::text::push as push_text;
use anomal_core::{
    Result,
    proto::{Report, Severity},
};
use polars::prelude::{AnyValue, Column, DataFrame};

use crate::{
    contents::{ACTOR, INCIDENT, TARGET, TIME},
    view::{Line, Reason, Record, Value},
};

/// The columns of a result table, resolved once.
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
    about: [Option<&'a Column>; 4],
    source: Vec<Option<&'a Column>>,
    features: Vec<Option<&'a Column>>,
    contributions: Vec<&'a Column>,
}

impl<'a> Records<'a> {
    pub fn new(report: &Report, frame: &'a DataFrame) -> Result<Self> {
        let optional = |name: &str| frame.column(name).ok();
        let features = report.features.iter();
        let contributions = features
            .clone()
            .filter_map(|feature| optional(&format!("anomal.contributions.{}", feature.name)));
        Ok(Self {
            row: frame.column("anomal.row")?,
            score: frame.column("anomal.score")?,
            rank: optional("anomal.rank"),
            cluster: optional("anomal.cluster"),
            suspicious: frame.column("anomal.suspicious")?,
            severity: frame.column("anomal.severity")?,
            flags: optional("anomal.flags"),
            reasons: optional("anomal.reasons"),
            explanation: optional("anomal.explanation"),
            about: if report.incidents.is_some() {
                [INCIDENT, TIME, ACTOR, TARGET].map(optional)
            } else {
                [None; 4]
            },
            source: report.columns.iter().map(|column| optional(&column.name)).collect(),
            features: features
                .map(|feature| optional(&format!("anomal.features.{}", feature.name)))
                .collect(),
            contributions: contributions.collect(),
        })
    }

    /// What a list shows of a row; a small part of what takes time of [`Records::get`].
    pub fn line(&self, index: usize) -> Result<Line> {
        Ok(Line {
            row: self.row.u64()?.get(index).unwrap_or_default(),
            score: self.score.get(index).ok().and_then(|score| score.extract()),
            severity: match self.severity.str()?.get(index) {
                Some("high") => Some(Severity::High),
                Some("medium") => Some(Severity::Medium),
                Some(_) => Some(Severity::Low),
                None => None,
            },
            flags: self.flags(index)?,
            explanation: self.explanation.and_then(|column| text(column, index)),
            source: self.source.iter().map(|it| it.and_then(|it| text(it, index))).collect(),
            incident: self.about[0].and_then(|column| column.get(index).ok()?.extract()),
        })
    }

    pub fn get(&self, index: usize) -> Result<Record> {
        let number = |column: Option<&Column>| {
            column.and_then(|column| column.get(index).ok()?.extract::<f64>())
        };
        let text = |column: &Column| text(column, index);
        let value = |column: Option<&Column>| Value {
            text: column.and_then(text),
            number: column.and_then(|column| match column.get(index).ok()? {
                AnyValue::Boolean(value) => Some(f64::from(u8::from(value))),
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
        let Line { row, score, severity, flags, explanation, source, incident } =
            self.line(index)?;
        Ok(Record {
            row,
            score,
            rank: number(self.rank),
            cluster: self.cluster.and_then(|column| column.get(index).ok()?.extract::<u32>()),
            suspicious: self.suspicious.bool()?.get(index) == Some(true),
            severity,
            flags,
            reasons: self.reasons(index)?,
            explanation,
            source,
            features: self.features.iter().copied().map(value).collect(),
            contributions,
            incident,
            time: self.about[1].and_then(|column| column.get(index).ok()?.extract::<i64>()),
            actor: self.about[2].and_then(text),
            target: self.about[3].and_then(text),
        })
    }

    fn flags(&self, index: usize) -> Result<Vec<String>> {
        let Some(column) = self.flags else { return Ok(Vec::new()) };
        let Some(names) = column.list()?.get_as_series(index) else { return Ok(Vec::new()) };
        Ok(names.str()?.iter().flatten().map(str::to_owned).collect())
    }

    fn reasons(&self, index: usize) -> Result<Vec<Reason>> {
        let Some(column) = self.reasons else { return Ok(Vec::new()) };
        let Some(pairs) = column.list()?.get_as_series(index) else { return Ok(Vec::new()) };
        let pairs = pairs.struct_()?;
        let (features, shares) = (pairs.field_by_name("feature")?, pairs.field_by_name("share")?);
        let reason = |(feature, share): (Option<&str>, Option<f64>)| Reason {
            feature: feature.unwrap_or_default().to_owned(),
            share: share.unwrap_or(0.0),
        };
        Ok(features.str()?.iter().zip(shares.f64()?.iter()).map(reason).collect())
    }
}

/// A value as text; none: missing.
pub(super) fn text(column: &Column, index: usize) -> Option<String> {
    match column.get(index) {
        Ok(AnyValue::Null) | Err(_) => None,
        Ok(value) => {
            let mut cell = String::new();
            push_text(&mut cell, &value);
            Some(cell)
        }
    }
}
