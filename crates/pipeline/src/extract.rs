//! The feature engine over batches: a bounded number at once, answers in input order.

use std::{collections::BTreeMap, sync::Arc};

use anomal_connectors::{Batch, DeadLetter};
use anomal_core::{
    Error, ExtractRequest, Extraction, FeatureEngine, Result, Table,
    proto::{Column, Diagnostic, Phase, Plan, StepStatistics},
};
use futures::{StreamExt, future::BoxFuture, stream::FuturesOrdered};
use polars::prelude::{BooleanChunked, DataFrame, NewChunkedArray};
use tracing::Instrument;

use crate::{
    reader::{Read, Reader},
    steps,
};

/// A batch with what the row-wise phase made of it; its rows are those that the filters left.
pub(crate) struct Extracted {
    pub source: Table,
    pub typed: DataFrame,
    pub features: Table,
    pub hits: Table,
    pub done: u64,
    pub total: Option<u64>,
}

/// Counts over all batches.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub read: u64,
    pub rejected: u64,
    /// By filter, in the settings' order.
    pub filtered: BTreeMap<String, u64>,
    pub steps: Vec<StepStatistics>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Counts {
    /// Takes over the rows removed, the figures and the diagnostics of one call.
    pub fn absorb(&mut self, extraction: &Extraction) -> Result<()> {
        if extraction.removed.height() > 0 {
            for name in extraction.removed.columns().column("filter")?.str()?.iter().flatten() {
                *self.filtered.entry(name.to_owned()).or_default() += 1;
            }
        }
        steps::add(&mut self.steps, &extraction.steps);
        for told in &extraction.diagnostics {
            let same = |known: &&mut Diagnostic| {
                (&known.path, &known.message) == (&told.path, &told.message)
            };
            match self.diagnostics.iter_mut().find(same) {
                Some(known) => known.count += told.count,
                None => self.diagnostics.push(told.clone()),
            }
        }
        Ok(())
    }

    pub fn filtered_total(&self) -> u64 {
        self.filtered.values().sum()
    }
}

/// What every call of the engine carries.
#[derive(Clone)]
pub(crate) struct Call {
    pub engine: Arc<dyn FeatureEngine>,
    pub settings: Arc<str>,
    pub columns: Vec<Column>,
}

impl Call {
    pub fn new(engine: &Arc<dyn FeatureEngine>, plan: &Plan) -> Self {
        Self {
            engine: Arc::clone(engine),
            settings: plan.settings.as_str().into(),
            columns: plan.columns.clone(),
        }
    }

    pub async fn extract(&self, phase: Phase, table: Table) -> Result<Extraction> {
        let request = ExtractRequest {
            settings: Arc::clone(&self.settings),
            columns: self.columns.clone(),
            phase,
            table,
        };
        self.engine.extract(request).await
    }
}

type Answer = BoxFuture<'static, Result<(Read, Extraction)>>;

/// The row-wise phase over all batches of a reader.
pub(crate) struct RowWise {
    reader: Reader,
    call: Call,
    in_flight: FuturesOrdered<Answer>,
    drained: bool,
    pub counts: Counts,
}

impl RowWise {
    pub fn new(reader: Reader, call: Call) -> Self {
        let (in_flight, counts) = (FuturesOrdered::new(), Counts::default());
        Self { reader, call, in_flight, drained: false, counts }
    }

    /// The next batch in input order; calls as many engines at once as are there now.
    pub async fn next(&mut self) -> Result<Option<Extracted>> {
        loop {
            // Twice as many as work at once: whoever takes an answer may be busy with the one before.
            let room = self.in_flight.len() < 2 * self.call.engine.parallelism();
            tokio::select! {
                biased;
                read = self.reader.next(), if room && !self.drained => match read {
                    Some(read) => self.in_flight.push_back(start(self.call.clone(), read)),
                    None => self.drained = true,
                },
                answer = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    if let Some(answer) = answer {
                        let (read, extraction) = answer?;
                        return self.take(read, extraction).map(Some);
                    }
                }
                else => return Ok(None),
            }
        }
    }

    fn take(&mut self, read: Read, extraction: Extraction) -> Result<Extracted> {
        let Read { batch, done, total } = read;
        let Batch { source, typed, rejected, diagnostics } = batch;
        self.counts.diagnostics.extend(diagnostics);
        self.counts.read += (source.height() + rejected.len()) as u64;
        self.counts.rejected += rejected.len() as u64;
        self.counts.absorb(&extraction)?;
        let (source, typed) = keep(source, typed, &extraction.features)?;
        let Extraction { features, hits, .. } = extraction;
        Ok(Extracted { source, typed, features, hits, done, total })
    }

    /// Ends the reading and gives what was counted.
    pub async fn finish(self) -> Result<(Counts, DeadLetter)> {
        let rejected = self.reader.finish().await?;
        Ok((self.counts, rejected))
    }
}

fn start(call: Call, read: Read) -> Answer {
    Box::pin(async move {
        let table = read.batch.source.with_columns(read.batch.typed.clone())?;
        // Each call in a task of its own, so that several work while one is waited for.
        let work = async move { call.extract(Phase::RowWise, table).await };
        let extraction = tokio::spawn(work.in_current_span()).await;
        let extraction = extraction
            .map_err(|error| Error::internal(format!("extraction failed: {error}")))??;
        Ok((read, extraction))
    })
}

/// The rows of a batch that the filters left.
fn keep(source: Table, typed: DataFrame, left: &Table) -> Result<(Table, DataFrame)> {
    if left.height() == source.height() {
        return Ok((source, typed));
    }
    let left = left.rows();
    let mut left = left.iter().peekable();
    let mask: BooleanChunked = BooleanChunked::from_iter_values(
        "left".into(),
        source.rows().into_iter().map(|row| left.next_if_eq(&&row).is_some()),
    );
    if left.next().is_some() {
        return Err(Error::internal("the feature engine answered with rows that it was not given"));
    }
    let typed = if typed.width() == 0 { typed } else { typed.filter(&mask)? };
    Ok((source.filter(&mask)?, typed))
}
