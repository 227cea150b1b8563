use std::io::{Cursor, Write};

use anomal_core::{Batch, Result};
use anomal_dataflow::{Source, read_batches};
use anomal_spec::{BadLines, JsonInput};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Elements, Frame, JsonSettings, JsonSource};
use crate::{
    json_text,
    lines::{Lines, MAX_RECORD, Shape, TOO_LONG},
    source::OpenOptions,
};

/// A record with its line, or why it is bad.
type Split = (String, u64, Option<&'static str>);

fn split(text: &[u8], frame: &Frame, block: usize) -> std::result::Result<Vec<Split>, String> {
    let lines = Lines::new(Box::new(Cursor::new(text.to_vec())), Shape::Lines, block);
    let mut elements = Elements::new(lines, frame.clone());
    let mut found = Vec::new();
    loop {
        match elements.next() {
            Ok(Some(record)) => {
                let text = String::from_utf8_lossy(record.bytes).into_owned();
                found.push((text, record.line, record.bad));
            }
            Ok(None) => return Ok(found),
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn below(path: &str) -> Frame {
    let names = path.split('.').filter(|name| !name.is_empty());
    Frame { path: names.map(str::to_owned).collect(), ..Frame::default() }
}

/// The records that are none, by place, and why.
fn bad(found: &[Split]) -> Vec<(usize, &'static str)> {
    let found = found.iter().enumerate();
    found.filter_map(|(place, record)| Some((place, record.2?))).collect()
}

#[test]
fn records_are_found_with_their_lines() {
    for (text, path, expected) in [
        ("{\"a\":1}\n{\"a\":\n2}{}", "", vec![("{\"a\":1}", 1), ("{\"a\":\n2}", 2), ("{}", 3)]),
        (
            "[\n {\"a\":1},\n {\"a\":2}\n]\n[{}]",
            "",
            vec![("{\"a\":1}", 2), ("{\"a\":2}", 3), ("{}", 5)],
        ),
        (
            "{\"x\":[1,{}],\"r\":[{\"a\":1}],\"y\":{}}\n{\"r\":[{}]}",
            "r",
            vec![("{\"a\":1}", 1), ("{}", 2)],
        ),
        ("{\"a\":{\"b\":null}}{\"a\":{\"b\":[]}}{\"a\":{\"b\":{}}}", "a.b", vec![("{}", 1)]),
        (
            "{\"a\":[{\"b\":[{\"c\":1}]},{\"b\":[{\"c\":2}]}]}",
            "a.b",
            vec![("{\"c\":1}", 1), ("{\"c\":2}", 1)],
        ),
        ("[[{}],[]]", "", vec![("[{}]", 1), ("[]", 1)]),
        ("7 \"x\" null", "", vec![("7", 1), ("\"x\"", 1), ("null", 1)]),
        ("{\"a\":1},\n{\"a\":2},\n", "", vec![("{\"a\":1}", 1), ("{\"a\":2}", 2)]),
        ("{\"\\u0072\":[{\"a\":\"\\\\\"}]}", "r", vec![("{\"a\":\"\\\\\"}", 1)]),
        ("", "", vec![]),
        ("[]", "", vec![]),
        (" \n", "r", vec![]),
    ] {
        for block in [1, 2, 7, 4096] {
            let found = split(text.as_bytes(), &below(path), block).unwrap();
            assert!(bad(&found).is_empty(), "{text}: {found:?}");
            let found: Vec<(&str, u64)> =
                found.iter().map(|record| (record.0.as_str(), record.1)).collect();
            assert_eq!(found, expected, "{text} by {block}");
        }
    }
}

#[test]
fn what_is_not_there_is_a_bad_record() {
    for (text, path, records) in [
        ("{\"a\":1}", "r", 1),
        ("[1,{\"r\":[{}]}]", "r", 2),
        ("{\"r\":7}", "r.s", 1),
        ("{\"r\":[{\"a\":1", "r", 1),
        ("{\"r\":[{\"a\":1}", "r", 2),
        ("{\"r", "r", 1),
        ("[", "", 1),
    ] {
        for block in [1, 3, 4096] {
            let found = split(text.as_bytes(), &below(path), block).unwrap();
            assert_eq!((found.len(), bad(&found).len()), (records, 1), "{text}: {found:?}");
        }
    }
}

#[test]
fn reading_goes_on_behind_a_record_that_is_no_json() {
    let pretty = "[\n  {\n    \"a\": {\"x\": 1}\n  },\n  {\n    \"a\": [1}\n  },\n  {\n    \"a\": 3\n  }\n]\n";
    for (text, path, records, place) in [
        ("{\"a\":1}\n{\"a\":\"x\n{\"a\":3}\n", "", 3, 1),
        ("{\"a\":1}\n{\"a\":\n{\"a\":3}\n{\"a\":4}\n", "", 4, 1),
        ("[{\"a\":1},\n{\"a\":[}},\n{\"a\":3}\n]", "", 3, 1),
        ("{\"r\":[\n{\"a\":1},\n{\"a\":[}},\n{\"a\":3}\n]}", "r", 3, 1),
        // A batch a line.
        ("{\"r\":[{\"a\":[}}]}\n{\"r\":[{},{}]}\n", "r", 3, 0),
        (pretty, "", 3, 1),
    ] {
        for block in [1, 5, 4096] {
            let found = split(text.as_bytes(), &below(path), block).unwrap();
            assert_eq!(found.len(), records, "{text} by {block}: {found:?}");
            let bad: Vec<usize> = bad(&found).into_iter().map(|(place, _)| place).collect();
            assert_eq!(bad, [place], "{text}: {found:?}");
        }
    }
    // Records behind are not lost without a trace.
    for text in ["[{\"a\":1},{\"a\":[}},{\"a\":3}]", "{\"r\" 1, \"s\": [{\"a\":1}]}"] {
        let error = split(text.as_bytes(), &below("r"), 4096).unwrap_err();
        assert!(error.contains("line 1: ") && error.contains("can't be found"), "{error}");
    }
}

#[test]
fn a_long_record_is_passed_in_bounded_memory() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_RECORD + (3 << 20)));
    for (text, path) in [
        (format!("[{long},{{\"b\":1}}]"), ""),
        (format!("{{\"x\":{long},\"r\":[{{\"b\":1}}]}}"), "r"),
    ] {
        let found = split(text.as_bytes(), &below(path), 1 << 20).unwrap();
        let bad = bad(&found);
        assert_eq!(found.last().unwrap().0, "{\"b\":1}");
        // What is no record may have any length.
        assert_eq!(bad, if path.is_empty() { vec![(0, TOO_LONG)] } else { vec![] });
    }
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let found = split(format!("{{\"a\":{deep}}}{{}}").as_bytes(), &below(""), 4096).unwrap();
    assert_eq!((found.len(), found[1].0.as_str()), (2, "{}"));
}

#[test]
fn records_get_members_from_around_them() {
    let frame = Frame {
        path: vec!["hits".into(), "hits".into()],
        unwrap: Some("_source".into()),
        attach: vec!["took".into(), "hits.total".into(), "gone".into(), "end".into()],
    };
    let text = r#"{"took":3,"hits":{"total":{"n":2},"hits":[{"_id":"1","_source":{"a":1}},{"_source":{}},{"_id":3}]},"end":"é"}"#;
    for block in [1, 16, 4096] {
        let found = split(text.as_bytes(), &frame, block).unwrap();
        let record = |place: usize| serde_json::from_str::<Value>(&found[place].0).unwrap();
        let around = json!({"took": 3, "end": "é", "hits.total": {"n": 2}});
        assert_eq!(record(1), around);
        let mut first = around;
        first["a"] = json!(1);
        assert_eq!(record(0), first);
        assert_eq!((found.len(), bad(&found).len(), bad(&found)[0].0), (3, 1, 2));
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a{}\\[\\]\",:\\\\\n é]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"{]{1,2}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn records() -> impl Strategy<Value = Vec<Value>> {
    let record = prop::collection::btree_map("[a-c\"]{1,2}", value(), 0..4)
        .prop_map(|map| Value::Object(map.into_iter().collect()));
    prop::collection::vec(record, 0..6)
}

#[derive(Clone, Copy, Debug)]
enum Layout {
    Compact,
    Pretty,
    Lines,
}

fn layout() -> impl Strategy<Value = Layout> {
    prop::sample::select(vec![Layout::Compact, Layout::Pretty, Layout::Lines])
}

fn text(value: &Value, layout: Layout) -> String {
    match (layout, value.as_array()) {
        (Layout::Compact, _) | (Layout::Lines, None) => value.to_string(),
        (Layout::Pretty, _) => serde_json::to_string_pretty(value).unwrap(),
        (Layout::Lines, Some(items)) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            format!("[\n{}\n]", items.join(",\n"))
        }
    }
}

/// A document with these records, and where they are.
fn document(records: &[Value], frame: u8, layout: Layout) -> (String, Frame) {
    let whole = |value: &Value| text(value, layout);
    match frame {
        0 => {
            let separator = if matches!(layout, Layout::Compact) { "" } else { "\n" };
            let records: Vec<String> = records.iter().map(whole).collect();
            (records.join(separator), below(""))
        }
        1 => (whole(&Value::from(records)), below("")),
        2 => {
            let value = json!({"a": [{"b": "]"}], "r": records, "z": {"r": [1]}});
            (whole(&value), below("r"))
        }
        3 => {
            let value = json!({"t": "}", "r": {"n": null, "s": records}, "z": 1.5});
            (whole(&value), below("r.s"))
        }
        _ => {
            let lines: Vec<String> =
                records.iter().map(|record| format!("{{\"r\":[{record}]}}")).collect();
            (lines.join("\n"), below("r"))
        }
    }
}

proptest! {
    #[test]
    fn records_are_those_of_the_whole(
        records in records(), frame in 0_u8..5, layout in layout(), block in 1_usize..40,
    ) {
        let (text, frame) = document(&records, frame, layout);
        let found = split(text.as_bytes(), &frame, block).unwrap();
        prop_assert!(bad(&found).is_empty(), "{:?}", found);
        let found: Vec<Value> =
            found.iter().map(|record| serde_json::from_str(&record.0).unwrap()).collect();
        prop_assert_eq!(found, records);
    }

    #[test]
    fn a_file_that_is_cut_off_has_the_first_records_and_at_most_one_bad_one(
        records in records(), frame in 0_u8..5, layout in layout(), block in 1_usize..40,
    ) {
        let (text, frame) = document(&records, frame, layout);
        let whole = split(text.as_bytes(), &frame, 4096).unwrap();
        for end in 0..text.len() {
            let mut found = split(&text.as_bytes()[..end], &frame, block).unwrap();
            if found.last().is_some_and(|last| last.2.is_some()) {
                found.pop();
            }
            prop_assert_eq!(&found[..], &whole[..found.len()], "{}", &text[..text.floor_char_boundary(end)]);
        }
    }

    #[test]
    fn any_text_is_split_in_the_same_way_by_any_blocks(
        text in "[{}\\[\\]\",:a1\\\\ é\n]{0,40}", path in prop::sample::select(vec!["", "a", "a.a"]), block in 1_usize..12,
    ) {
        let frame = below(path);
        prop_assert_eq!(split(text.as_bytes(), &frame, block), split(text.as_bytes(), &frame, 4096));
    }

    #[test]
    fn files_blocks_and_compression_make_no_difference(
        records in records(), layout in layout(), block in 1_usize..64, rows in 1_usize..9,
    ) {
        prop_assume!(records.iter().any(|record| record.as_object().is_some_and(|record| !record.is_empty())));
        let (text, _) = document(&records, 1, layout);
        let folder = tempfile::tempdir().unwrap();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        std::fs::write(folder.path().join("a.json"), &text).unwrap();
        std::fs::write(folder.path().join("a.json.gz"), gzip.finish().unwrap()).unwrap();
        let read = |name: &str, block, rows| cells(&folder.path().join(name).display().to_string(), block, rows);
        let expected = read("a.json", 1 << 20, 65_536).unwrap();
        prop_assert_eq!(expected.len(), records.len());
        prop_assert_eq!(read("a.json", block, rows).unwrap(), expected.clone());
        prop_assert_eq!(read("a.json.gz", block, rows).unwrap(), expected);
    }
}

/// The rows of a file, each as names and JSON texts.
fn cells(path: &str, block_bytes: usize, batch_rows: usize) -> Result<Vec<Vec<(String, String)>>> {
    let options = OpenOptions { batch_rows, block_bytes, ..OpenOptions::default() };
    let input = JsonInput { bad_lines: BadLines::Error, ..JsonInput::new(path) };
    let mut source = JsonSource::open(JsonSettings::for_json(&input), &options)?;
    let mut rows = Vec::new();
    for batch in read_batches(&mut source as &mut dyn Source) {
        let batch: Batch = batch?;
        for row in 0..batch.height() {
            let mut cells = Vec::new();
            for column in batch.raw.columns() {
                let text = match json_text::tokens(column)? {
                    Some(tokens) => tokens.get(row).unwrap_or("null").to_owned(),
                    None => column.get(row)?.to_string(),
                };
                cells.push((column.name().to_string(), text));
            }
            rows.push(cells);
        }
    }
    Ok(rows)
}
