//! Follows a run: times its stages, reports progress, counts results.

use anomal_core::{Batch, Result, Statistics};
use anomal_dataflow::{Monitor, Step};
use tracing::Span;

use crate::{
    operators::{classify::Classify, global::GlobalSteps, keyed::KeyedSteps},
    progress::Stage,
    summary::Clock,
    tally::Tally,
};

pub(crate) struct RunMonitor<'a> {
    pub clock: Clock<'a>,
    pub tally: Tally,
}

impl Monitor for RunMonitor<'_> {
    fn enter(&mut self, step: Step) -> Span {
        let stage = match step {
            Step::Rows => Stage::Extract,
            Step::AtEnd(KeyedSteps::NAME) => Stage::Aggregate,
            Step::AtEnd(GlobalSteps::NAME) => Stage::WholeTable,
            Step::AtEnd(Classify::NAME) => Stage::Classify,
            Step::AtEnd(_) | Step::Write => Stage::Write,
        };
        self.clock.enter(stage);
        self.clock.span()
    }

    fn read(&mut self, batch: &Batch, statistics: &Statistics) {
        let position = batch.position;
        self.clock.observer.progress(statistics.read, position.consumed, position.total);
    }

    fn write(&mut self, batch: &Batch) -> Result<()> {
        self.tally.add(batch)?;
        self.clock.observer.progress(self.tally.rows, self.tally.rows, None);
        Ok(())
    }
}
