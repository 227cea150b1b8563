use std::sync::Arc;

use anomal_core::{
    Batch,
    proto::{Column, DataType},
};
use anomal_spec::{Input, KafkaAttach, KafkaFormat, KafkaInput};
use anomal_stream::{Chunk, Message, Messages};
use polars::prelude::AnyValue;

use super::log::{Lines, text_chunk};
use crate::{ConnectorRegistry, OpenOptions, Sample};

fn message(offset: u64, value: Option<&str>) -> Message {
    let headers = vec![
        ("tenant".to_owned(), Some("a".into())),
        ("tenant".to_owned(), Some("b".into())),
        ("other".to_owned(), None),
    ];
    let (key, value) = (Some("k".into()), value.map(|value| value.to_owned().into()));
    Message { offset, timestamp: 1_500, key, value, headers }
}

fn attach() -> KafkaAttach {
    KafkaAttach { key: "key".into(), headers: vec!["tenant".into()], ..KafkaAttach::default() }
}

fn decode(input: KafkaInput, sample: &str, messages: Vec<Message>) -> Batch {
    let json = input.format == KafkaFormat::Json;
    let input = KafkaInput { attach: attach(), ..input };
    let sample = Sample { name: "t".into(), text: sample.as_bytes().into() };
    let options = OpenOptions { sample: Some(sample), ..OpenOptions::default() };
    let lines = Lines { attach: input.attach.clone(), json };
    let mut source = ConnectorRegistry::default().open(&Input::from(input), &options).unwrap();
    let partition = Column { name: "kafka.partition".into(), data_type: DataType::Float.into() };
    source.select(&[partition]).unwrap();
    let (first, last) = (messages[0].offset, messages[messages.len() - 1].offset);
    let records = Messages { topic: Arc::from("t"), number: 3, messages };
    let chunk = Chunk { partition: 7, first, count: last + 1 - first, records };
    let chunk = text_chunk(chunk, &lines).unwrap();
    let count = chunk.records.records(chunk.count);
    let batch = source.decoder().unwrap().decode(chunk.records).unwrap();
    assert_eq!((batch.partition, batch.statistics.read), (7, count));
    assert_eq!(batch.raw.get_column_names(), source.empty().get_column_names());
    batch
}

#[test]
fn rows_have_the_offsets_and_further_columns_of_their_records() {
    let input = KafkaInput::new("k:9092", "t");
    let messages = vec![
        message(10, Some("{\"a\": 1}\n")),
        message(11, None),
        message(14, Some("{\n\"a\":\n2}")),
        message(15, Some("no JSON")),
        message(16, Some(" ")),
        message(20, Some("{\"a\": 3}")),
    ];
    let batch = decode(input, "{\"a\": 1}\n", messages);
    assert_eq!(batch.offsets(), [10, 14, 20]);
    let rejected: Vec<u64> = batch.rejected.iter().map(|record| record.row).collect();
    assert_eq!((rejected, batch.statistics.rejected), (vec![11, 15, 16], 3));
    assert!(batch.rejected[0].reason.contains("tombstone"), "{:?}", batch.rejected[0]);
    assert_eq!((batch.rejected[1].file.as_str(), batch.rejected[1].line), ("t/3", 1));
    let cell = |name: &str| batch.raw.column(name).unwrap().get(1).unwrap().to_string();
    assert_eq!(
        ["kafka.offset", "kafka.partition", "key", "kafka.headers.tenant"].map(cell),
        ["14", "3", "\"k\"", "\"b\""]
    );
    let time = batch.raw.column("kafka.timestamp").unwrap().get(0).unwrap();
    assert!(matches!(time, AnyValue::Datetime(1_500_000, ..)), "{time:?}");
    assert_eq!(batch.typed.column("kafka.partition").unwrap().f64().unwrap().get(0), Some(3.0));
}

#[test]
fn a_chunk_may_have_no_row() {
    let messages = vec![message(1, None), message(2, Some(""))];
    let batch = decode(KafkaInput::new("k:9092", "t"), "{\"a\": 1}\n", messages);
    assert_eq!((batch.height(), batch.rejected.len()), (0, 2));
}

#[test]
fn values_are_lines_of_other_formats() {
    let csv = KafkaInput {
        format: KafkaFormat::Csv,
        names: vec!["a".into(), "b".into()],
        separator: ";".into(),
        ..KafkaInput::new("k:9092", "t")
    };
    let messages = vec![
        message(1, Some("1;\"x;y\"")),
        message(2, Some("too;many;cells")),
        message(3, Some("2;z")),
    ];
    let batch = decode(csv, "1;x\n", messages);
    assert_eq!((batch.offsets(), batch.rejected.len()), (vec![1, 3], 1));
    let texts = batch.raw.column("b").unwrap().str().unwrap();
    assert_eq!(texts.iter().flatten().collect::<Vec<_>>(), ["x;y", "z"]);
    let text = KafkaInput { format: KafkaFormat::Text, ..KafkaInput::new("k:9092", "t") };
    let batch = decode(text, "one\n", vec![message(5, Some("one\ntwo"))]);
    assert_eq!(batch.raw.column("message").unwrap().str().unwrap().get(0), Some("one two"));
    let logfmt = KafkaInput { format: KafkaFormat::Logfmt, ..KafkaInput::new("k:9092", "t") };
    let batch = decode(logfmt, "level=info n=1\n", vec![message(5, Some("level=warn n=2"))]);
    assert_eq!(batch.raw.column("level").unwrap().str().unwrap().get(0), Some("warn"));
}
