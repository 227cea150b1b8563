use anomal_core::{Batch, Result, proto::DataType as Type};
use anomal_dataflow::{Source, read_batches};
use anomal_spec::{BadLines, NdjsonInput};

use super::source::NdjsonSource;
use crate::{json_text, source::OpenOptions, typing::INFER_FROM};

fn open(text: &str, skip: bool) -> Result<NdjsonSource> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.ndjson");
    std::fs::write(&path, text).unwrap();
    let mut input = NdjsonInput::new(path.to_str().unwrap());
    input.bad_lines = if skip { BadLines::Skip } else { BadLines::Error };
    NdjsonSource::open(&input, &OpenOptions::default())
}

#[test]
fn nested_objects_are_flattened_and_types_kept() {
    let text = r#"{"a": {"b": 1, "c": [1, "x"]}, "t": "2022-11-02T13:04:05Z", "f": 1, "ok": true}
{"a": {"b": 2}, "f": 2.5, "s": "x"}

{"a": {"b": null}, "f": null}
"#;
    let mut source = open(text, false).unwrap();
    let schema: Vec<_> = source.schema().iter().map(|c| (c.name.as_str(), c.data_type())).collect();
    let expected = [
        ("a.b", Type::Integer),
        ("a.c", Type::String),
        ("t", Type::Datetime),
        ("f", Type::Float),
        ("ok", Type::Boolean),
        ("s", Type::String),
    ];
    assert_eq!(schema, expected);
    let batches: Vec<Batch> =
        read_batches(&mut source as &mut dyn Source).map(Result::unwrap).collect();
    assert_eq!(batches.len(), 1);
    let columns = &batches[0].raw;
    assert_eq!(columns.height(), 3);
    let lists = json_text::to_plain(columns.column("a.c").unwrap()).unwrap();
    assert_eq!(lists.str().unwrap().get(0), Some("[1,\"x\"]"));
    assert_eq!(columns.column("a.b").unwrap().null_count(), 1);
}

#[test]
fn bad_lines_stop_the_run_or_are_rejected() {
    let mut text = "{\"n\": 1}\n".repeat(INFER_FROM);
    text.push_str("{\"n\": \"x\"}\n[1]\n{\"n\": \n{\"n\": 5}\n");
    let source: Box<dyn Source> = Box::new(open(&text, false).unwrap());
    let error = read_batches(source).next().unwrap().err().unwrap();
    assert!(error.message.contains("in.ndjson:10001"), "{error}");
    let mut source = open(&text, true).unwrap();
    let batch = read_batches(&mut source as &mut dyn Source).next().unwrap().unwrap();
    let rows: Vec<u64> = batch.rejected.iter().map(|bad| bad.row).collect();
    assert_eq!(rows, [10_000, 10_001, 10_002]);
    assert_eq!(batch.offsets().last(), Some(&10_003));
}
