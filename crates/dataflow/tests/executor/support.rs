//! Sources, operators and sinks in memory.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anomal_core::{
    Batch, Code, Element, Error, Position, Result, Statistics, Table, proto::Column,
};
use anomal_dataflow::{
    Capabilities, Execution, ExecutorOptions, GlobalOperator, Graph, Inputs, Monitor, Operator,
    OperatorOutput, PreparedEpoch, Reader, ResultsOperator, RowOperator, Sink, SkipTo, Source,
    Split, Step, WriteOutcome, execute,
};
use async_trait::async_trait;
use polars::prelude::{DataFrame, df};

/// Batches of these heights with the numbers 0, 1, 2, … as column `n` and times as the typed column `t`, then what `last`
/// says.
pub struct Numbers {
    pub heights: Vec<usize>,
    pub last: fn() -> Result<Element>,
    pub barrier_after: Option<usize>,
    pub bounded: bool,
    /// By number.
    pub time: fn(i64) -> Option<i64>,
    /// Sends a watermark after each batch, made of the last time that all rows from there on are behind.
    pub watermark: Option<fn(i64) -> i64>,
}

impl Numbers {
    pub fn new(heights: &[usize]) -> Self {
        let heights = heights.to_vec();
        Self {
            heights,
            last: || Ok(Element::End),
            barrier_after: None,
            bounded: true,
            time: Some,
            watermark: None,
        }
    }

    /// The last time that all rows from a number on are behind.
    pub fn complete(&self, from: u64) -> i64 {
        let rows = self.heights.iter().sum::<usize>();
        let left = i64::try_from(from).unwrap()..i64::try_from(rows).unwrap();
        left.filter_map(self.time).min().map_or(i64::MAX, |first| first - 1)
    }
}

pub struct NumbersReader {
    pub elements: std::vec::IntoIter<Element>,
    pub last: fn() -> Result<Element>,
}

impl Source for Numbers {
    fn schema(&self) -> &[Column] {
        &[]
    }

    fn select(&mut self, _: &[Column]) -> Result<()> {
        Ok(())
    }

    fn is_bounded(&self) -> bool {
        self.bounded
    }

    fn has_watermarks(&self) -> bool {
        self.watermark.is_some()
    }

    fn open(&mut self, _: &Split, from: Option<Position>) -> Result<Box<dyn Reader>> {
        let total: usize = self.heights.iter().sum();
        let (mut elements, mut next) = (Vec::new(), 0_u64);
        for (index, height) in self.heights.iter().enumerate() {
            let offsets: Vec<u64> = (next..next + *height as u64).collect();
            next += *height as u64;
            let n: Vec<i64> =
                offsets.iter().map(|offset| i64::try_from(*offset).unwrap()).collect();
            let times: Vec<Option<i64>> = n.iter().map(|n| (self.time)(*n)).collect();
            let raw = df!("n" => &n)?;
            let batch = Batch::new(offsets, raw, df!("n" => n, "t" => times)?)?;
            let batch = batch.with_progress((next, Some(total as u64)));
            elements.push(Element::Batch(Box::new(batch)));
            if self.barrier_after == Some(index) {
                elements.push(Element::Barrier(7));
            }
            if let Some(watermark) = self.watermark {
                elements.push(Element::Watermark(watermark(self.complete(next))));
            }
        }
        let reader = Box::new(NumbersReader { elements: elements.into_iter(), last: self.last });
        Ok(match from {
            Some(from) => Box::new(SkipTo::new(reader, from)),
            None => reader,
        })
    }

    fn empty(&self) -> DataFrame {
        df!("n" => Vec::<i64>::new()).unwrap()
    }

    fn files(&self) -> &[PathBuf] {
        &[]
    }
}

impl Reader for NumbersReader {
    fn next(&mut self) -> Result<Element> {
        self.elements.next().map_or_else(self.last, Ok)
    }
}

/// Adds the feature `double`; earlier batches take longer, so that answers come out of order.
pub struct Double {
    pub started: AtomicUsize,
    pub fails_at: Option<i64>,
}

pub fn numbers(frame: &DataFrame, name: &str) -> Vec<i64> {
    let column = frame.column(name).unwrap().as_materialized_series().rechunk();
    column.i64().unwrap().iter().map(Option::unwrap_or_default).collect()
}

#[async_trait]
impl RowOperator for Double {
    fn parallelism(&self) -> usize {
        4
    }

    async fn process(&self, mut batch: Batch) -> Result<Batch> {
        let place = self.started.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(if place.is_multiple_of(2) { 5 } else { 0 }))
            .await;
        let n = numbers(&batch.raw, "n");
        if self.fails_at.is_some_and(|fails| n.contains(&fails)) {
            return Err(Error::input("BAD", "fails as asked"));
        }
        batch.features = df!("double" => n.iter().map(|n| 2 * n).collect::<Vec<_>>())?;
        Ok(batch)
    }
}

/// Removes odd rows, and adds the sum of `n` over all rows as a feature and a score.
pub struct SumOfAll {
    pub inputs: Inputs,
    pub removes: bool,
}

#[async_trait]
impl GlobalOperator for SumOfAll {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    fn removes_rows(&self) -> bool {
        self.removes
    }

    async fn run(&mut self, rows: Table) -> Result<OperatorOutput> {
        let sum: i64 = numbers(rows.columns(), "n").iter().sum();
        let (removed, left): (Vec<u64>, Vec<u64>) =
            rows.rows().into_iter().partition(|row| self.removes && row % 2 == 1);
        let column = df!("sum" => vec![sum; left.len()])?;
        let table = Table::new(left, column)?;
        let (features, scores) = (Some(table.clone()), Some(table));
        Ok(OperatorOutput { features, scores, removed, ..OperatorOutput::default() })
    }
}

/// Results are the features.
pub struct Results;

#[async_trait]
impl ResultsOperator for Results {
    async fn process(&self, mut batch: Batch) -> Result<Batch> {
        batch.results = batch.features.clone();
        if batch.results.width() == 0 {
            batch.results = df!("double" => Vec::<i64>::new())?;
        }
        Ok(batch)
    }
}

#[derive(Default)]
pub struct Log {
    pub written: Vec<(Vec<u64>, Vec<i64>, Vec<i64>)>,
    pub before_results: Vec<u64>,
    pub events: Vec<String>,
}

/// A sink that other threads can look into.
pub struct Recorder {
    pub name: &'static str,
    pub log: Arc<Mutex<Log>>,
    pub capabilities: Capabilities,
    pub fails_to_prepare: bool,
}

impl Recorder {
    pub fn new(name: &'static str, log: &Arc<Mutex<Log>>) -> Self {
        let log = Arc::clone(log);
        let capabilities = Capabilities::default();
        Self { name, log, capabilities, fails_to_prepare: false }
    }

    pub fn event(&self, event: &str) {
        self.log.lock().unwrap().events.push(format!("{}: {event}", self.name));
    }
}

impl Sink for Recorder {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn write(&mut self, batch: &Batch) -> Result<()> {
        let mut log = self.log.lock().unwrap();
        if batch.results.width() == 0 {
            log.before_results.extend(batch.offsets());
            return Ok(());
        }
        let raw = if batch.raw.width() > 0 { numbers(&batch.raw, "n") } else { Vec::new() };
        let sum = batch.results.column("sum").is_ok();
        let results = numbers(&batch.results, if sum { "sum" } else { "double" });
        log.written.push((batch.offsets(), raw, results));
        Ok(())
    }

    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch> {
        if self.fails_to_prepare {
            return Err(Error::new(Code::Output, "FULL", "the disk is full"));
        }
        self.event(&format!("prepare {epoch}"));
        Ok(PreparedEpoch { epoch })
    }

    fn commit(&mut self, prepared: PreparedEpoch) -> Result<WriteOutcome> {
        self.event(&format!("commit {}", prepared.epoch));
        Ok(WriteOutcome::new(self.name, 0))
    }

    fn abort(&mut self, prepared: PreparedEpoch) -> Result<()> {
        self.event(&format!("abort {}", prepared.epoch));
        Ok(())
    }
}

#[derive(Default)]
pub struct Steps {
    pub steps: Vec<Step>,
    pub read: u64,
    pub written: usize,
}

impl Monitor for Steps {
    fn enter(&mut self, step: Step) -> tracing::Span {
        self.steps.push(step);
        tracing::Span::none()
    }

    fn read(&mut self, _: &Batch, statistics: &Statistics) {
        self.read = statistics.read;
    }

    fn write(&mut self, batch: &Batch) -> Result<()> {
        self.written += batch.height();
        Ok(())
    }
}

pub fn double() -> Operator {
    Operator::Row(Arc::new(Double { started: AtomicUsize::new(0), fails_at: None }))
}

pub fn sum(removes: bool) -> Operator {
    sum_with(removes, &["double"])
}

pub fn sum_with(removes: bool, features: &[&str]) -> Operator {
    let features = features.iter().map(|name| (*name).to_owned()).collect();
    let inputs = Inputs { features, typed: vec!["n".into()] };
    Operator::Global(Box::new(SumOfAll { inputs, removes }))
}

pub fn graph(source: Numbers, operators: Vec<Operator>, log: &Arc<Mutex<Log>>) -> Graph {
    Graph {
        source: Box::new(source),
        operators,
        results: Arc::new(Results),
        sinks: vec![Box::new(Recorder::new("sink", log))],
        dead_letters: Box::new(Recorder::new("dead letters", log)),
    }
}

pub fn run(graph: Graph, memory: u64) -> (Result<Execution>, Steps, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let options =
        ExecutorOptions { memory, process_memory: u64::MAX, spill_folder: std::env::temp_dir() };
    let mut steps = Steps::default();
    let execution = runtime.block_on(execute(graph, &options, &mut steps));
    (execution, steps, runtime)
}

pub fn all_written(log: &Arc<Mutex<Log>>) -> (Vec<u64>, Vec<i64>, Vec<i64>) {
    let log = log.lock().unwrap();
    let mut all = (Vec::new(), Vec::new(), Vec::new());
    for (offsets, raw, results) in &log.written {
        all.0.extend(offsets);
        all.1.extend(raw);
        all.2.extend(results);
    }
    all
}
