//! How long it takes to write rows as documents for Elasticsearch: rows of the width of the DNS example, by field.
#![expect(clippy::unwrap_used, reason = "a bench stops where something is wrong")]

use anomal_connectors::{RunInfo, elasticsearch::documents};
use anomal_core::Batch;
use anomal_spec::Include;
use divan::{Bencher, counter::ItemsCount};
use polars::prelude::*;

const ROWS: usize = 20_000;

fn main() {
    divan::main();
}

fn text(name: &str, of: impl Fn(usize) -> String) -> Column {
    Column::new(name.into(), (0..ROWS).map(of).collect::<Vec<_>>())
}

/// Text, as CSV is read.
fn source() -> Vec<Column> {
    vec![
        text("@timestamp", |row| {
            format!("2026-03-04T05:{:02}:{:02}.123Z", row / 60 % 60, row % 60)
        }),
        text("source.ip", |row| format!("192.168.{}.{}", row / 256 % 256, row % 256)),
        text("destination.ip", |row| format!("10.0.{}.{}", row / 256 % 256, row % 256)),
        text("source.port", |row| (row % 60_000).to_string()),
        text("destination.port", |_| "53".into()),
        text("network.bytes", |row| (row % 1400).to_string()),
        text("dns.question.name", |row| format!("host-{}.example-{row}.net", row % 100)),
        text("dns.type", |_| "query".into()),
        text("dns.id", |row| (row % 65_536).to_string()),
        text("dns.response_code", |_| "NOERROR".into()),
        text("status", |_| "OK".into()),
        text("answer", |row| format!("[10.1.{}.{}]", row / 256 % 256, row % 256)),
    ]
}

fn results() -> Vec<Column> {
    let numbers = |name: &str| {
        Column::new(name.into(), (0..ROWS).map(|row| row as f64 / 7.0).collect::<Vec<_>>())
    };
    let features = ["entropy", "length", "bytes", "digits", "names", "interval", "ratio", "age"];
    let shares = Series::new("share".into(), [0.5, 0.3, 0.2]);
    let names = Series::new("feature".into(), &features[..3]);
    let reasons =
        StructChunked::from_series("".into(), 3, [names, shares].iter()).unwrap().into_series();
    let flags = Series::new("".into(), ["beaconing_detector"]);
    let mut columns = vec![
        numbers("anomal.score"),
        numbers("anomal.rank"),
        Column::new("anomal.cluster".into(), vec![1_u32; ROWS]),
        Column::new("anomal.suspicious".into(), vec![true; ROWS]),
        Column::new("anomal.severity".into(), vec!["low"; ROWS]),
        Column::new("anomal.flags".into(), vec![flags; ROWS]),
        Column::new("anomal.reasons".into(), vec![reasons; ROWS]),
        Column::new(
            "anomal.explanation".into(),
            vec![
                "entropy is 4.2, above 99 % of the rows (median 2.1); length is 60, 3 times the median";
                ROWS
            ],
        ),
    ];
    columns.extend(features.map(|name| numbers(&format!("anomal.features.{name}"))));
    columns
}

/// Leaves of the JSON, so that the time is by field.
fn leaves(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Object(fields) => fields.values().map(leaves).sum(),
        serde_json::Value::Array(items) => items.iter().map(leaves).sum(),
        _ => 1,
    }
}

#[divan::bench(sample_count = 20)]
fn fields_of_dns_alerts(bencher: Bencher<'_, '_>) {
    let source = DataFrame::new(ROWS, source()).unwrap();
    let mut batch = Batch::new((0..ROWS as u64).collect(), source, DataFrame::default()).unwrap();
    batch.results = DataFrame::new(ROWS, results()).unwrap();
    let run = RunInfo {
        job: "dns".into(),
        run: "r".into(),
        time_column: Some("@timestamp".into()),
        ..RunInfo::default()
    };
    let mut out = Vec::new();
    documents(&batch, &run, &[Include::Features], &mut out).unwrap();
    let first = out.split(|byte| *byte == b'\n').next().unwrap();
    let fields = leaves(&serde_json::from_slice(first).unwrap());
    bencher.counter(ItemsCount::new(fields * ROWS)).bench_local(|| {
        out.clear();
        documents(&batch, &run, &[Include::Features], &mut out).unwrap();
        out.len()
    });
}
