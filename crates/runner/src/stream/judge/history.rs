//! Learns records from before the stream, as if it had judged them, and writes nothing.

use std::collections::VecDeque;

use anomal_core::{Batch, Error, Result, words};
use anomal_spec::{AnomalyJobSpec, Input};

use super::{Scorer, StreamJudge};
use crate::{
    options::Options,
    stream::{
        event_time::HISTORY,
        history::{History, PRELOAD, Wanted},
        state::StreamCounts,
        status::Preloading,
    },
};

/// The last records are judged by the model that the others have made, so that p-values are known of what it has not seen.
const JUDGED: usize = 5_000;
/// At most such a part of all.
const JUDGED_PART: usize = 3;
/// Without so many records no model is fitted.
const FEWEST: u64 = 10;

impl StreamJudge {
    /// Learns the records of an input, before the first one of the stream. `watch` receives the progress, and answers whether
    /// to go on. False: it was stopped, and this judge is of no use.
    ///
    /// # Errors
    /// `InvalidSettings` if they can't be read, lack a column or are too few; those of the steps and of the engine.
    pub async fn preload(
        &mut self,
        input: &Input,
        spec: &AnomalyJobSpec,
        options: &Options,
        mut watch: impl FnMut(Preloading) -> bool,
    ) -> Result<bool> {
        let wanted =
            Wanted { spec, plan: &self.plan, entity: &self.entity, time: self.event_time.column() };
        tracing::info!("the records of {PRELOAD} are read");
        let mut history = History::open(input, wanted, options, HISTORY).await?;
        let before = self.counts;
        let is_fitted = matches!(self.scorer, Scorer::WarmUp(_));
        if is_fitted {
            self.scorer = Scorer::History;
        }
        let mut backlog = Backlog::default();
        let mut learned = 0;
        while let Some(batch) = history.next().await? {
            backlog.push(batch);
            let most = if is_fitted { JUDGED } else { 0 };
            while let Some(batch) = backlog.pop_above(most)? {
                learned += batch.height() as u64;
                self.learn_from(batch).await?;
                if !watch(Preloading { read: history.rows, learned }) {
                    return Ok(false);
                }
            }
        }
        if history.rows < FEWEST {
            let message = format!(
                "it has {} records, and {FEWEST} at least are learned; name others",
                history.rows
            );
            return Err(Error::settings(PRELOAD, "TOO_FEW", message));
        }
        if is_fitted {
            let most = usize::try_from(history.rows).unwrap_or(JUDGED) / JUDGED_PART;
            while let Some(batch) = backlog.pop_above(most)? {
                self.learn_from(batch).await?;
            }
            self.end_history().await?;
            while let Some(batch) = backlog.pop_above(0)? {
                self.learn_from(batch).await?;
            }
        }
        if history.rejected > 0 {
            tracing::warn!(
                "{PRELOAD}: {} records can't be read, and are left out",
                history.rejected
            );
        }
        tracing::info!(
            "the stream has learned {} records from before it",
            words::grouped(history.rows)
        );
        self.counts = StreamCounts { preloaded: history.rows, ..before };
        Ok(true)
    }

    async fn learn_from(&mut self, batch: Batch) -> Result<()> {
        let rows = batch.height();
        self.steps(batch).await?;
        self.passed(rows).await
    }

    /// Fits the model on a sample of what was learned.
    async fn end_history(&mut self) -> Result<()> {
        let sample = self.learner.as_ref().and_then(|learner| learner.sampled().transpose());
        let (Some(fitter), Some(sample)) = (self.fitter.clone(), sample.transpose()?) else {
            let message = "the filters remove all of its records; name others";
            return Err(Error::settings(PRELOAD, "TOO_FEW", message));
        };
        let unseen = self.fit_first(&fitter, &sample).await?;
        if let Some(learner) = &mut self.learner {
            learner.begin_by_sample(unseen);
        }
        let (engine, rows) = (&fitter.settings.engine, sample.height());
        tracing::info!("{engine} is fitted on {rows} records from before the stream");
        Ok(())
    }
}

/// Records that are not learned yet.
#[derive(Default)]
struct Backlog {
    batches: VecDeque<Batch>,
    rows: usize,
}

impl Backlog {
    fn push(&mut self, batch: Batch) {
        self.rows += batch.height();
        self.batches.push_back(batch);
    }

    /// The first ones of them that are above a number.
    fn pop_above(&mut self, most: usize) -> Result<Option<Batch>> {
        let Some(surplus) = self.rows.checked_sub(most).filter(|surplus| *surplus > 0) else {
            return Ok(None);
        };
        let Some(mut batch) = self.batches.pop_front() else { return Ok(None) };
        if let Some(first) = batch.offsets().get(surplus).copied() {
            let (before, behind) = batch.split_at_offset(first)?;
            self.batches.push_front(behind);
            batch = before;
        }
        self.rows -= batch.height();
        Ok(Some(batch))
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{DataFrame, df};

    use super::*;

    #[test]
    fn what_is_above_a_number_comes_in_order() {
        let mut backlog = Backlog::default();
        for first in [0, 100, 200] {
            let numbers: Vec<u64> = (first..first + 100).collect();
            let raw = df!("a" => numbers.clone()).unwrap();
            backlog.push(Batch::new(numbers, raw, DataFrame::default()).unwrap());
        }
        let mut rows = Vec::new();
        for most in [150, 150, 40, 0] {
            while let Some(batch) = backlog.pop_above(most).unwrap() {
                assert!(batch.height() > 0);
                rows.extend(batch.offsets());
            }
            assert_eq!(rows.len(), 300 - most);
        }
        assert_eq!(rows, (0..300).collect::<Vec<u64>>());
    }
}
