//! Operators over the rows of a key in the order of time.

use std::sync::{Arc, Mutex};

use anomal_core::{Result, Table};
use anomal_dataflow::{Inputs, KeyedOperator, Operator, OperatorOutput, Step};
use async_trait::async_trait;
use polars::prelude::df;
use proptest::prelude::*;

use super::support::{Numbers, all_written, double, graph, numbers, run};

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

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
