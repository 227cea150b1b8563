use anomal_core::{Batch, Result, proto::DataType as Type};
use anomal_dataflow::{Source, read_batches};
use anomal_spec::{BadLines, NdjsonInput};
use proptest::prelude::*;

use crate::{
    json::{JsonSettings, JsonSource},
    json_text,
    source::OpenOptions,
    typing::INFER_FROM,
};

fn open(text: &str, skip: bool) -> Result<JsonSource> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.ndjson");
    std::fs::write(&path, text).unwrap();
    let mut input = NdjsonInput::new(path.to_str().unwrap());
    input.bad_lines = if skip { BadLines::Skip } else { BadLines::Error };
    JsonSource::open(JsonSettings::for_ndjson(&input), &OpenOptions::default())
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

/// JSON values of one name, by their text.
fn token() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => any::<i8>().prop_map(|number| number.to_string()),
        2 => "-?[1-9][0-9]{0,20}([.][0-9]{1,3})?(e[-+]?[0-9]{1,2})?",
        1 => prop::sample::select(vec!["true", "\"x\"", "\"5\"", "[1.50,\"é\"]", "null", "-0"]).prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn values_are_stored_as_they_were_read(tokens in prop::collection::vec(token(), 1..60), batch in 1_usize..20) {
        let lines: Vec<String> = tokens.iter().map(|token| format!("{{\"x\": {token}}}\n")).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.ndjson");
        std::fs::write(&path, lines.concat()).unwrap();
        let input = NdjsonInput::new(path.to_str().unwrap());
        let options = OpenOptions { batch_rows: batch, ..OpenOptions::default() };
        let mut source = JsonSource::open(JsonSettings::for_ndjson(&input), &options).unwrap();
        let mut stored = Vec::new();
        for batch in read_batches(&mut source as &mut dyn Source) {
            let column = batch.unwrap().raw.column("x").unwrap().clone();
            let strings = column.dtype() == &polars::prelude::DataType::String;
            let texts = json_text::tokens(&column).unwrap();
            for row in 0..column.len() {
                let value = column.get(row).unwrap();
                stored.push(match &texts {
                    Some(texts) => texts.get(row).unwrap_or("null").to_owned(),
                    None if value.is_null() => "null".to_owned(),
                    None if strings => format!("\"{}\"", value.get_str().unwrap()),
                    None => value.to_string(),
                });
            }
        }
        prop_assert_eq!(stored, tokens);
    }
}
