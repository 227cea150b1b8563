//! Aggregates over rows in memory, through the engine as `anomal run` calls it.
//!
//! `cargo bench -p anomal-feature --bench aggregates`

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has no result")]

use anomal_core::{
    ExtractRequest, FeatureEngine, FeatureSettings, PlanRequest, Scope, Table,
    proto::{Column, DataType},
};
use anomal_feature::LocalFeatureEngine;
use divan::{Bencher, counter::ItemsCount};
use polars::prelude::{
    Column as Values, DataFrame, Int64Chunked, IntoColumn, NewChunkedArray, StringChunked, TimeUnit,
};
use tokio::runtime::Runtime;

const ROWS: usize = 5_000_000;
const KEYS: u64 = 100_000;

fn main() {
    divan::main();
}

/// A day of events by address, nearly in the order of time, with names and bytes.
fn table() -> Table {
    let mut state = 1_u64;
    let mut random = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut addresses, mut names) = (Vec::with_capacity(ROWS), Vec::with_capacity(ROWS));
    let (mut times, mut bytes) = (Vec::with_capacity(ROWS), Vec::with_capacity(ROWS));
    for row in 0..ROWS as u64 {
        // Some addresses have many more events than others.
        let limit = 1 + random(KEYS);
        let key = random(limit);
        addresses.push(format!("10.{}.{}.{}", key >> 16, (key >> 8) & 255, key & 255));
        names.push(format!("name{}", random(50_000)));
        times.push((row * 17_280 + random(2_000_000)).cast_signed());
        bytes.push(random(1_000_000) as f64 / 8.0);
    }
    let times = Int64Chunked::from_vec("@timestamp".into(), times);
    let text = |name: &str, values: Vec<String>| {
        let values = values.iter().map(String::as_str);
        StringChunked::from_iter_values(name.into(), values).into_column()
    };
    let columns = vec![
        times.into_datetime(TimeUnit::Microseconds, None).into_column(),
        text("source.ip", addresses),
        text("name", names),
        Values::new("bytes".into(), bytes),
    ];
    Table::new((0..ROWS as u64).collect(), DataFrame::new(ROWS, columns).unwrap()).unwrap()
}

fn extract(bencher: Bencher<'_, '_>, functions: &[&str]) {
    let column =
        |name: &str, data_type: DataType| Column { name: name.into(), data_type: data_type.into() };
    let schema = vec![
        column("@timestamp", DataType::Datetime),
        column("source.ip", DataType::String),
        column("name", DataType::String),
        column("bytes", DataType::Float),
    ];
    let feature = |function: &&str| {
        let mut feature = serde_json::json!({
            "type": "aggregate", "name": function, "function": function, "by": ["source.ip"], "window": "5m",
        });
        match *function {
            "distinct" => feature["of"] = "name".into(),
            "count" | "rate" | "sinceLast" => {}
            _ => feature["of"] = "bytes".into(),
        }
        serde_json::from_value(feature).unwrap()
    };
    let settings = FeatureSettings {
        time_column: Some("@timestamp".into()),
        features: functions.iter().map(feature).collect(),
        ..FeatureSettings::default()
    };
    let (runtime, engine) = (Runtime::new().unwrap(), LocalFeatureEngine::default());
    let plan =
        runtime.block_on(engine.plan(PlanRequest { settings, schema, times: Vec::new() })).unwrap();
    let table = table();
    let columns = table.columns().select(plan.global_columns.iter().map(String::as_str));
    let table = table.with_columns(columns.unwrap()).unwrap();
    let request = ExtractRequest {
        settings: plan.settings.as_str().into(),
        columns: plan.columns,
        scope: Scope::Global,
        table,
    };
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench_local(|| runtime.block_on(engine.extract(request.clone())).unwrap());
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn count_distinct_mean(bencher: Bencher<'_, '_>) {
    extract(bencher, &["count", "distinct", "mean"]);
}

#[divan::bench(
    sample_count = 3,
    sample_size = 1,
    args = ["count", "distinct", "sum", "mean", "min", "max", "stddev", "exceedance", "rate", "share", "sinceLast"]
)]
fn function(bencher: Bencher<'_, '_>, function: &str) {
    extract(bencher, &[function]);
}
