//! Runs a graph: reads ahead, processes batches in parallel and in order, stores rows for global steps, writes.

mod input;
mod outputs;
mod row_stage;

use std::{path::PathBuf, sync::Arc};

use anomal_core::{Batch, Element, Result, Statistics};
use polars::prelude::DataFrame;
use tracing::{Instrument, Span};

use self::{input::Input, outputs::Outputs, row_stage::RowStage};
use crate::{
    graph::{Graph, Stages},
    operator::{GlobalOperator, Inputs, ResultsOperator},
    sink::{Sink, WriteOutcome},
    state::{GlobalState, KeyedState},
};

/// How a graph is run.
#[derive(Clone, Debug)]
pub struct ExecutorOptions {
    /// Bytes that rows which wait for a step may use.
    pub memory: u64,
    /// Bytes that the process may use: nothing starts that would exceed them.
    pub process_memory: u64,
    /// Where rows are spilled.
    pub spill_folder: PathBuf,
}

/// What the executor is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading and row operators; and keyed operators and writing, where rows are complete before the end.
    Rows,
    /// An operator that runs at the end of the source, by its name.
    AtEnd(&'static str),
    Write,
}

/// Follows a run.
pub trait Monitor: Send {
    /// A step begins; its work belongs to the span.
    fn enter(&mut self, step: Step) -> Span;

    /// A batch has been read and has been through the row operators.
    fn read(&mut self, batch: &Batch, statistics: &Statistics);

    /// A batch with its results is about to be written.
    ///
    /// # Errors
    /// They stop the run.
    fn write(&mut self, batch: &Batch) -> Result<()>;
}

/// A run whose rows are all written and not visible yet.
pub struct Execution {
    outputs: Outputs,
    dead_letters: Box<dyn Sink>,
    pub statistics: Statistics,
    /// Whether the sinks got rows before their results.
    pub rows_before_results: bool,
}

impl Execution {
    /// Columns of rows that were written before their results, by their index among all that were written.
    ///
    /// # Errors
    /// `Output`.
    pub async fn read_back(
        &mut self,
        indices: Vec<u64>,
        columns: Vec<String>,
    ) -> Result<DataFrame> {
        self.outputs.read_back(indices, columns).await
    }

    /// Makes everything visible: the outcome of each sink in order, then that of the dead letters.
    ///
    /// # Errors
    /// `Output`; then no sink that can take back what it has written has made anything visible.
    pub async fn commit(self) -> Result<(Vec<WriteOutcome>, WriteOutcome)> {
        self.outputs.finish(self.dead_letters).await
    }
}

/// Runs a graph to its end. Dropping the future stops it, and nothing becomes visible.
///
/// # Errors
/// Those of its source, operators and sinks; `InvalidSettings` if the graph can't be run.
pub async fn execute(
    graph: Graph,
    options: &ExecutorOptions,
    monitor: &mut dyn Monitor,
) -> Result<Execution> {
    let Graph { source, operators, results, sinks, dead_letters } = graph;
    let Stages { row, keyed, global } = Stages::new(operators, source.as_ref())?;
    let empty = Batch::new(Vec::new(), source.empty(), DataFrame::default())?;
    let mut run = Run {
        rows: RowStage::new(Input::start(source, dead_letters), row),
        outputs: Outputs::start(sinks),
        results,
        statistics: Statistics::default(),
        written: false,
        monitor,
    };
    let rows_before_results = if global.is_empty() {
        run.stream(KeyedState::new(keyed, options.memory)).await?;
        false
    } else {
        run.gather(global, options).await?
    };
    if !run.written {
        // A result without rows has its columns all the same.
        run.write(empty).await?;
    }
    let Run { rows, outputs, statistics, .. } = run;
    let dead_letters = rows.finish().await?;
    Ok(Execution { outputs, dead_letters, statistics, rows_before_results })
}

struct Run<'a> {
    rows: RowStage,
    outputs: Outputs,
    results: Arc<dyn ResultsOperator>,
    statistics: Statistics,
    /// Whether a batch with results was written.
    written: bool,
    monitor: &'a mut dyn Monitor,
}

impl Run<'_> {
    /// Each batch is written as soon as it has been through the operators: memory stays flat.
    async fn stream(&mut self, mut keyed: KeyedState) -> Result<()> {
        let span = self.monitor.enter(Step::Rows);
        let work = async {
            loop {
                match self.rows.next().await? {
                    Element::Batch(batch) => {
                        self.count(&batch);
                        if keyed.is_empty() {
                            self.write(batch.prune_typed()?).await?;
                        } else {
                            keyed.push(*batch)?;
                        }
                    }
                    Element::Watermark(time) => self.advance(&mut keyed, Some(time)).await?,
                    Element::Barrier(epoch) => self.outputs.commit(epoch).await?,
                    Element::End => return self.advance(&mut keyed, None).await,
                }
            }
        };
        work.instrument(span).await
    }

    /// Writes the rows whose times are complete.
    async fn advance(&mut self, keyed: &mut KeyedState, watermark: Option<i64>) -> Result<()> {
        let (batches, statistics) = keyed.advance(watermark).await?;
        self.statistics.add(&statistics);
        for batch in batches {
            self.write(batch).await?;
        }
        Ok(())
    }

    /// Stores rows until the source ends, runs the global operators, and writes; whether the sinks got rows before
    /// their results.
    async fn gather(
        &mut self,
        operators: Vec<Box<dyn GlobalOperator>>,
        options: &ExecutorOptions,
    ) -> Result<bool> {
        // Rows that may be removed later can't be written yet.
        let removes = operators.iter().any(|operator| operator.removes_rows());
        let at_sinks = self.outputs.takes_rows_before_results() && !removes;
        let factors = operators.iter().map(|operator| (operator.memory_factor(), operator.name()));
        let (factor, name) = factors.max_by_key(|(factor, _)| *factor).unwrap_or_default();
        let mut inputs = inputs(&operators);
        inputs.features.extend(self.results.inputs());
        let mut state = GlobalState::new(inputs, factor, options, at_sinks);
        let span = self.monitor.enter(Step::Rows);
        self.store(&mut state, name).instrument(span).await?;
        let mut rest = operators.into_iter().peekable();
        while let Some(mut operator) = rest.next() {
            let inputs = operator.inputs().clone();
            let Some(table) = state
                .table(&inputs, rest.peek().is_none_or(|next| next.inputs().typed.is_empty()))?
            else {
                break;
            };
            let span = self.monitor.enter(Step::AtEnd(operator.name()));
            let output = operator.run(table).instrument(span).await?;
            self.statistics.add(&output.statistics);
            state.apply(output)?;
        }
        let span = self.monitor.enter(Step::Write);
        let write = async {
            if let Some(rows) = state.all_rows() {
                self.results.prepare(&rows)?;
            }
            for batch in state.into_batches()? {
                self.write(batch?).await?;
            }
            Ok(at_sinks)
        };
        write.instrument(span).await
    }

    async fn store(&mut self, state: &mut GlobalState, step: &str) -> Result<()> {
        loop {
            match self.rows.next().await? {
                Element::Batch(batch) => {
                    self.count(&batch);
                    if let Some(batch) = state.push(*batch, step)? {
                        self.outputs.write(batch).await?;
                    }
                }
                // No row has its results before the end, so there is nothing to commit.
                Element::Watermark(_) | Element::Barrier(_) => {}
                Element::End => return Ok(()),
            }
        }
    }

    fn count(&mut self, batch: &Batch) {
        self.statistics.add(&batch.statistics);
        self.monitor.read(batch, &self.statistics);
    }

    async fn write(&mut self, batch: Batch) -> Result<()> {
        let batch = self.results.process(batch).await?;
        self.written = true;
        self.monitor.write(&batch)?;
        self.outputs.write(batch).await
    }
}

/// The columns that any of the operators needs from the row operators.
fn inputs(operators: &[Box<dyn GlobalOperator>]) -> Inputs {
    let mut all = Inputs::default();
    for operator in operators {
        let inputs = operator.inputs();
        for (all, names) in [(&mut all.features, &inputs.features), (&mut all.typed, &inputs.typed)]
        {
            all.extend(
                names.iter().filter(|name| !all.contains(name)).cloned().collect::<Vec<_>>(),
            );
        }
    }
    all
}
