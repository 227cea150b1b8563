//! The `anomal.*` columns of a batch of rows (docs/results.md).

use anomal_core::{
    Error, Result, Table,
    proto::{Plan, plan::Flag},
};
use anomal_spec::Severity;
use polars::prelude::{
    ChunkFullNull, Column, DataFrame, DataType, Float64Chunked, IntoColumn, IntoSeries, NamedFrom,
    Series, StringChunked, StructChunked,
};
use polars_arrow::{array::ListArray, offset::OffsetsBuffer};

use crate::{classify::Judged, explain::Explainer, hits::Hit};

/// Reasons told of a row.
const REASONS: usize = 3;
/// A smaller share of the whole is no reason.
const SMALLEST_SHARE: f64 = 0.01;
const EXPLANATION: &str = "anomal.explanation";

/// Gives results batch by batch, in the order of the feature table.
pub(crate) struct Results {
    flags: Vec<Flag>,
    /// All features, in order.
    names: Vec<String>,
    /// Those that were held, of all rows.
    held: Option<DataFrame>,
    scored: Option<Scored>,
    /// The row of the tables that comes next.
    next: usize,
}

/// What classification says.
struct Scored {
    judged: Judged,
    explainer: Explainer,
}

/// The results of a batch.
pub(crate) struct Assembled {
    pub columns: DataFrame,
    pub scores: Vec<Option<f64>>,
    pub suspicious: Vec<bool>,
    pub explanations: StringChunked,
}

impl Results {
    /// `held` and `judged` are of the same rows.
    pub fn new(plan: &Plan, held: Option<DataFrame>, judged: Option<Judged>) -> Self {
        let names = plan.features.iter().map(|feature| feature.name.clone()).collect();
        let scored = judged.map(|judged| {
            let explainer = Explainer::new(&judged.analysis);
            Scored { judged, explainer }
        });
        Self { flags: plan.flags.clone(), names, held, scored, next: 0 }
    }

    /// The results of the next `rows`, with the hits of each, and those of their `features` that were not
    /// held.
    pub fn next(
        &mut self,
        rows: &[u64],
        hits: &[&[Hit]],
        features: &DataFrame,
    ) -> Result<Assembled> {
        let start = self.next;
        self.next += rows.len();
        let held = self.held.as_ref();
        let held =
            held.map(|held| held.slice(i64::try_from(start).unwrap_or(i64::MAX), rows.len()));
        let held = held.unwrap_or_default();
        let feature = |name: &String| features.column(name).or_else(|_| held.column(name)).cloned();
        let features = self.names.iter().map(feature);
        // A result without any row has none.
        let features = features.filter(|column| column.is_ok() || !rows.is_empty());
        let features: Vec<Column> = features.collect::<Result<_, _>>()?;
        let features = features.as_slice();
        let scores = match &self.scored {
            Some(scored) => scored.take(start, rows, features)?,
            None => unscored(rows.len())?,
        };
        let mut columns = scores.columns;
        columns.extend(self.flag_columns(hits)?);
        columns.push(scores.reasons);
        columns.push(scores.explanations.clone().into_column());
        columns.extend(prefixed("features", features));
        columns.extend(scores.contributions);
        Ok(Assembled {
            scores: columns[0].f64()?.iter().collect(),
            suspicious: columns[3].bool()?.iter().map(|value| value == Some(true)).collect(),
            columns: DataFrame::new(rows.len(), columns)?,
            explanations: scores.explanations,
        })
    }

    fn flag_columns(&self, hits: &[&[Hit]]) -> Result<[Column; 2]> {
        let severity = |hits: &&[Hit]| highest(&self.flags, hits).map(severity_name);
        let severities: Vec<Option<&str>> = hits.iter().map(severity).collect();
        let names: Vec<&str> = hits
            .iter()
            .flat_map(|hits| hits.iter().map(|hit| self.flags[hit.flag].name.as_str()))
            .collect();
        let lengths = hits.iter().map(|hits| hits.len());
        let flags = list("anomal.flags", &Series::new("".into(), names), lengths)?;
        Ok([Column::new("anomal.severity".into(), severities), flags])
    }
}

/// What there is to say of a batch's scores.
struct Scores {
    /// Score, rank, cluster, suspicious.
    columns: Vec<Column>,
    reasons: Column,
    explanations: StringChunked,
    contributions: Vec<Column>,
}

impl Scored {
    fn take(&self, start: usize, rows: &[u64], features: &[Column]) -> Result<Scores> {
        let judged = self.judged.rows.slice(start, rows.len());
        if judged.rows() != rows {
            return Err(Error::internal("the classification engine answered for other rows"));
        }
        let judged = judged.columns();
        let columns = ["score", "rank", "cluster", "suspicious"].map(|name| {
            judged.column(name).map(|column| renamed(column, format!("anomal.{name}")))
        });
        let names: Vec<&str> = features.iter().map(|column| column.name().as_str()).collect();
        let contributions = names
            .iter()
            .map(|name| Ok(judged.column(&format!("contribution.{name}"))?.clone()))
            .collect::<Result<Vec<Column>>>()?;
        let shares = shares(&contributions)?;
        let largest: Vec<Vec<(usize, f64)>> =
            (0..rows.len()).map(|row| largest(&shares, row)).collect();
        let explanations: StringChunked = largest
            .iter()
            .enumerate()
            .map(|(row, reasons)| self.explainer.sentence(reasons, features, row))
            .collect();
        let contributions = contributions.iter().zip(&names);
        Ok(Scores {
            columns: columns.into_iter().collect::<Result<_, _>>()?,
            contributions: contributions
                .map(|(column, name)| renamed(column, format!("anomal.contributions.{name}")))
                .collect(),
            reasons: reasons(largest, &names)?,
            explanations: explanations.with_name(EXPLANATION.into()),
        })
    }
}

/// Where nothing was classified.
fn unscored(height: usize) -> Result<Scores> {
    let null = |name: &str, of: &DataType| Column::full_null(name.into(), height, of);
    Ok(Scores {
        columns: vec![
            null("anomal.score", &DataType::Float64),
            null("anomal.rank", &DataType::Float64),
            null("anomal.cluster", &DataType::UInt32),
            Column::new("anomal.suspicious".into(), vec![false; height]),
        ],
        reasons: Column::full_null(
            "anomal.reasons".into(),
            height,
            reasons(Vec::new(), &[])?.dtype(),
        ),
        explanations: <StringChunked as ChunkFullNull>::full_null(EXPLANATION.into(), height),
        contributions: Vec::new(),
    })
}

fn renamed(column: &Column, name: String) -> Column {
    column.clone().with_name(name.into())
}

fn prefixed(prefix: &str, columns: &[Column]) -> Vec<Column> {
    let name = |column: &Column| format!("anomal.{prefix}.{}", column.name());
    columns.iter().map(|column| renamed(column, name(column))).collect()
}

fn shares(contributions: &[Column]) -> Result<Vec<Float64Chunked>> {
    contributions.iter().map(|column| Ok(column.rechunk().f64()?.clone())).collect()
}

/// The features that contributed most to a row, the largest first, equal ones in feature order.
fn largest(shares: &[Float64Chunked], row: usize) -> Vec<(usize, f64)> {
    let mut largest: Vec<(usize, f64)> = Vec::with_capacity(REASONS + 1);
    for (feature, shares) in shares.iter().enumerate() {
        let Some(share) = shares.get(row).filter(|share| *share >= SMALLEST_SHARE) else {
            continue;
        };
        let place = largest.iter().take_while(|known| known.1 >= share).count();
        if place < REASONS {
            largest.insert(place, (feature, share));
            largest.truncate(REASONS);
        }
    }
    largest
}

fn reasons(largest: Vec<Vec<(usize, f64)>>, names: &[&str]) -> Result<Column> {
    let lengths: Vec<usize> = largest.iter().map(Vec::len).collect();
    let flat: Vec<(usize, f64)> = largest.into_iter().flatten().collect();
    let features: Vec<&str> = flat.iter().map(|reason| names[reason.0]).collect();
    let shares: Vec<f64> = flat.iter().map(|reason| reason.1).collect();
    let fields = [Series::new("feature".into(), features), Series::new("share".into(), shares)];
    let pairs = StructChunked::from_series("".into(), flat.len(), fields.iter())?.into_series();
    list("anomal.reasons", &pairs, lengths.into_iter())
}

/// A list column over `values` laid end to end.
fn list(name: &str, values: &Series, lengths: impl Iterator<Item = usize>) -> Result<Column> {
    let mut offsets = vec![0_i64];
    let mut end = 0_i64;
    for length in lengths {
        end += i64::try_from(length).unwrap_or(0);
        offsets.push(end);
    }
    let offsets = OffsetsBuffer::try_from(offsets)?;
    let values = values.rechunk().chunks()[0].clone();
    let of = ListArray::<i64>::default_datatype(values.dtype().clone());
    let lists = ListArray::<i64>::try_new(of, offsets, values, None)?;
    Ok(Series::from_arrow(name.into(), Box::new(lists))?.into_column())
}

/// The highest severity among hits.
pub(crate) fn highest(flags: &[Flag], hits: &[Hit]) -> Option<Severity> {
    hits.iter().map(|hit| severity(&flags[hit.flag])).max()
}

pub(crate) fn severity(flag: &Flag) -> Severity {
    use anomal_core::proto::Severity as Wire;
    match flag.severity() {
        Wire::High => Severity::High,
        Wire::Medium => Severity::Medium,
        Wire::Low | Wire::Unspecified => Severity::Low,
    }
}

pub(crate) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
    }
}

/// The rows of `table` that are not among `removed`, which ascend.
pub(crate) fn without(table: Table, removed: &[u64]) -> Result<Table> {
    use polars::prelude::{BooleanChunked, NewChunkedArray};
    let rows = table.rows();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(table) };
    let start = removed.partition_point(|row| row < first);
    if removed.get(start).is_none_or(|row| row > last) {
        return Ok(table);
    }
    let stays = |row: &u64| removed.binary_search(row).is_err();
    let mask = BooleanChunked::from_iter_values("stays".into(), rows.iter().map(stays));
    table.filter(&mask)
}
