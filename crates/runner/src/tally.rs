//! Counts results on their way to the outputs, and finds the rows that a summary shows.

use anomal_core::{Batch, Hit, Result, column_of_view, proto::Plan};
use anomal_spec::AnomalyJobSpec;
use polars::prelude::DataFrame;

use crate::{
    operators::results::{highest, severity},
    publish::ReportHits,
    summary::FlagSummary,
    suspects::{Suspect, Suspects, record},
};

/// Columns of a suspect's record that a summary shows.
const RECORD_COLUMNS: usize = 4;

pub(crate) struct Tally {
    pub rows: u64,
    pub suspicious: u64,
    pub flagged: u64,
    /// Rows that are suspicious or flagged.
    pub evidence: u64,
    pub flags: Vec<FlagSummary>,
    pub suspects: Suspects,
    /// The hits that a report shows.
    pub hits: Option<ReportHits>,
    plan: Plan,
    record: Vec<String>,
}

impl Tally {
    /// `suspects`: how many a summary shows; `report`: hits are kept for one.
    pub fn new(plan: &Plan, spec: &AnomalyJobSpec, suspects: usize, report: bool) -> Self {
        let flag = |flag: &anomal_core::proto::plan::Flag| FlagSummary {
            name: flag.name.clone(),
            severity: severity(flag),
            description: flag.description.clone(),
            message: flag.message.clone(),
            rows: 0,
        };
        Self {
            rows: 0,
            suspicious: 0,
            flagged: 0,
            evidence: 0,
            flags: plan.flags.iter().map(flag).collect(),
            suspects: Suspects::new(suspects),
            hits: report.then(ReportHits::default),
            plan: plan.clone(),
            record: record_columns(plan, spec),
        }
    }

    /// Counts a batch with its results.
    ///
    /// # Errors
    /// `Internal` if it has none.
    pub fn add(&mut self, batch: &Batch) -> Result<()> {
        let scores = batch.results.column("anomal.score")?.f64()?.clone();
        let suspicious = batch.results.column("anomal.suspicious")?.bool()?.clone();
        let explanations = batch.results.column("anomal.explanation")?.str()?.clone();
        let offsets = batch.offsets();
        let hits: Vec<&[Hit]> = batch.hits.of_rows(&offsets).collect();
        let rows = offsets.iter().zip(hits).zip(scores.iter()).zip(suspicious.iter());
        for (index, (((row, hits), score), suspicious)) in rows.enumerate() {
            let suspicious = suspicious == Some(true);
            self.rows += 1;
            self.suspicious += u64::from(suspicious);
            self.flagged += u64::from(!hits.is_empty());
            if let Some(report) = &mut self.hits {
                report.add(hits);
            }
            for hit in hits {
                self.flags[hit.flag].rows += 1;
            }
            if !suspicious && hits.is_empty() {
                continue;
            }
            self.evidence += 1;
            let flags = &self.plan.flags;
            let suspect = Suspect {
                row: *row,
                incident: None,
                index: self.rows - 1,
                score,
                suspicious,
                severity: highest(flags, hits),
                flags: Vec::new(),
                explanation: None,
                findings: Vec::new(),
                record: Vec::new(),
            };
            self.suspects.offer(suspect, |suspect| {
                suspect.flags = hits.iter().map(|hit| flags[hit.flag].name.clone()).collect();
                suspect.findings = hits.iter().map(|hit| hit.value.to_string()).collect();
                suspect.explanation = explanations.get(index).map(str::to_owned);
                suspect.record = record(&[&batch.typed, &batch.raw], &self.record, index);
            });
        }
        Ok(())
    }

    /// The rows and columns that the suspects' records are from.
    pub fn records(&mut self) -> (Vec<u64>, Vec<String>) {
        let indices = self.suspects.iter_mut().map(|suspect| suspect.index).collect();
        (indices, self.record.clone())
    }

    /// Sets the suspects' records, from the rows of [`Tally::records`].
    pub fn set_records(&mut self, rows: &DataFrame) {
        for (index, suspect) in self.suspects.iter_mut().enumerate() {
            suspect.record = record(&[rows], &self.record, index);
        }
    }
}

/// The columns of a suspect's record: those that the settings show, else the keys of rows and then what steps read.
fn record_columns(plan: &Plan, spec: &AnomalyJobSpec) -> Vec<String> {
    if let Some(roles) = spec.roles.as_ref().filter(|roles| !roles.show.is_empty()) {
        return roles.show.clone();
    }
    let row_keys: Vec<&String> = spec.row_keys().collect();
    let columns = plan.columns.iter().map(|column| &column.name);
    let columns = columns.filter(|name| column_of_view(name) == *name && !row_keys.contains(name));
    row_keys.iter().copied().chain(columns).take(RECORD_COLUMNS).cloned().collect()
}
