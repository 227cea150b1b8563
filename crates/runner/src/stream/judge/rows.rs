//! Takes rows through all steps: in parts, between which models change.

use std::{collections::BTreeMap, sync::Arc};

use anomal_connectors::StreamResults;
use anomal_core::{Batch, Error, Result, Table};
use anomal_dataflow::{RowOperator, TextChunk};
use anomal_stream::{Chunk, StateObject};

use super::{Scorer, StreamJudge};
use crate::{
    model_file,
    stream::{
        event_time::RowTimes,
        generation::Generation,
        learning::{CHALLENGER, Due, Learner},
        quarantine::{self, FailedRecord},
        refit::{Fitter, PendingFit},
    },
};

impl StreamJudge {
    /// The results of the next records.
    ///
    /// # Errors
    /// They end the stream.
    pub(super) async fn rows(&mut self, chunk: Chunk<TextChunk>) -> Result<StreamResults> {
        let (count, text) = (chunk.records.records(chunk.count), chunk.records.clone());
        let batch = self.decoder.decode(chunk.records)?;
        if batch.statistics.read != count {
            let message = format!("{count} records were read as {}", batch.statistics.read);
            return Err(Error::internal(message));
        }
        self.counts.read += count;
        let (mut batches, mut failed) = (Vec::new(), Vec::new());
        let mut rest = Some(batch);
        while let Some(batch) = rest.take() {
            let (part, behind) = first_rows(batch, self.most_rows.min(self.rows_until_count()))?;
            let rows = part.height();
            let (more, more_failed) = self.steps(part).await?;
            batches.extend(more);
            failed.extend(more_failed);
            self.passed(rows).await?;
            rest = behind;
        }
        self.reject(&text, &failed, &mut batches);
        Ok(StreamResults(Arc::new(batches)))
    }

    /// Rejects the only record of a chunk without looking at it.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn leave_out(
        &mut self,
        chunk: Chunk<TextChunk>,
        error: Error,
    ) -> Result<StreamResults> {
        let whole = chunk.records.clone();
        let mut chunk = Chunk { count: 0, ..chunk };
        chunk.records.text.clear();
        if let Some(attributes) = &mut chunk.records.attributes {
            attributes.offsets.clear();
            attributes.columns = attributes.columns.clear();
        }
        let failed = [FailedRecord { row: chunk.first, error }];
        quarantine::warn_of(&failed);
        let results = self.rows(chunk).await?;
        let mut batches = Arc::unwrap_or_clone(results.0);
        self.counts.read += 1;
        self.reject(&whole, &failed, &mut batches);
        Ok(StreamResults(Arc::new(batches)))
    }

    /// Adds the records at which a step failed, and those that are not judged, to those that could not be read.
    fn reject(&mut self, chunk: &TextChunk, failed: &[FailedRecord], batches: &mut [Batch]) {
        let Some(batch) = batches.first_mut() else { return };
        self.counts.rejected += failed.len() as u64;
        if let Some(reporting) = &self.reporting {
            reporting.count(failed.len() as u64, &BTreeMap::new());
        }
        batch.rejected.extend(failed.iter().map(|failed| quarantine::rejected(chunk, failed)));
        batch.rejected.sort_by_key(|record| record.row);
    }

    /// Rows with their results, and those at which a step failed or that are not judged.
    ///
    /// # Errors
    /// Those of the steps that no row is at fault for.
    pub(super) async fn steps(&mut self, batch: Batch) -> Result<(Vec<Batch>, Vec<FailedRecord>)> {
        if let (Some(learner), Some(fitter)) = (&mut self.learner, &self.fitter)
            && let Some(pending) = learner.pending()
        {
            pending.start(fitter);
        }
        let (extracted, mut failed) =
            quarantine::each(batch, |batch| self.extract.process(batch)).await?;
        let (mut batches, mut late) = (Vec::with_capacity(extracted.len()), Vec::new());
        for mut batch in extracted {
            if batch.height() > 0 {
                // Its state has taken the rows, so that it is not tried again without some of them.
                let (timed, times) = self.event_time.process(batch).await?;
                let (timed, late_rows) = self.event_time.without_late(timed, &times)?;
                batch = timed.prune_typed()?;
                late.extend(late_rows);
                self.counts.late += times.count(|timing| timing.late);
                self.counts.skewed += times.count(|timing| timing.skewed);
                self.times = times;
            }
            for note in &batch.statistics.diagnostics {
                tracing::warn!("{}: {}", note.path, note.message);
            }
            self.counts.rejected += batch.statistics.rejected;
            self.counts.filtered += batch.statistics.filtered_total();
            if let Some(reporting) = &self.reporting {
                reporting.count(batch.statistics.rejected, &batch.statistics.filtered);
            }
            let (more, more_failed) = self.judged(batch).await?;
            batches.extend(more);
            failed.extend(more_failed);
        }
        self.times = RowTimes::default();
        quarantine::warn_of(&failed);
        // They are counted.
        failed.extend(late);
        Ok((batches, failed))
    }

    /// The results of rows, in parts between which models change.
    async fn judged(&mut self, batch: Batch) -> Result<(Vec<Batch>, Vec<FailedRecord>)> {
        let (mut batches, mut failed) = (Vec::new(), Vec::new());
        // The next one last, and whether the model changes before it.
        let mut waiting = vec![(batch, false)];
        while let Some((batch, changes)) = waiting.pop() {
            if changes {
                self.change().await?;
            }
            let (part, behind) = self.until_change(batch)?;
            waiting.extend(behind.map(|behind| (behind, true)));
            let (scored, part_failed) = self.scored(part).await?;
            failed.extend(part_failed);
            let mut scored = scored.into_iter();
            while let Some(batch) = scored.next() {
                let (done, rest) = self.finish(batch).await?;
                batches.push(done);
                if let Some(rest) = rest {
                    waiting.extend(scored.rev().map(|batch| (batch, false)));
                    waiting.push((rest, false));
                    break;
                }
            }
        }
        Ok((batches, failed))
    }

    /// The rows of a batch before the model changes, and then those behind.
    fn until_change(&mut self, batch: Batch) -> Result<(Batch, Option<Batch>)> {
        if batch.height() == 0 {
            return Ok((batch, None));
        }
        match (&mut self.scorer, &self.learner) {
            (Scorer::WarmUp(warm_up), _) => warm_up.add(batch),
            (Scorer::Model(_), Some(learner)) => {
                let offsets = batch.offsets();
                match learner.due_at(&offsets, &self.times) {
                    Some(place) => {
                        let (before, behind) = batch.split_at_offset(offsets[place])?;
                        Ok((before, Some(behind)))
                    }
                    None => Ok((batch, None)),
                }
            }
            _ => Ok((batch, None)),
        }
    }

    /// Does what is due between two rows.
    async fn change(&mut self) -> Result<()> {
        let Some(fitter) = self.fitter.clone() else { return Ok(()) };
        if let Scorer::WarmUp(warm_up) = &self.scorer {
            let table = warm_up.table()?;
            return self.end_warm_up(&fitter, table).await;
        }
        let Some(learner) = &mut self.learner else { return Ok(()) };
        match learner.take_due()? {
            Due::Fit(rows) => {
                let mut fit = PendingFit::of_rows(rows)?;
                fit.start(&fitter);
                learner.wait_for(fit);
            }
            Due::Adopt(fit) => match fit.finish(&fitter).await {
                Ok(model) => {
                    let bytes = model_file::encode(&model);
                    let object = Some(StateObject::new(bytes));
                    let generation = Generation::new(&model, object, &self.plan, self.extras);
                    learner.try_out(generation);
                }
                Err(error) => {
                    tracing::warn!("the model can't be fitted again, and stays in use: {error}");
                    learner.refuse();
                }
            },
            Due::Promote(generation) => self.scorer = Scorer::Model(generation),
            Due::Nothing => {}
        }
        Ok(())
    }

    /// Fits the model on the rows of the warm-up.
    async fn end_warm_up(&mut self, fitter: &Fitter, table: Table) -> Result<()> {
        let unseen = self.fit_first(fitter, &table).await?;
        if let Some(learner) = &mut self.learner {
            learner.begin(table.columns(), unseen)?;
        }
        tracing::info!(
            "the warm-up has ended: {} is fitted on {} rows",
            fitter.settings.engine,
            table.height()
        );
        Ok(())
    }

    /// Fits a first model, by which rows are scored from now on. Returns scores of rows that a model has not seen.
    ///
    /// # Errors
    /// Those of the engine.
    pub(super) async fn fit_first(&mut self, fitter: &Fitter, table: &Table) -> Result<Vec<f64>> {
        let model = fitter.fit(table.clone()).await?;
        let unseen = fitter.unseen_scores(table).await?;
        let bytes = model_file::encode(&model);
        let object = Some(StateObject::new(bytes));
        let generation = Generation::new(&model, object, &self.plan, self.extras);
        self.scorer = Scorer::Model(Box::new(generation));
        Ok(unseen)
    }

    async fn scored(&self, batch: Batch) -> Result<(Vec<Batch>, Vec<FailedRecord>)> {
        quarantine::each(batch, |batch| self.score(batch)).await
    }

    /// A batch with its scores.
    async fn score(&self, mut batch: Batch) -> Result<Batch> {
        let Scorer::Model(generation) = &self.scorer else { return Ok(batch) };
        let names = self.plan.features.iter().map(|feature| feature.name.as_str());
        let table = batch.to_table(batch.features.select(names)?)?;
        let scored = self.engine.score(&generation.model, table.clone()).await?;
        batch.scores = scored.rows.into_columns();
        if let Some(challenger) = self.learner.as_ref().and_then(Learner::challenger) {
            let scored = self.engine.score(&challenger.model, table).await?.rows.into_columns();
            for (from, to) in ["score", "suspicious"].into_iter().zip(CHALLENGER) {
                batch.scores.with_column(scored.column(from)?.clone().with_name(to.into()))?;
            }
        }
        Ok(batch)
    }
}

/// The first rows of a batch, at most so many, and those behind.
fn first_rows(batch: Batch, most: usize) -> Result<(Batch, Option<Batch>)> {
    match batch.offsets().get(most).copied() {
        Some(first) => batch.split_at_offset(first).map(|(rows, behind)| (rows, Some(behind))),
        None => Ok((batch, None)),
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{DataFrame, df};

    use super::*;

    #[test]
    fn a_batch_has_first_rows_and_others() {
        let batch = |rows: u64| {
            let numbers: Vec<u64> = (0..rows).collect();
            let raw = df!("a" => numbers.clone()).unwrap();
            Batch::new(numbers, raw, DataFrame::default()).unwrap()
        };
        let heights = |rows: u64, most: usize| {
            let (first, behind) = first_rows(batch(rows), most).unwrap();
            (first.height(), behind.map(|behind| behind.height()))
        };
        assert_eq!((heights(10, 4), heights(4, 4)), ((4, Some(6)), (4, None)));
        assert_eq!((heights(0, 4), heights(3, usize::MAX)), ((0, None), (3, None)));
    }
}
