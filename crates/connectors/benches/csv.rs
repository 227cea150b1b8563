//! How fast CSV is read: a log in the shape of the DNS example, from the page cache.
#![expect(clippy::unwrap_used, reason = "a bench stops where something is wrong")]

use std::{fmt::Write, path::PathBuf};

use anomal_connectors::{OpenOptions, open};
use anomal_core::proto::Column;
use anomal_dataflow::read_batches;
use anomal_spec::{CsvInput, Input};
use divan::{Bencher, counter::BytesCount};

const RECORDS: usize = 300_000;

fn main() {
    divan::main();
}

/// A file of [`RECORDS`] records; in every `quoted`-th one a cell is quoted.
fn log(quoted: usize) -> (tempfile::TempDir, PathBuf) {
    let mut text = String::from(
        "id,@timestamp,bytes_in,client.bytes,destination.ip,dns.question.name,dns.response_code,dns.type,\
         network.bytes,source.ip,status,client.port,destination.port,dns.flags.authentic_data,dns.id,\
         dns.answers.data\n",
    );
    for record in 0..RECORDS {
        let mixed = record.wrapping_mul(2_654_435_761) >> 7;
        let answer = if record % quoted == 0 {
            "\"[10.1.2.3\"\";\"\"cdn.example.net]\""
        } else {
            "10.1.2.3"
        };
        writeln!(
            text,
            "AXw-{mixed:010x},2022-11-02T13:{:02}:{:02}.123Z,{},{},10.0.{}.{},host-{}.example-{}.net,NOERROR,query,\
             {},192.168.7.{},OK,{},53,false,{},{answer}",
            record / 60 % 60,
            record % 60,
            mixed % 400,
            mixed % 300,
            mixed % 256,
            record % 256,
            mixed % 5000,
            mixed % 977,
            mixed % 900,
            mixed % 64,
            1024 + mixed % 60_000,
            mixed % 65_536,
        )
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

/// Reads all, typing the columns that are named.
fn read(bencher: Bencher, quoted: usize, selected: &[&str]) {
    let (_folder, path) = log(quoted);
    let bytes = std::fs::metadata(&path).unwrap().len();
    let input = Input { csv: Some(CsvInput::new(path.to_str().unwrap())), ..Input::default() };
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let mut source = open(&input, &OpenOptions::default()).unwrap();
        let chosen: Vec<Column> = source
            .schema()
            .iter()
            .filter(|column| selected.contains(&column.name.as_str()))
            .cloned()
            .collect();
        source.select(&chosen).unwrap();
        let mut rows = 0;
        for batch in read_batches(source) {
            rows += batch.unwrap().height();
        }
        assert_eq!(rows, RECORDS);
    });
}

#[divan::bench(sample_count = 10)]
fn text(bencher: Bencher) {
    read(bencher, usize::MAX, &[]);
}

#[divan::bench(sample_count = 10)]
fn text_quoted(bencher: Bencher) {
    read(bencher, 4, &[]);
}

#[divan::bench(sample_count = 10)]
fn six_columns_typed(bencher: Bencher) {
    read(
        bencher,
        4,
        &[
            "@timestamp",
            "client.bytes",
            "network.bytes",
            "dns.question.name",
            "source.ip",
            "dns.answers.data",
        ],
    );
}
