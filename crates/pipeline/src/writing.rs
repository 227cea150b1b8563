//! Rows joined to their results on the way to the outputs, counted as they pass.

use anomal_connectors::{DeadLetter, Known, ResultBatch, Sink};
use anomal_core::{Error, Result, Table, proto::Plan};
use polars::prelude::{DataFrame, DataType};

use crate::{
    hits::{Hit, Hits},
    progress::Observer,
    publish::Found,
    results::{Assembled, Results, highest, severity},
    summary::FlagSummary,
    suspects::{Suspect, Suspects, record},
    writer::{Finished, Writer},
};

/// Columns of a suspect's record that a summary shows.
const RECORD_COLUMNS: usize = 4;

/// What has been written.
pub(crate) struct Tally {
    pub rows: u64,
    pub suspicious: u64,
    pub flagged: u64,
    pub flags: Vec<FlagSummary>,
    pub suspects: Suspects,
}

/// What a run has written.
pub(crate) struct Wrote {
    pub tally: Tally,
    pub finished: Finished,
    pub found: Found,
}

pub(crate) struct Writing<'a> {
    writer: Writer,
    tally: Tally,
    plan: Plan,
    record: Vec<String>,
    /// The input's columns, for a result without rows.
    empty: DataFrame,
    begun: bool,
    /// Whether the outputs have got rows before their results.
    early: bool,
    observer: &'a dyn Observer,
    /// What a report is to tell of the hits.
    found: Option<Found>,
}

impl<'a> Writing<'a> {
    /// `empty`: the input's columns, without rows; `report`: hits are kept for it.
    pub fn new(
        plan: &Plan,
        empty: DataFrame,
        sinks: Vec<Box<dyn Sink>>,
        suspects: usize,
        report: bool,
        observer: &'a dyn Observer,
    ) -> Self {
        let flag = |flag: &anomal_core::proto::plan::Flag| FlagSummary {
            name: flag.name.clone(),
            severity: severity(flag),
            description: flag.description.clone(),
            message: flag.message.clone(),
            rows: 0,
        };
        let tally = Tally {
            rows: 0,
            suspicious: 0,
            flagged: 0,
            flags: plan.flags.iter().map(flag).collect(),
            suspects: Suspects::new(suspects),
        };
        let found = report.then(Found::default);
        let record = plan.columns.iter().map(|column| column.name.clone());
        Self {
            writer: Writer::start(sinks),
            tally,
            plan: plan.clone(),
            record: record.take(RECORD_COLUMNS).collect(),
            empty,
            begun: false,
            early: false,
            observer,
            found,
        }
    }

    /// Whether the outputs take rows before their results.
    pub fn is_early(&self) -> bool {
        self.writer.is_early()
    }

    /// Gives the outputs rows whose results follow later.
    pub async fn known(&mut self, rows: Known) -> Result<()> {
        self.early = true;
        self.writer.known(rows).await
    }

    /// Writes rows as they were read, with the columns that have a type of their own and the features that
    /// are not held.
    pub async fn write(
        &mut self,
        results: &mut Results,
        hits: &Hits,
        source: Table,
        typed: DataFrame,
        features: &DataFrame,
    ) -> Result<()> {
        self.begun = true;
        let rows = source.rows();
        let hits: Vec<&[Hit]> = hits.of_rows(&rows).collect();
        let assembled = results.next(&rows, &hits, features)?;
        self.count([&typed, source.columns()], &rows, &hits, &assembled);
        self.writer.write(ResultBatch { source, typed, results: assembled.columns }).await?;
        self.observer.progress(self.tally.rows, self.tally.rows, None);
        Ok(())
    }

    fn count(
        &mut self,
        records: [&DataFrame; 2],
        rows: &[u64],
        hits: &[&[Hit]],
        assembled: &Assembled,
    ) {
        let flags = &self.plan.flags;
        for (index, (row, hits)) in rows.iter().zip(hits).enumerate() {
            let suspicious = assembled.suspicious[index];
            self.tally.rows += 1;
            self.tally.suspicious += u64::from(suspicious);
            self.tally.flagged += u64::from(!hits.is_empty());
            if let Some(found) = &mut self.found {
                found.add(hits);
            }
            for hit in *hits {
                self.tally.flags[hit.flag].rows += 1;
            }
            if !suspicious && hits.is_empty() {
                continue;
            }
            let suspect = Suspect {
                row: *row,
                place: self.tally.rows - 1,
                score: assembled.scores[index],
                suspicious,
                severity: highest(flags, hits),
                flags: Vec::new(),
                explanation: None,
                findings: Vec::new(),
                record: Vec::new(),
            };
            self.tally.suspects.offer(suspect, |suspect| {
                let names = hits.iter().map(|hit| flags[hit.flag].name.clone());
                suspect.flags = names.collect();
                suspect.findings = hits.iter().map(|hit| hit.value.to_string()).collect();
                suspect.explanation = assembled.explanations.get(index).map(str::to_owned);
                suspect.record = record(&records, &self.record, index);
            });
        }
    }

    /// Makes the outputs visible; those without rows have their columns all the same.
    ///
    /// # Errors
    /// `Output`.
    pub async fn finish(mut self, results: &mut Results, dead_letter: DeadLetter) -> Result<Wrote> {
        if !self.begun {
            let none = Table::new(Vec::new(), self.empty.clone())?;
            let (typed, features) = (DataFrame::default(), DataFrame::default());
            self.write(results, &Hits::default(), none, typed, &features).await?;
        }
        if self.early {
            let places = self.tally.suspects.iter_mut().map(|suspect| suspect.place).collect();
            let rows = self.writer.recall(places, self.record.clone()).await?;
            for (index, suspect) in self.tally.suspects.iter_mut().enumerate() {
                suspect.record = record(&[&rows], &self.record, index);
            }
        }
        let finished = self.writer.finish(dead_letter).await?;
        Ok(Wrote { tally: self.tally, finished, found: self.found.unwrap_or_default() })
    }
}

/// The typed columns that were read as text.
pub(crate) fn unlike(source: &DataFrame, typed: &DataFrame) -> Result<DataFrame> {
    let is_text =
        |name: &str| source.column(name).is_ok_and(|column| column.dtype() == &DataType::String);
    let columns = typed
        .columns()
        .iter()
        .filter(|column| column.dtype() != &DataType::String && is_text(column.name()));
    DataFrame::new(typed.height(), columns.cloned().collect()).map_err(Error::from)
}
