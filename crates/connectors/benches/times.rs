//! How fast times are parsed: a column of times by format, beside the same column as text.
#![expect(clippy::unwrap_used, reason = "a bench stops where something is wrong")]

use std::fmt::Write;

use anomal_connectors::{OpenOptions, open};
use anomal_dataflow::read_batches;
use anomal_spec::Input;
use divan::{Bencher, counter::ItemsCount};
use jiff::Timestamp;
use serde_json::json;

const RECORDS: i64 = 300_000;

/// A name of a format, and how jiff writes it.
const FORMATS: [(&str, &str); 10] = [
    ("iso", "%Y-%m-%dT%H:%M:%S.%3fZ"),
    ("isoBasic", "%Y%m%dT%H%M%SZ"),
    ("epochMillis", "%s%3f"),
    ("apache", "%d/%b/%Y:%H:%M:%S +0000"),
    ("rfc2822", "%a, %d %b %Y %H:%M:%S +0000"),
    ("syslog", "%b %e %H:%M:%S"),
    ("us", "%m/%d/%Y %I:%M:%S %p"),
    ("eu", "%d.%m.%Y %H:%M:%S"),
    ("dayMonth", "%d %b %Y %H:%M:%S"),
    ("%d.%m.%Y %H-%M-%S", "%d.%m.%Y %H-%M-%S"),
];

fn main() {
    divan::main();
}

fn read(bencher: Bencher, form: &str, column: &serde_json::Value) {
    let mut text = String::from("t\n");
    for record in 0..RECORDS {
        let time = Timestamp::from_millisecond(1_700_000_000_000 + record * 1_234).unwrap();
        writeln!(text, "\"{}\"", time.strftime(form)).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("times.csv");
    std::fs::write(&path, text).unwrap();
    let csv = json!({"path": path, "times": {"zone": "UTC", "year": 2023}, "types": {"t": column}});
    let input: Input = serde_json::from_value(json!({"csv": csv})).unwrap();
    bencher.counter(ItemsCount::new(RECORDS.unsigned_abs())).bench(|| {
        let mut source = open(&input, &OpenOptions::default()).unwrap();
        let schema = source.schema().to_vec();
        source.select(&schema).unwrap();
        read_batches(source).map(|batch| batch.unwrap().height()).sum::<usize>()
    });
}

/// What the parser takes is the difference from the same column as text.
#[divan::bench(args = FORMATS.map(|(name, _)| name))]
fn as_times(bencher: Bencher, name: &str) {
    let (_, form) = FORMATS.into_iter().find(|(known, _)| *known == name).unwrap();
    read(bencher, form, &json!({"type": "datetime", "format": name}));
}

#[divan::bench(args = FORMATS.map(|(name, _)| name))]
fn as_text(bencher: Bencher, name: &str) {
    let (_, form) = FORMATS.into_iter().find(|(known, _)| *known == name).unwrap();
    read(bencher, form, &json!("string"));
}
