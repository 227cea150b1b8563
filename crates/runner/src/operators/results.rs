//! The `anomal.*` columns of a batch of rows (docs/results.md).

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anomal_core::{
    Batch, Hit, Result, Table,
    proto::{Plan, plan::Flag},
};
use anomal_dataflow::{AllRows, ResultsOperator};
use anomal_spec::Severity;
use async_trait::async_trait;
use polars::prelude::{
    ChunkFullNull, Column, DataFrame, DataType, Float64Chunked, IntoColumn, IntoSeries, NamedFrom,
    Series, StringChunked, StructChunked,
};
use polars_arrow::{array::ListArray, offset::OffsetsBuffer};

use super::{classify::ScoringReport, details::details};
use crate::{
    collector::{Collector, IncidentRows, RowsWithHits},
    explain::Explainer,
    incidents::Incident,
    role_values::RoleValues,
};

/// Reasons given for a row.
const REASONS: usize = 3;
/// A smaller share of the whole is no reason.
const SMALLEST_SHARE: f64 = 0.01;
pub(crate) const EXPLANATION: &str = "anomal.explanation";
const STRAYS: &str = "anomal.strays";

/// Columns of results that outputs ask for, beyond those that are always made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extras {
    /// `anomal.details`.
    pub details: bool,
    /// `anomal.incidents.*`: what the row's incident is.
    pub incidents: bool,
    /// `anomal.suppressed`: whether the run is quiet about the row's incident.
    pub suppressed: bool,
    /// The flag of rows with values that are not of their column's type, if the source has one.
    pub strays: Option<usize>,
}

/// Makes [`Batch::results`] from features, scores and hits.
pub(crate) struct AssembleResults {
    flags: Vec<Flag>,
    /// All features, in order.
    features: Vec<String>,
    /// Where rows are classified.
    scoring: ScoringReport,
    explainer: OnceLock<Option<Explainer>>,
    extras: Extras,
    incidents: Option<Incidents>,
}

/// Makes incidents of rows: of all at once where they wait for the end of the source, else of each batch on its way.
pub(crate) struct Incidents {
    roles: Arc<RoleValues>,
    /// Whether a report is made, which has `anomal.time`, `anomal.actor` and `anomal.target`: what each row is about.
    for_report: bool,
    collector: Mutex<Option<Collector>>,
    rows: OnceLock<IncidentRows>,
}

impl Incidents {
    pub fn new(collector: Collector, roles: Arc<RoleValues>, for_report: bool) -> Self {
        Self { roles, for_report, collector: Mutex::new(Some(collector)), rows: OnceLock::new() }
    }

    fn collector(&self) -> MutexGuard<'_, Option<Collector>> {
        self.collector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, rows: &RowsWithHits<'_>) -> Result<()> {
        match self.collector().as_mut() {
            Some(collector) => collector.add(rows),
            None => Ok(()),
        }
    }

    fn of_rows(&self, numbers: &Column) -> Result<Vec<Option<&Incident>>> {
        let known = self.rows.get().map(|rows| rows.set.incidents.as_slice()).unwrap_or_default();
        let incident =
            |number: Option<u64>| known.get(usize::try_from(number?).ok()?.checked_sub(1)?);
        Ok(numbers.u64()?.iter().map(incident).collect())
    }

    /// Whether the run is quiet about the incidents of rows; missing for rows without one.
    fn suppressed(&self, numbers: &Column) -> Result<Column> {
        let found = self.of_rows(numbers)?;
        let quiet: Vec<Option<bool>> =
            found.iter().map(|it| it.map(|it| it.suppressed.is_some())).collect();
        Ok(Column::new("anomal.suppressed".into(), quiet))
    }

    /// What the incidents of rows are, by their numbers.
    fn described(&self, numbers: &Column) -> Result<[Column; 4]> {
        let found = self.of_rows(numbers)?;
        let texts = |name: &str, text: fn(&Incident) -> &str| {
            let texts: Vec<Option<&str>> = found.iter().map(|it| it.map(text)).collect();
            Column::new(format!("anomal.incidents.{name}").into(), texts)
        };
        let risks: Vec<Option<i64>> = found.iter().map(|it| it.map(|it| it.risk)).collect();
        Ok([
            texts("key", |incident| &incident.key),
            texts("title", |incident| &incident.title),
            texts("severity", |incident| severity_name(incident.severity)),
            Column::new("anomal.incidents.risk".into(), risks),
        ])
    }

    /// Those of all rows that were seen.
    fn finish(&self) -> Result<&IncidentRows> {
        if let Some(rows) = self.rows.get() {
            return Ok(rows);
        }
        let collector = self.collector().take();
        let rows = collector.map(Collector::finish).transpose()?.unwrap_or_default();
        Ok(self.rows.get_or_init(|| rows))
    }
}

impl AssembleResults {
    pub fn new(
        plan: &Plan,
        scoring: ScoringReport,
        extras: Extras,
        incidents: Option<Incidents>,
    ) -> Self {
        let features = plan.features.iter().map(|feature| feature.name.clone()).collect();
        let (flags, explainer) = (plan.flags.clone(), OnceLock::new());
        Self { flags, features, scoring, explainer, extras, incidents }
    }

    /// The incidents of all rows, once they have all been written; none where rows are not grouped.
    ///
    /// # Errors
    /// As [`Collector::finish`].
    pub fn incidents(&self) -> Result<Option<IncidentRows>> {
        self.incidents.as_ref().map(|incidents| incidents.finish().cloned()).transpose()
    }

    /// From what rows were explained.
    pub fn scoring(&self) -> &ScoringReport {
        &self.scoring
    }

    /// Makes the incidents of rows that have their results already, all at once, and adds to each which one it belongs to and
    /// what it is about. There were `judged` rows, if some are left out.
    ///
    /// # Errors
    /// As [`Collector::finish`]; `Internal` if a column is missing.
    pub fn group(&self, batch: &mut Batch, judged: u64) -> Result<()> {
        let Some(incidents) = &self.incidents else { return Ok(()) };
        // These are of all rows.
        self.incident_column(batch)?;
        if judged > batch.height() as u64
            && let Some(collector) = incidents.collector().as_mut()
        {
            collector.assume_rows(judged);
        }
        incidents.finish()?;
        let mut columns = batch.results.columns().to_vec();
        columns.push(self.incident_column(batch)?);
        columns.extend(incidents.roles.about(&batch.features)?);
        batch.results = DataFrame::new(batch.height(), columns)?;
        Ok(())
    }

    fn explainer(&self) -> Option<&Explainer> {
        // All rows are scored when the first batch comes here.
        let explainer = self
            .explainer
            .get_or_init(|| self.scoring.get().map(|scoring| Explainer::new(&scoring.analysis)));
        explainer.as_ref()
    }

    /// The numbers of the rows' incidents, where they are known before rows are written.
    fn incident_column(&self, batch: &Batch) -> Result<Column> {
        let offsets = batch.offsets();
        let mut numbers: Vec<Option<u64>> = vec![None; offsets.len()];
        if let Some(incidents) = &self.incidents {
            if let Some(known) = incidents.rows.get() {
                numbers = known.numbers.of(&offsets)?;
            } else {
                let rows = RowsWithHits {
                    rows: &offsets,
                    features: &batch.features,
                    scores: &batch.scores,
                    hits: batch.hits.of_rows(&offsets).collect(),
                    reasons: self.explainer().into(),
                };
                incidents.add(&rows)?;
            }
        }
        Ok(Column::new("anomal.incident".into(), numbers))
    }

    fn assemble(&self, batch: &Batch) -> Result<DataFrame> {
        let height = batch.height();
        let features = self.features.iter().map(|name| batch.features.column(name).cloned());
        // A result without any row has none.
        let features = features.filter(|column| column.is_ok() || height > 0);
        let features: Vec<Column> = features.collect::<Result<_, _>>()?;
        let features = features.as_slice();
        let scores = match self.explainer() {
            Some(explainer) if batch.scores.width() > 0 => {
                scored(&batch.scores, explainer, features)?
            }
            _ => unscored(height)?,
        };
        let mut columns = scores.columns;
        columns.extend(self.flag_columns(batch)?);
        if let Some(incidents) = &self.incidents {
            let numbers = self.incident_column(batch)?;
            if self.extras.incidents {
                columns.extend(incidents.described(&numbers)?);
            }
            if self.extras.suppressed {
                let suppressed = incidents.suppressed(&numbers)?;
                columns.push(numbers);
                columns.push(suppressed);
            } else {
                columns.push(numbers);
            }
        }
        if let Some(incidents) = self.incidents.as_ref().filter(|it| it.for_report) {
            columns.extend(incidents.roles.about(&batch.features)?);
        }
        if self.extras.details {
            let roles = self.incidents.as_ref().map(|incidents| incidents.roles.as_ref());
            columns.push(details(&self.flags, roles, batch)?);
        }
        columns.push(scores.reasons);
        columns.push(scores.explanations.into_column());
        columns.extend(prefixed("features", features));
        columns.extend(scores.contributions);
        columns.push(self.strays(batch));
        Ok(DataFrame::new(height, columns)?)
    }

    fn strays(&self, batch: &Batch) -> Column {
        let name = STRAYS.into();
        let Some(flag) = self.extras.strays.filter(|_| !batch.hits.is_empty()) else {
            return Column::full_null(name, batch.height(), &DataType::String);
        };
        let offsets = batch.offsets();
        let value = |hits: &[Hit]| {
            let hit = hits.iter().find(|hit| hit.flag == flag);
            hit.map(|hit| hit.value.to_string())
        };
        let values: Vec<Option<String>> = batch.hits.of_rows(&offsets).map(value).collect();
        Column::new(name, values)
    }

    fn flag_columns(&self, batch: &Batch) -> Result<[Column; 2]> {
        let offsets = batch.offsets();
        let hits: Vec<&[Hit]> = batch.hits.of_rows(&offsets).collect();
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

#[async_trait]
impl ResultsOperator for AssembleResults {
    fn inputs(&self) -> Vec<String> {
        self.incidents.as_ref().map(|incidents| incidents.roles.features()).unwrap_or_default()
    }

    fn prepare(&self, all: &AllRows<'_>) -> Result<()> {
        let Some(incidents) = &self.incidents else { return Ok(()) };
        let rows = all.features.rows();
        let none = DataFrame::default();
        let rows = RowsWithHits {
            rows: &rows,
            features: all.features.columns(),
            scores: all.scores.map_or(&none, Table::columns),
            hits: all.hits.of_rows(&rows).collect(),
            reasons: self.explainer().into(),
        };
        incidents.add(&rows)?;
        incidents.finish().map(|_| ())
    }

    async fn process(&self, mut batch: Batch) -> Result<Batch> {
        batch.results = self.assemble(&batch)?;
        Ok(batch)
    }
}

/// The columns that come from a batch's scores.
struct Scores {
    /// Score, rank, cluster, suspicious.
    columns: Vec<Column>,
    reasons: Column,
    explanations: StringChunked,
    contributions: Vec<Column>,
}

fn scored(rows: &DataFrame, explainer: &Explainer, features: &[Column]) -> Result<Scores> {
    let height = rows.height();
    let columns = ["score", "rank", "cluster", "suspicious"]
        .map(|name| rows.column(name).map(|column| renamed(column, format!("anomal.{name}"))));
    let names: Vec<&str> = features.iter().map(|column| column.name().as_str()).collect();
    let contributions = names
        .iter()
        .map(|name| Ok(rows.column(&format!("contribution.{name}"))?.clone()))
        .collect::<Result<Vec<Column>>>()?;
    let shares = shares(&contributions)?;
    let largest: Vec<Vec<(usize, f64)>> = (0..height).map(|row| largest(&shares, row)).collect();
    let explanations: StringChunked = largest
        .iter()
        .enumerate()
        .map(|(row, reasons)| explainer.sentence(reasons, features, row))
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

/// The columns of rows that were not classified.
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

pub(crate) fn shares(contributions: &[Column]) -> Result<Vec<Float64Chunked>> {
    contributions.iter().map(|column| Ok(column.rechunk().f64()?.clone())).collect()
}

/// The features that contributed most to a row, the largest first, equal ones in feature order.
pub(crate) fn largest(shares: &[Float64Chunked], row: usize) -> Vec<(usize, f64)> {
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
pub(super) fn list(
    name: &str,
    values: &Series,
    lengths: impl Iterator<Item = usize>,
) -> Result<Column> {
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
