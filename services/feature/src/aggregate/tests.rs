//! Aggregates beside a naive computation of each window, for any rows in any order.

use std::collections::HashSet;

use anomal_components::Dictionaries;
use anomal_core::{Cancel, Result};
use anomal_spec::AggregateFunction;
use polars::prelude::{
    BooleanChunked, Column, DataFrame, Float64Chunked, Int64Chunked, IntoColumn, NewChunkedArray,
    TimeUnit,
};
use proptest::prelude::*;

use super::{Aggregate, AggregateCache, AggregateStates};
use crate::keyed::RowOrder;

#[derive(Clone, Debug)]
struct Row {
    id: u64,
    user: Option<u8>,
    port: Option<i64>,
    time: Option<i64>,
    integer: Option<i64>,
    /// In quarters, so that plain sums are exact.
    quarters: Option<i8>,
    condition: Option<bool>,
}

impl Row {
    fn float(&self) -> Option<f64> {
        self.quarters.map(|quarters| f64::from(quarters) / 4.0)
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        prop::option::weighted(0.9, 0..3_u8),
        prop::option::weighted(0.9, 0..2_i64),
        prop::option::weighted(0.9, 0..30_i64),
        prop::option::weighted(0.8, prop_oneof![-3..4_i64, Just(i64::MAX), Just(i64::MIN)]),
        prop::option::weighted(0.8, any::<i8>()),
        prop::option::weighted(0.9, any::<bool>()),
    );
    (prop::collection::vec(row, 0..60), any::<bool>()).prop_map(|(rows, reversed)| {
        let count = rows.len() as u64;
        let row = |(place, (user, port, time, integer, quarters, condition))| {
            let id = if reversed { count - place } else { 3 * place };
            Row { id, user, port, time, integer, quarters, condition }
        };
        (0..).zip(rows).map(row).collect()
    })
}

fn frame(rows: &[Row]) -> DataFrame {
    let users: Vec<Option<String>> =
        rows.iter().map(|row| row.user.map(|user| format!("user{user}"))).collect();
    let times = Int64Chunked::from_iter_options("t".into(), rows.iter().map(|row| row.time));
    let columns = vec![
        Column::new("user".into(), users),
        Int64Chunked::from_iter_options("port".into(), rows.iter().map(|row| row.port))
            .into_column(),
        times.into_datetime(TimeUnit::Microseconds, None).into_column(),
        Int64Chunked::from_iter_options("i".into(), rows.iter().map(|row| row.integer))
            .into_column(),
        Float64Chunked::from_iter_options("f".into(), rows.iter().map(Row::float)).into_column(),
    ];
    DataFrame::new(rows.len(), columns).unwrap()
}

/// The values by the engine's code.
fn evaluate(aggregate: &Aggregate, rows: &[Row], conditional: bool) -> Vec<Option<f64>> {
    evaluate_with(aggregate, rows, conditional, RowOrder::Time, None)
}

fn evaluate_with(
    aggregate: &Aggregate,
    rows: &[Row],
    conditional: bool,
    order: RowOrder,
    states: Option<&mut AggregateStates>,
) -> Vec<Option<f64>> {
    let ids: Vec<u64> = rows.iter().map(|row| row.id).collect();
    let condition: BooleanChunked = rows.iter().map(|row| row.condition).collect();
    let (dictionaries, mut cache) = (Dictionaries::default(), AggregateCache::new(order));
    let values = aggregate
        .evaluate(
            &frame(rows),
            &ids,
            conditional.then_some(&condition),
            &dictionaries,
            &mut cache,
            states.map(|states| states.of_step("feature")),
            &Cancel::default(),
        )
        .unwrap()
        .cast(&polars::prelude::DataType::Float64)
        .unwrap();
    values.f64().unwrap().iter().collect()
}

/// The value of one row from the definition.
fn expected(aggregate: &Aggregate, row: &Row, rows: &[Row], conditional: bool) -> Option<f64> {
    let time = row.time?;
    let same_key = |other: &&Row| {
        aggregate.by.iter().all(|column| match column.as_str() {
            "user" => other.user == row.user,
            _ => other.port == row.port,
        })
    };
    let mut window: Vec<&Row> = rows.iter().filter(same_key).collect();
    window.retain(|other| {
        other.time.is_some_and(|other_time| {
            (other_time, other.id) <= (time, row.id)
                && aggregate.window.is_none_or(|window| other_time > time - window)
        })
    });
    window.sort_by_key(|row| (row.time, row.id));
    let all = window.len();
    let holds = |row: &&Row| !conditional || row.condition == Some(true);
    let value = |row: &Row| match aggregate.input.as_deref() {
        Some("i") => row.integer.map(|value| value as f64),
        Some("user") => row.user.map(f64::from),
        _ => row.float(),
    };
    let before: Vec<&Row> = window.iter().copied().filter(|other| other.id != row.id).collect();
    let mut counted: Vec<&Row> = window.into_iter().filter(holds).collect();
    if aggregate.input.is_some() {
        counted.retain(|row| value(row).is_some());
    }
    let count = counted.len() as f64;
    let values: Vec<f64> = counted.iter().filter_map(|row| value(row)).collect();
    let some = (!values.is_empty()).then_some(());
    match aggregate.function {
        AggregateFunction::Count => Some(count),
        AggregateFunction::Rate => Some(count / (aggregate.window? as f64 / 1e6)),
        AggregateFunction::Distinct => {
            let values: HashSet<u64> = values.iter().map(|value| value.to_bits()).collect();
            Some(values.len() as f64)
        }
        AggregateFunction::Share | AggregateFunction::Mean if aggregate.input.is_none() => {
            Some(count / all as f64)
        }
        AggregateFunction::Share => {
            let own = value(row)?;
            some?;
            Some(values.iter().filter(|value| **value == own).count() as f64 / count)
        }
        AggregateFunction::Exceedance => {
            let own = value(row)?;
            let others: Vec<f64> = before.into_iter().filter(holds).filter_map(value).collect();
            let low = others.iter().copied().reduce(f64::min)?;
            let high = others.iter().copied().reduce(f64::max)?;
            let (all_low, all_high) = (low.min(own), high.max(own));
            let beyond = (own / 2.0 - high / 2.0).max(low / 2.0 - own / 2.0).max(0.0);
            Some(if beyond > 0.0 { beyond / (all_high / 2.0 - all_low / 2.0) } else { 0.0 })
        }
        AggregateFunction::SinceLast => {
            let last = before.into_iter().rfind(holds)?;
            Some((time - last.time?) as f64 / 1e6)
        }
        AggregateFunction::Min => values.into_iter().reduce(f64::min),
        AggregateFunction::Max => values.into_iter().reduce(f64::max),
        function => {
            some?;
            if aggregate.input.as_deref() == Some("i") {
                let sum: i128 = counted.iter().filter_map(|row| row.integer).map(i128::from).sum();
                return match function {
                    AggregateFunction::Sum => i64::try_from(sum).ok().map(|sum| sum as f64),
                    _ => Some(sum as f64 / count),
                };
            }
            let sum: f64 = values.iter().sum();
            match function {
                AggregateFunction::Sum => Some(sum),
                AggregateFunction::Mean => Some(sum / count),
                _ => {
                    let mean = sum / count;
                    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
                    (count > 1.0).then(|| (squares / (count - 1.0)).sqrt())
                }
            }
        }
    }
}

fn aggregates() -> impl Strategy<Value = Aggregate> {
    use AggregateFunction::{
        Count, Distinct, Exceedance, Max, Mean, Min, Rate, Share, SinceLast, Stddev, Sum,
    };
    let parts = prop_oneof![
        (Just(Count), prop_oneof![Just(None), Just(Some("i"))]),
        (Just(Rate), prop_oneof![Just(None), Just(Some("f"))]),
        (Just(SinceLast), Just(None)),
        (Just(Share), prop_oneof![Just(None), Just(Some("i")), Just(Some("user"))]),
        (Just(Distinct), prop_oneof![Just(Some("f")), Just(Some("i")), Just(Some("user"))]),
        (Just(Mean), prop_oneof![Just(None), Just(Some("f")), Just(Some("i"))]),
        (Just(Sum), prop_oneof![Just(Some("f")), Just(Some("i"))]),
        (Just(Min), prop_oneof![Just(Some("f")), Just(Some("i"))]),
        (Just(Max), prop_oneof![Just(Some("f")), Just(Some("i"))]),
        (Just(Stddev), Just(Some("f"))),
        (Just(Exceedance), prop_oneof![Just(Some("f")), Just(Some("i"))]),
    ];
    let by = prop_oneof![
        Just(vec![]),
        Just(vec!["user".to_owned()]),
        Just(vec!["port".to_owned()]),
        Just(vec!["user".to_owned(), "port".to_owned()]),
    ];
    (parts, by, prop::option::weighted(0.8, 1..20_i64)).prop_map(
        |((function, input), by, window)| {
            let window = if function == Rate { window.or(Some(7)) } else { window };
            let (input, time) = (input.map(str::to_owned), "t".to_owned());
            Aggregate { function, input, condition: None, by, time, window }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn values_are_those_of_the_definition(
        aggregate in aggregates(),
        rows in rows(),
        conditional in any::<bool>(),
    ) {
        let values = evaluate(&aggregate, &rows, conditional);
        prop_assert_eq!(values.len(), rows.len());
        for (row, value) in rows.iter().zip(values) {
            let expected = expected(&aggregate, row, &rows, conditional);
            let equal = match (value, expected) {
                (Some(value), Some(expected)) if aggregate.function == AggregateFunction::Stddev => {
                    (value - expected).abs() <= 1e-12 * (1.0 + expected)
                }
                (value, expected) => value == expected,
            };
            prop_assert!(equal, "{:?} of {row:?}: {value:?}, not {expected:?}", aggregate.function);
        }
    }

    /// As a stream will have it: later rows change nothing.
    #[test]
    fn values_depend_on_earlier_rows_only(aggregate in aggregates(), mut rows in rows()) {
        rows.retain(|row| row.time.is_some());
        rows.sort_by_key(|row| (row.time, row.id));
        let all = evaluate(&aggregate, &rows, true);
        for end in 0..rows.len() {
            let some = evaluate(&aggregate, &rows[..end], true);
            prop_assert_eq!(&some[..], &all[..end]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Wherever watermarks cut a stream, and although each call continues from a snapshot of the one before.
    #[test]
    fn values_continue_behind_a_watermark(
        aggregate in aggregates(),
        rows in rows(),
        conditional in any::<bool>(),
        mut watermarks in prop::collection::vec(-1..31_i64, 0..8),
    ) {
        let expected = evaluate(&aggregate, &rows, conditional);
        watermarks.sort_unstable();
        watermarks.push(i64::MAX);
        let mut states = AggregateStates::default();
        let (mut from, mut values) = (i64::MIN, vec![None; rows.len()]);
        for watermark in watermarks {
            let is_complete = |time: i64| from < time && time <= watermark;
            let positions: Vec<usize> =
                (0..rows.len()).filter(|row| rows[*row].time.is_some_and(is_complete)).collect();
            let complete: Vec<Row> = positions.iter().map(|row| rows[*row].clone()).collect();
            let (order, states_of) = (RowOrder::Time, Some(&mut states));
            let found = evaluate_with(&aggregate, &complete, conditional, order, states_of);
            positions.into_iter().zip(found).for_each(|(row, value)| values[row] = value);
            states.expire(watermark);
            states = AggregateStates::restore(&states.freeze().encode().unwrap()).unwrap();
            from = watermark;
        }
        prop_assert_eq!(values, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Rows as they arrive, in calls of any size: each has the value of the window that ends with the newest row of its key,
    /// over the rows that came before it, at their own times. For rows in order, that is the value of a batch.
    #[test]
    fn rows_that_arrive_are_aggregated_with_those_before_them(
        aggregate in aggregates(),
        mut rows in rows(),
        conditional in any::<bool>(),
        chunk in 1..20_usize,
    ) {
        rows.iter_mut().zip(0..).for_each(|(row, id)| row.id = id);
        let mut states = AggregateStates::default();
        let mut values = Vec::new();
        for part in rows.chunks(chunk) {
            let (order, states_of) = (RowOrder::Arrival, Some(&mut states));
            values.extend(evaluate_with(&aggregate, part, conditional, order, states_of));
            states = AggregateStates::restore(&states.freeze().encode().unwrap()).unwrap();
        }
        for (place, (row, value)) in rows.iter().zip(values).enumerate() {
            let of_key = |other: &&Row| {
                let is_same = |column: &String| match column.as_str() {
                    "user" => other.user == row.user,
                    _ => other.port == row.port,
                };
                aggregate.by.iter().all(is_same)
            };
            let mut arrived: Vec<Row> = rows[..=place].to_vec();
            let newest = arrived.iter().filter(of_key).filter_map(|row| row.time).max();
            let row = if row.time == newest || row.time.is_none() {
                row.clone()
            } else if matches!(aggregate.input.as_deref(), Some("i" | "f"))
                && !matches!(
                    aggregate.function,
                    AggregateFunction::Share | AggregateFunction::Exceedance
                )
            {
                // What a row without a value would have in its place.
                let (id, time) = (rows.len() as u64, newest);
                let probe = Row { id, time, integer: None, quarters: None, ..row.clone() };
                arrived.push(probe.clone());
                probe
            } else {
                continue;
            };
            let expected = expected(&aggregate, &row, &arrived, conditional);
            let equal = match (value, expected) {
                (Some(value), Some(expected)) if aggregate.function == AggregateFunction::Stddev => {
                    (value - expected).abs() <= 1e-12 * (1.0 + expected)
                }
                (value, expected) => value == expected,
            };
            prop_assert!(equal, "{:?} of {row:?}: {value:?}, not {expected:?}", aggregate.function);
        }
    }
}

#[test]
fn sketches_and_large_sums_continue_from_a_snapshot() {
    let values: Vec<f64> = (0..30_000).map(|n| f64::from(n) * 1e300 / 30_000.0).collect();
    for function in [AggregateFunction::Distinct, AggregateFunction::Sum, AggregateFunction::Mean] {
        for window in [None, Some(25_000)] {
            let aggregate = aggregate(function, window);
            let expected = evaluate_column(&aggregate, 0, &values, None);
            let mut states = AggregateStates::default();
            let mut found = Vec::new();
            for start in [0, 20_000] {
                let end = values.len().min(start + 20_000);
                let values = &values[start..end];
                found.extend(evaluate_column(&aggregate, start, values, Some(&mut states)));
                states = AggregateStates::restore(&states.freeze().encode().unwrap()).unwrap();
            }
            assert!(found == expected, "{function:?} over {window:?}");
        }
    }
}

#[test]
fn damaged_states_are_refused() {
    let aggregate = aggregate(AggregateFunction::Sum, None);
    let mut states = AggregateStates::default();
    evaluate_column(&aggregate, 0, &[1.0, 2.0], Some(&mut states));
    let snapshot = states.freeze().encode().unwrap();
    assert!(AggregateStates::restore(&snapshot[..snapshot.len() - 1]).is_err());
    // Those of another function: the sum has more digits than there are.
    let mut counts = AggregateStates::default();
    let distinct = self::aggregate(AggregateFunction::Distinct, None);
    evaluate_column(&distinct, 0, &[1.0, 2.0], Some(&mut counts));
    let mut counts = AggregateStates::restore(&counts.freeze().encode().unwrap()).unwrap();
    let error = try_column(&aggregate, 2, &[3.0], Some(&mut counts)).unwrap_err();
    assert_eq!(error.reason, "STATES_DAMAGED");
}

fn aggregate(function: AggregateFunction, window: Option<i64>) -> Aggregate {
    let input = Some("f".to_owned());
    Aggregate { function, input, condition: None, by: Vec::new(), time: "t".into(), window }
}

fn evaluate_floats(aggregate: &Aggregate, values: &[f64]) -> Vec<Option<f64>> {
    evaluate_column(aggregate, 0, values, None)
}

/// Of rows whose ids and times ascend from `start`.
fn evaluate_column(
    aggregate: &Aggregate,
    start: usize,
    values: &[f64],
    states: Option<&mut AggregateStates>,
) -> Vec<Option<f64>> {
    let values = try_column(aggregate, start, values, states).unwrap();
    let values = values.cast(&polars::prelude::DataType::Float64).unwrap();
    values.f64().unwrap().iter().collect()
}

fn try_column(
    aggregate: &Aggregate,
    start: usize,
    values: &[f64],
    states: Option<&mut AggregateStates>,
) -> Result<Column> {
    let start = start as u64;
    let rows: Vec<u64> = (start..start + values.len() as u64).collect();
    let times = rows.iter().map(|row| i64::try_from(*row).unwrap());
    let times = Int64Chunked::from_iter_values("t".into(), times);
    let columns = vec![
        times.into_datetime(TimeUnit::Microseconds, None).into_column(),
        Column::new("f".into(), values),
    ];
    let frame = DataFrame::new(values.len(), columns).unwrap();
    let (dictionaries, mut cache) = (Dictionaries::default(), AggregateCache::default());
    let states = states.map(|states| states.of_step("feature"));
    let cancel = Cancel::default();
    aggregate.evaluate(&frame, &rows, None, &dictionaries, &mut cache, states, &cancel)
}

#[test]
fn a_large_value_leaves_no_residue() {
    let values = [0.1, 1e300, 0.1, 0.2, f64::NAN, f64::INFINITY, 0.3];
    let sums = evaluate_floats(&aggregate(AggregateFunction::Sum, Some(2)), &values);
    let expected = [0.1, 1e300, 1e300, 0.1 + 0.2, 0.2].map(Some);
    assert_eq!(sums[..5], expected);
    // NaN and infinities are missing values.
    assert_eq!(sums[5..], [None, Some(0.3)]);
}

#[test]
fn a_deviation_much_smaller_than_the_mean_is_exact() {
    let values: Vec<f64> = (0..100).map(|n| 1.7e9 + f64::from(n % 2) * 0.001).collect();
    let deviations = evaluate_floats(&aggregate(AggregateFunction::Stddev, Some(50)), &values);
    assert_eq!(deviations[0], None);
    let step = (1.7e9 + 0.001) - 1.7e9;
    let expected = step * (25.0 * 0.25 * 2.0 / 49.0_f64).sqrt();
    let last = deviations[99].unwrap();
    assert!((last / expected - 1.0).abs() < 1e-12, "{last}, not {expected}");
    // A square beyond the range of numbers gives no value, as long as it is in the window.
    let deviations =
        evaluate_floats(&aggregate(AggregateFunction::Stddev, Some(2)), &[1.0, 1e200, 3.0, 5.0]);
    assert_eq!(deviations, [None, None, None, Some(2.0_f64.sqrt())]);
}

#[test]
fn an_exceedance_is_a_share_of_the_range() {
    let exceedances = |window, values: &[f64]| {
        evaluate_floats(&aggregate(AggregateFunction::Exceedance, window), values)
    };
    let values = [5.0, 5.0, 7.0, 6.0, 8.0, 4.0, f64::NAN, 8.0, -4.0];
    let expected = [None, Some(0.0), Some(1.0), Some(0.0), Some(1.0 / 3.0), Some(0.25), None];
    let found = exceedances(None, &values);
    assert_eq!(found[..7], expected);
    assert_eq!(found[7..], [Some(0.0), Some(8.0 / 12.0)]);
    // The 9 is no longer in the window.
    assert_eq!(exceedances(Some(3), &[9.0, 1.0, 2.0, 3.0])[3], Some(0.5));
    // Numbers that are too far apart for their difference.
    assert_eq!(exceedances(None, &[-1.7e308, 0.0, 1.7e308])[2], Some(0.5));
}
