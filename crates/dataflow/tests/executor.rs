//! The executor with sources, operators and sinks in memory.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

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
    Capabilities, Execution, ExecutorOptions, GlobalOperator, Graph, Inputs, KeyedOperator,
    Monitor, Operator, OperatorOutput, PreparedEpoch, Reader, RowOperator, Sink, SkipTo, Source,
    Split, Step, WriteOutcome, execute, read_batches,
};
use async_trait::async_trait;
use polars::prelude::{DataFrame, df};
use proptest::prelude::*;

/// Batches of these heights with the numbers 0, 1, 2, … as column `n` and times as the typed column `t`, then what `last`
/// says.
struct Numbers {
    heights: Vec<usize>,
    last: fn() -> Result<Element>,
    barrier_after: Option<usize>,
    bounded: bool,
    /// By number.
    time: fn(i64) -> Option<i64>,
    /// Sends a watermark after each batch, made of the last time that all rows from there on are behind.
    watermark: Option<fn(i64) -> i64>,
}

impl Numbers {
    fn new(heights: &[usize]) -> Self {
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
    fn complete(&self, from: u64) -> i64 {
        let rows = self.heights.iter().sum::<usize>();
        let left = i64::try_from(from).unwrap()..i64::try_from(rows).unwrap();
        left.filter_map(self.time).min().map_or(i64::MAX, |first| first - 1)
    }
}

struct NumbersReader {
    elements: std::vec::IntoIter<Element>,
    last: fn() -> Result<Element>,
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
struct Double {
    started: AtomicUsize,
    fails_at: Option<i64>,
}

fn numbers(frame: &DataFrame, name: &str) -> Vec<i64> {
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
struct SumOfAll {
    inputs: Inputs,
    removes: bool,
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

/// Adds the feature `sum`: of `n` over the rows of a third of the numbers so far, in the order of time.
struct RunningSum {
    inputs: Inputs,
    sums: [i64; 3],
    /// Of each call: its rows and its watermark.
    calls: Arc<Mutex<Vec<(usize, Option<i64>)>>>,
}

impl RunningSum {
    fn new() -> Self {
        let inputs =
            Inputs { features: vec!["double".into()], typed: vec!["n".into(), "t".into()] };
        Self { inputs, sums: [0; 3], calls: Arc::default() }
    }
}

#[async_trait]
impl KeyedOperator for RunningSum {
    fn name(&self) -> &'static str {
        "running sum"
    }

    fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    fn time_column(&self) -> &'static str {
        "t"
    }

    async fn process(&mut self, rows: Table, watermark: Option<i64>) -> Result<OperatorOutput> {
        self.calls.lock().unwrap().push((rows.height(), watermark));
        let n = numbers(rows.columns(), "n");
        let doubled: Vec<i64> = n.iter().map(|n| 2 * n).collect();
        assert_eq!(numbers(rows.columns(), "double"), doubled);
        let times = rows.columns().column("t")?.i64()?.rechunk();
        let mut order: Vec<usize> = (0..n.len()).filter(|row| times.get(*row).is_some()).collect();
        order.sort_by_key(|row| times.get(*row));
        let mut sums = vec![None; n.len()];
        for row in order {
            let sum = &mut self.sums[usize::try_from(n[row] % 3).unwrap()];
            *sum += n[row];
            sums[row] = Some(*sum);
        }
        let features = Some(rows.with_columns(df!("sum" => sums)?)?);
        Ok(OperatorOutput { features, ..OperatorOutput::default() })
    }

    fn snapshot(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn restore(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// Results are the features.
struct Results;

#[async_trait]
impl RowOperator for Results {
    async fn process(&self, mut batch: Batch) -> Result<Batch> {
        batch.results = batch.features.clone();
        if batch.results.width() == 0 {
            batch.results = df!("double" => Vec::<i64>::new())?;
        }
        Ok(batch)
    }
}

#[derive(Default)]
struct Log {
    written: Vec<(Vec<u64>, Vec<i64>, Vec<i64>)>,
    before_results: Vec<u64>,
    events: Vec<String>,
}

/// A sink that other threads can look into.
struct Recorder {
    name: &'static str,
    log: Arc<Mutex<Log>>,
    capabilities: Capabilities,
    fails_to_prepare: bool,
}

impl Recorder {
    fn new(name: &'static str, log: &Arc<Mutex<Log>>) -> Self {
        let log = Arc::clone(log);
        let capabilities = Capabilities::default();
        Self { name, log, capabilities, fails_to_prepare: false }
    }

    fn event(&self, event: &str) {
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
struct Steps {
    steps: Vec<Step>,
    read: u64,
    written: usize,
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

fn double() -> Operator {
    Operator::Row(Arc::new(Double { started: AtomicUsize::new(0), fails_at: None }))
}

fn sum(removes: bool) -> Operator {
    sum_with(removes, &["double"])
}

fn sum_with(removes: bool, features: &[&str]) -> Operator {
    let features = features.iter().map(|name| (*name).to_owned()).collect();
    let inputs = Inputs { features, typed: vec!["n".into()] };
    Operator::Global(Box::new(SumOfAll { inputs, removes }))
}

fn graph(source: Numbers, operators: Vec<Operator>, log: &Arc<Mutex<Log>>) -> Graph {
    Graph {
        source: Box::new(source),
        operators,
        results: Arc::new(Results),
        sinks: vec![Box::new(Recorder::new("sink", log))],
        dead_letters: Box::new(Recorder::new("dead letters", log)),
    }
}

fn run(graph: Graph, memory: u64) -> (Result<Execution>, Steps, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let options =
        ExecutorOptions { memory, process_memory: u64::MAX, spill_folder: std::env::temp_dir() };
    let mut steps = Steps::default();
    let execution = runtime.block_on(execute(graph, &options, &mut steps));
    (execution, steps, runtime)
}

fn all_written(log: &Arc<Mutex<Log>>) -> (Vec<u64>, Vec<i64>, Vec<i64>) {
    let log = log.lock().unwrap();
    let mut all = (Vec::new(), Vec::new(), Vec::new());
    for (offsets, raw, results) in &log.written {
        all.0.extend(offsets);
        all.1.extend(raw);
        all.2.extend(results);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_come_out_once_and_in_order(
        heights in prop::collection::vec(0_usize..5, 0..12),
        global in any::<bool>(),
        removes in any::<bool>(),
        reads_features in any::<bool>(),
        memory in prop::sample::select(vec![1_u64 << 20, 1 << 40]),
    ) {
        let log = Arc::default();
        let mut operators = vec![double()];
        if global {
            operators.push(sum_with(removes, if reads_features { &["double"] } else { &[] }));
        }
        let (execution, steps, runtime) = run(graph(Numbers::new(&heights), operators, &log), memory);
        let mut execution = execution.unwrap();
        let statistics = std::mem::take(&mut execution.statistics);
        runtime.block_on(execution.commit()).unwrap();
        let rows = heights.iter().sum::<usize>() as u64;
        prop_assert_eq!(statistics.read, rows);
        let left: Vec<u64> = (0..rows).filter(|row| !(global && removes && row % 2 == 1)).collect();
        let sum: i64 = (0..i64::try_from(rows).unwrap()).sum();
        let results: Vec<i64> = left
            .iter()
            .map(|row| if global { sum } else { 2 * i64::try_from(*row).unwrap() })
            .collect();
        let raw: Vec<i64> = left.iter().map(|row| i64::try_from(*row).unwrap()).collect();
        prop_assert_eq!(all_written(&log), (left.clone(), raw, results));
        prop_assert_eq!(steps.written, left.len());
        // A result without rows has its columns all the same.
        prop_assert!(!log.lock().unwrap().written.is_empty());
    }

    /// Wherever watermarks are, a keyed operator answers as at the end.
    #[test]
    fn watermarks_change_no_result(heights in prop::collection::vec(0_usize..6, 0..12)) {
        let run_with = |watermark: Option<fn(i64) -> i64>, bounded: bool| {
            let log = Arc::default();
            let source = Numbers { watermark, bounded, time: disordered, ..Numbers::new(&heights) };
            let operator = RunningSum::new();
            let calls = Arc::clone(&operator.calls);
            let operators = vec![double(), Operator::Keyed(Box::new(operator))];
            let (execution, steps, runtime) = run(graph(source, operators, &log), 1 << 40);
            let execution = execution.unwrap();
            assert_eq!(execution.statistics.read, heights.iter().sum::<usize>() as u64);
            runtime.block_on(execution.commit()).unwrap();
            let (offsets, _, sums) = all_written(&log);
            let mut rows: Vec<_> = offsets.into_iter().zip(sums).collect();
            rows.sort_unstable();
            let calls = calls.lock().unwrap().clone();
            (rows, calls, steps.steps)
        };
        let (at_end, calls, steps) = run_with(None, true);
        let rows = heights.iter().sum::<usize>();
        prop_assert_eq!(calls, if rows > 0 { vec![(rows, None)] } else { Vec::new() });
        prop_assert!(steps.contains(&Step::Write));
        for bounded in [true, false] {
            let (streamed, calls, steps) = run_with(Some(|last| last), bounded);
            prop_assert_eq!(&streamed, &at_end);
            prop_assert!(calls.iter().all(|(rows, _)| *rows > 0));
            prop_assert_eq!(calls.iter().map(|(rows, _)| *rows).sum::<usize>(), rows);
            prop_assert!(calls.is_sorted_by_key(|(_, watermark)| watermark.unwrap_or(i64::MAX)));
            prop_assert_eq!(steps, [Step::Rows]);
        }
    }

    #[test]
    fn a_reader_continues_behind_a_position(
        heights in prop::collection::vec(1_usize..5, 1..8),
        from in 0_u64..20,
    ) {
        let mut source = Numbers::new(&heights);
        let split = source.splits().remove(0);
        let position = Position { offset: from, ..Position::default() };
        let mut reader = source.open(&split, Some(position)).unwrap();
        let mut offsets = Vec::new();
        while let Element::Batch(batch) = reader.next().unwrap() {
            prop_assert_eq!(batch.statistics.read, batch.height() as u64);
            offsets.extend(batch.offsets());
        }
        let rows = heights.iter().sum::<usize>() as u64;
        prop_assert_eq!(offsets, (from.min(rows)..rows).collect::<Vec<_>>());
    }
}

#[test]
fn steps_follow_the_scopes() {
    let log = Arc::default();
    let (execution, steps, _runtime) =
        run(graph(Numbers::new(&[2]), vec![double()], &log), 1 << 30);
    execution.unwrap();
    assert_eq!(steps.steps, [Step::Rows]);
    let operators = vec![double(), sum(false)];
    let (execution, steps, _runtime) = run(graph(Numbers::new(&[2]), operators, &log), 1 << 30);
    execution.unwrap();
    assert_eq!(steps.steps, [Step::Rows, Step::AtEnd("sum"), Step::Write]);
}

#[test]
fn dead_letters_are_committed_first() {
    let log = Arc::default();
    let (execution, _, runtime) = run(graph(Numbers::new(&[2]), vec![double()], &log), 1 << 30);
    assert!(log.lock().unwrap().events.is_empty(), "nothing is visible before the commit");
    runtime.block_on(execution.unwrap().commit()).unwrap();
    let events = log.lock().unwrap().events.clone();
    let expected =
        ["dead letters: prepare 0", "sink: prepare 0", "dead letters: commit 0", "sink: commit 0"];
    assert_eq!(events, expected);
}

#[test]
fn where_one_sink_fails_none_is_committed() {
    let log = Arc::default();
    let mut graph = graph(Numbers::new(&[2]), vec![double()], &log);
    let mut full = Recorder::new("full", &log);
    full.fails_to_prepare = true;
    graph.sinks.push(Box::new(full));
    let (execution, _, runtime) = run(graph, 1 << 30);
    let error = runtime.block_on(execution.unwrap().commit()).unwrap_err();
    assert_eq!(error.reason, "FULL");
    let events = log.lock().unwrap().events.clone();
    let expected =
        ["dead letters: prepare 0", "sink: prepare 0", "dead letters: abort 0", "sink: abort 0"];
    assert_eq!(events, expected);
}

#[test]
fn a_barrier_commits_what_came_before_it() {
    let log = Arc::default();
    let source = Numbers { barrier_after: Some(0), ..Numbers::new(&[2, 3]) };
    let (execution, _, runtime) = run(graph(source, vec![double()], &log), 1 << 30);
    runtime.block_on(execution.unwrap().commit()).unwrap();
    let log = log.lock().unwrap();
    assert_eq!(log.events[..2], ["sink: prepare 7", "sink: commit 7"]);
    assert_eq!(log.written.len(), 2);
}

#[test]
fn a_barrier_is_not_the_end_of_a_global_step() {
    let log = Arc::default();
    let source = Numbers { barrier_after: Some(0), ..Numbers::new(&[2, 3]) };
    let (execution, _, runtime) = run(graph(source, vec![double(), sum(false)], &log), 1 << 30);
    runtime.block_on(execution.unwrap().commit()).unwrap();
    assert_eq!(all_written(&log), (vec![0, 1, 2, 3, 4], vec![0, 1, 2, 3, 4], vec![10; 5]));
    assert_eq!(log.lock().unwrap().events[1], "sink: prepare 0");
}

#[test]
fn failures_stop_the_run_and_commit_nothing() {
    let failing: [(Numbers, Option<i64>, &str); 3] = [
        (
            Numbers { last: || Err(Error::input("CUT", "cut off")), ..Numbers::new(&[2, 2]) },
            None,
            "CUT",
        ),
        (Numbers { last: || panic!("on purpose"), ..Numbers::new(&[2]) }, None, "INTERNAL"),
        (Numbers::new(&[2, 2, 2]), Some(3), "BAD"),
    ];
    for (source, fails_at, reason) in failing {
        let log = Arc::default();
        let operator = Operator::Row(Arc::new(Double { started: AtomicUsize::new(0), fails_at }));
        let (execution, _, _runtime) = run(graph(source, vec![operator], &log), 1 << 30);
        assert_eq!(execution.err().map(|error| error.reason).as_deref(), Some(reason));
        assert!(log.lock().unwrap().events.is_empty());
    }
}

#[test]
fn sinks_that_can_get_rows_before_their_results() {
    for removes in [false, true] {
        let log = Arc::default();
        let mut graph = graph(Numbers::new(&[2, 3]), vec![double(), sum(removes)], &log);
        let mut early = Recorder::new("early", &log);
        early.capabilities = Capabilities { rows_before_results: true };
        graph.sinks = vec![Box::new(early)];
        let (execution, _, runtime) = run(graph, 1 << 30);
        let execution = execution.unwrap();
        // Rows that may be removed later are not written before.
        assert_eq!(execution.rows_before_results, !removes);
        runtime.block_on(execution.commit()).unwrap();
        let log = log.lock().unwrap();
        let before: Vec<u64> = if removes { Vec::new() } else { (0..5).collect() };
        assert_eq!(log.before_results, before);
        assert!(log.written.iter().all(|(_, raw, _)| raw.is_empty() != removes));
    }
}

#[test]
fn a_global_step_that_does_not_fit_is_refused_before_it_begins() {
    let log = Arc::default();
    let source = Numbers::new(&[1000, 1000]);
    let (execution, steps, _runtime) = run(graph(source, vec![double(), sum(false)], &log), 30_000);
    let error = execution.err().unwrap();
    assert_eq!((error.code, error.reason.as_str()), (Code::ResourceExhausted, "MEMORY_BUDGET"));
    assert!(error.message.contains("--memory"), "{error}");
    assert_eq!(steps.steps, [Step::Rows]);
}

#[test]
fn a_global_step_needs_a_source_that_ends() {
    let log = Arc::default();
    let source = Numbers { bounded: false, ..Numbers::new(&[1]) };
    let (execution, ..) = run(graph(source, vec![double(), sum(false)], &log), 1 << 30);
    assert_eq!(execution.err().unwrap().reason, "UNBOUNDED_INPUT");
}

#[test]
fn rows_wait_until_their_times_are_complete() {
    // Times 1, 0, 3, none, 5, 4, 7, 6, none, 8, 11, 10: a time comes one row late at most.
    let cases: [(&[usize], &[&[u64]]); 2] = [
        (&[4, 4, 4], &[&[0, 1, 2, 3], &[4, 5, 6, 7], &[8, 9, 10, 11]]),
        // Row 0 with time 1 waits for row 1 with time 0, and row 4 for row 5.
        (&[1, 3, 1, 2], &[&[0], &[1, 2, 3], &[4], &[5, 6]]),
    ];
    for (heights, expected) in cases {
        let log = Arc::default();
        let source =
            Numbers { watermark: Some(|last| last), time: disordered, ..Numbers::new(heights) };
        let operators = vec![double(), Operator::Keyed(Box::new(RunningSum::new()))];
        let (execution, _, runtime) = run(graph(source, operators, &log), 1 << 40);
        runtime.block_on(execution.unwrap().commit()).unwrap();
        let log = log.lock().unwrap();
        let written: Vec<&[u64]> = log.written.iter().map(|(offsets, ..)| &offsets[..]).collect();
        assert_eq!(written, expected);
    }
}

/// Neighbours change places, and every fifth number from 3 on has no time.
fn disordered(n: i64) -> Option<i64> {
    (n % 5 != 3).then_some(n ^ 1)
}

#[test]
fn rows_behind_their_watermark_and_beyond_the_budget_are_refused() {
    let with = |time: fn(i64) -> Option<i64>, memory: u64| {
        let source = Numbers { watermark: Some(|last| last), time, ..Numbers::new(&[600, 600]) };
        let operators = vec![double(), Operator::Keyed(Box::new(RunningSum::new()))];
        let log = Arc::default();
        run(graph(source, operators, &log), memory).0.err().unwrap().reason
    };
    // The second half has times before the first, and all wait for the end.
    assert_eq!(with(|n| Some(-n), 1 << 14), "MEMORY_BUDGET");
    // Each watermark is beyond the rows that follow it.
    let source = Numbers { watermark: Some(|last| last + 2), ..Numbers::new(&[2, 2]) };
    let operators = vec![double(), Operator::Keyed(Box::new(RunningSum::new()))];
    let (execution, ..) = run(graph(source, operators, &Arc::default()), 1 << 40);
    assert_eq!(execution.err().unwrap().reason, "INTERNAL");
}

#[test]
fn a_keyed_step_needs_times_or_an_end() {
    let log = Arc::default();
    let source = Numbers { bounded: false, ..Numbers::new(&[1]) };
    let operators = vec![double(), Operator::Keyed(Box::new(RunningSum::new()))];
    let (execution, ..) = run(graph(source, operators, &log), 1 << 30);
    let error = execution.err().unwrap();
    assert_eq!(error.reason, "UNBOUNDED_INPUT");
    assert!(error.message.contains("time column"), "{error}");
}

#[test]
fn operators_are_in_the_order_of_their_scopes() {
    let log = Arc::default();
    let operators = vec![sum(false), double()];
    let (execution, ..) = run(graph(Numbers::new(&[1]), operators, &log), 1 << 30);
    assert_eq!(execution.err().unwrap().reason, "INTERNAL");
}

#[test]
fn batches_are_read_split_by_split() {
    let source: Box<dyn Source> = Box::new(Numbers::new(&[2, 3]));
    let heights: Vec<usize> = read_batches(source).map(|batch| batch.unwrap().height()).collect();
    assert_eq!(heights, [2, 3]);
}
