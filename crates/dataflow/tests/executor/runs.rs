//! Runs without state of keys: order, scopes, barriers, budgets, failures.

use std::sync::{Arc, atomic::AtomicUsize};

use anomal_core::{Code, Element, Error, Position};
use anomal_dataflow::{Capabilities, Operator, Source, Step, read_batches};
use proptest::prelude::*;

use super::support::{Double, Numbers, Recorder, all_written, double, graph, run, sum, sum_with};

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
