//! The incidents of a result file, made by the function that a run makes them with.

mod cells;
mod times;

use std::{collections::BTreeMap, sync::Arc};

use anomal_connectors::{OpenOptions, TypeFindings, open};
use anomal_core::{
    Batch, Error, FeatureEngine, Hit, ROW, Result, blocking,
    proto::{self, Column as Planned, DataType, Plan, Severity as Wire, plan::Flag},
};
use anomal_dataflow::{Source, read_batches};
use anomal_spec::{AnomalyJobSpec, Input, InputDriver, Mentions, Severity};
use polars::prelude::{Column, DataFrame};
use serde::Serialize;

use crate::{
    collector::{Collector, IncidentRows, Reasons, RowsWithHits},
    compile::{gap, own_time, plan_columns},
    incidents::{Incident, Signature},
    restart,
    role_values::RoleValues,
    roles::ColumnRoles,
    spool::RowNumbers,
    summary::IncidentCount,
};

const SUSPICIOUS: &str = "anomal.suspicious";
const SCORE: &str = "anomal.score";
const SEVERITY: &str = "anomal.severity";
const FLAGS: &str = "anomal.flags";

/// The incidents of a result file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultIncidents {
    /// Rows of the file.
    pub rows: u64,
    /// Rows that are suspicious or flagged.
    pub evidence: u64,
    pub roles: ColumnRoles,
    pub incident_count: IncidentCount,
    pub incidents: Vec<Incident>,
    /// The incidents of rows.
    #[serde(skip)]
    pub numbers: RowNumbers,
    /// The rows by time, and the times of those that are suspicious or flagged, as a report of the run has them.
    #[serde(skip)]
    pub details: Arc<proto::Incidents>,
    /// What keeps them from being those of the run.
    pub notes: Vec<String>,
}

/// Reads a result file. `spec`: the settings of the job that wrote it, with which flags have their keys, titles and
/// severities; without it, hits are grouped by their actors and targets.
///
/// # Errors
/// `InvalidInput` if it is no result file; those of the input and of the settings.
pub async fn result_incidents(
    spec: Option<&AnomalyJobSpec>,
    input: &Input,
    engine: &dyn FeatureEngine,
) -> Result<ResultIncidents> {
    let mut notes = Vec::new();
    // Standard input is read once.
    let typed = if input.driver().and_then(InputDriver::path) == Some("-") {
        None
    } else {
        let source = open_results(spec, input).await?;
        let (settings, file) = (spec.cloned(), input.clone());
        blocking(move |_| times::with_times(settings.as_ref(), &file, source)).await?
    };
    let input = typed.as_ref().unwrap_or(input);
    let source = open_results(spec, input).await?;
    let columns: Vec<Planned> = of_input(source.as_ref());
    let settings = spec.cloned().unwrap_or_default();
    let plan = if spec.is_some() {
        let mut plan = plan_columns(&settings, engine, source.as_ref(), columns.clone()).await?;
        restart::plan_flag(&mut plan, &settings, &TypeFindings::default());
        plan
    } else {
        let flags = blocking({
            let source = open_results(spec, input).await?;
            move |_| flags_of_rows(source)
        })
        .await?;
        if !flags.is_empty() {
            notes.push(
                "hits are grouped by their actors and targets: --job has the keys and titles of flags"
                    .to_owned(),
            );
        }
        Plan { flags, ..Plan::default() }
    };
    let roles = ColumnRoles::resolve(&settings, &columns, &plan);
    let reader = ResultReader { roles, plan, gap: gap(&settings) };
    let (reader, (found, rows, is_whole)) = blocking(move |_| {
        let found = reader.read(source)?;
        Ok((reader, found))
    })
    .await?;
    if !is_whole {
        notes.push(
            "the file has only rows that are suspicious or flagged: how many others are about the same things is \
             unknown"
                .to_owned(),
        );
    }
    notes.extend(found.unused.iter().cloned());
    let [low, medium, high] = found.set.by_severity;
    Ok(ResultIncidents {
        rows,
        evidence: found.numbers.len() as u64,
        roles: reader.roles,
        incident_count: IncidentCount { high, medium, low, suppressed: 0 },
        incidents: found.set.incidents,
        numbers: found.numbers,
        details: found.report.unwrap_or_default(),
        notes,
    })
}

async fn open_results(spec: Option<&AnomalyJobSpec>, input: &Input) -> Result<Box<dyn Source>> {
    let input = input.clone();
    let mentions = spec.map(Mentions::from).unwrap_or_default();
    let opening = OpenOptions { mentions, ..OpenOptions::default() };
    let source = blocking(move |_| open(&input, &opening)).await?;
    for name in [ROW, SUSPICIOUS, FLAGS] {
        if !source.schema().iter().any(|column| column.name == name) {
            let message = format!(
                "it has no column `{name}`, so it is no result file of a run; name the file that `outputs` has, or the \
                 settings of the job"
            );
            return Err(Error::input("NO_RESULTS", message));
        }
    }
    Ok(source)
}

/// The columns of the input that the results are about.
fn of_input(source: &dyn Source) -> Vec<Planned> {
    let is_ours = |column: &&Planned| column.name.starts_with("anomal.");
    source.schema().iter().filter(|column| !is_ours(column)).cloned().collect()
}

fn select(source: &mut dyn Source, more: impl IntoIterator<Item = Planned>) -> Result<()> {
    let ours =
        [(ROW, DataType::Integer), (SCORE, DataType::Float), (SUSPICIOUS, DataType::Boolean)];
    let has = |name: &str| source.schema().iter().any(|column| column.name == name);
    let ours = ours
        .into_iter()
        .filter(|(name, _)| has(name))
        .map(|(name, data_type)| Planned { name: name.to_owned(), data_type: data_type.into() });
    let columns: Vec<Planned> = ours.chain(more).collect();
    source.select(&columns)
}

/// The flags of a file with their severities: the least of the rows that they hit, since that of a row is its highest.
fn flags_of_rows(mut source: Box<dyn Source>) -> Result<Vec<Flag>> {
    select(source.as_mut(), [])?;
    let mut least: BTreeMap<String, Severity> = BTreeMap::new();
    for batch in read_batches(source) {
        let batch = batch?;
        let severities = cells::texts(&batch, SEVERITY)?;
        for (flags, severity) in cells::texts(&batch, FLAGS)?.iter().zip(&severities) {
            let severity = severity_of(severity);
            for flag in cells::items(flags) {
                let known = least.entry(flag.into_owned()).or_insert(severity);
                *known = severity.min(*known);
            }
        }
    }
    let flag = |(name, severity): (String, Severity)| {
        let severity = match severity {
            Severity::Low => Wire::Low,
            Severity::Medium => Wire::Medium,
            Severity::High => Wire::High,
        };
        Flag { name, severity: severity.into(), ..Flag::default() }
    };
    Ok(least.into_iter().map(flag).collect())
}

fn severity_of(text: &str) -> Severity {
    match text {
        "high" => Severity::High,
        "medium" => Severity::Medium,
        _ => Severity::Low,
    }
}

struct ResultReader {
    roles: ColumnRoles,
    plan: Plan,
    gap: i64,
}

impl ResultReader {
    /// The incidents, the number of rows, and whether rows that are no evidence are among them.
    fn read(&self, mut source: Box<dyn Source>) -> Result<(IncidentRows, u64, bool)> {
        // What flags and features read, is not read again.
        let time = own_time(&self.roles, source.as_ref(), &Plan::default());
        let own_time = time.as_ref().map(|column| column.name.clone());
        select(source.as_mut(), time)?;
        let raw = source.empty();
        let is_raw = |name: &str| raw.column(name).is_ok();
        let values = Arc::new(RoleValues::new(&self.roles, &self.plan, is_raw, own_time));
        let mut collector =
            Collector::new(&self.roles, &values, &self.plan.flags, &[], self.gap).for_report();
        let (mut rows, mut last, mut evidence) = (0, 0, 0);
        for batch in read_batches(source) {
            let batch = batch?;
            let table = self.table(&batch)?;
            let features = DataFrame::new(batch.height(), values.encode(&batch)?)?;
            let with_hits = RowsWithHits {
                rows: &table.rows,
                features: &features,
                scores: &table.scores,
                hits: table.hits.iter().map(Vec::as_slice).collect(),
                reasons: Reasons::Signatures(&table.signatures),
            };
            collector.add(&with_hits)?;
            rows += batch.height() as u64;
            evidence += table.evidence;
            last = table.rows.iter().copied().max().unwrap_or(0).max(last);
        }
        let is_whole = evidence < rows || rows > last;
        if !is_whole {
            collector.assume_rows(last + 1);
        }
        Ok((collector.finish()?, rows, is_whole))
    }

    fn table(&self, batch: &Batch) -> Result<ResultRows> {
        let rows = batch.typed.column(ROW)?.i64()?.clone();
        let rows: Vec<u64> = rows.iter().map(|row| row.unwrap_or(0).unsigned_abs()).collect();
        let suspicious = batch.typed.column(SUSPICIOUS)?.bool()?.clone();
        let scores: Vec<Option<f64>> = match batch.typed.column(SCORE) {
            Ok(scores) => scores.f64()?.iter().collect(),
            Err(_) => vec![None; batch.height()],
        };
        let flags = cells::texts(batch, FLAGS)?;
        let details = cells::texts(batch, "anomal.details")?;
        let reasons = cells::texts(batch, "anomal.reasons")?;
        let explanations = cells::texts(batch, "anomal.explanation")?;
        let (mut hits, mut signatures, mut evidence) = (Vec::new(), Vec::new(), 0);
        for (place, row) in rows.iter().enumerate() {
            let of_row = self.hits(*row, &flags[place], &details[place]);
            let is_odd = suspicious.get(place) == Some(true);
            evidence += u64::from(is_odd || !of_row.is_empty());
            signatures.push(if is_odd && of_row.is_empty() {
                cells::signature(&cells::reasons(&reasons[place]), &explanations[place])
            } else {
                None::<Signature>
            });
            hits.push(of_row);
        }
        let columns = vec![
            Column::new("score".into(), scores),
            Column::new("suspicious".into(), suspicious.iter().collect::<Vec<_>>()),
        ];
        let scores = DataFrame::new(batch.height(), columns)?;
        Ok(ResultRows { rows, scores, hits, signatures, evidence })
    }

    /// Flags that the settings do not have any more are passed over.
    fn hits(&self, row: u64, flags: &str, details: &str) -> Vec<Hit> {
        let place = |name: &str| self.plan.flags.iter().position(|flag| flag.name == name);
        let mut places: Vec<usize> =
            cells::items(flags).iter().filter_map(|name| place(name)).collect();
        places.sort_unstable();
        let hit = |flag: usize| Hit {
            row,
            flag,
            value: "".into(),
            facts: cells::facts(details, &self.plan.flags[flag]),
        };
        places.into_iter().map(hit).collect()
    }
}

/// The rows of a batch.
struct ResultRows {
    rows: Vec<u64>,
    scores: DataFrame,
    hits: Vec<Vec<Hit>>,
    signatures: Vec<Option<Signature>>,
    evidence: u64,
}
