//! JSON values are written as they were read.

use polars::prelude::DataType;

use super::support::{fields, job, run};

#[test]
fn whole_numbers_beyond_64_bits_keep_their_digits() {
    let record = |row: u64| {
        let (long, flow) = (9_232_379_236_109_516_800 + row, 9_007_199_254_740_993 + 2 * row);
        format!("{{\"keywords\":{long},\"flow\":{flow},\"bytes\":{}}}\n", 500 + row)
    };
    let text: String = (0..40).map(record).collect();
    let done =
        run("in.ndjson", text.as_bytes(), &job("ndjson: {path: in.ndjson}", &fields(&["bytes"])));
    let done = done.succeeded();
    for cells in [done.csv("keywords"), done.json("keywords")] {
        assert_eq!(cells[39], "9232379236109516839");
    }
    for cells in [done.csv("flow"), done.json("flow")] {
        assert_eq!(cells[39], "9007199254741071");
    }
    let parquet = done.parquet();
    let keywords = parquet.column("keywords").unwrap();
    assert_eq!(keywords.str().unwrap().get(39), Some("9232379236109516839"));
    assert_eq!(parquet.column("flow").unwrap().i64().unwrap().get(39), Some(9_007_199_254_741_071));
}

#[test]
fn one_fraction_does_not_change_the_others() {
    let mut text: String = (0..30_u64)
        .map(|row| format!("{{\"id\":{},\"v\":{}}}\n", 9_007_199_254_740_993 + 2 * row, row % 5))
        .collect();
    text.push_str("{\"id\":1.5,\"v\":2}\n");
    let done =
        run("in.ndjson", text.as_bytes(), &job("ndjson: {path: in.ndjson}", &fields(&["v"])));
    let done = done.succeeded();
    for cells in [done.csv("id"), done.json("id")] {
        assert_eq!((cells[0].as_str(), cells[30].as_str()), ("9007199254740993", "1.5"));
    }
}

#[test]
fn numbers_keep_their_spelling() {
    let text =
        "{\"x\":1.50,\"n\":-0}\n{\"x\":1e3,\"n\":7}\n{\"x\":2,\"n\":8}\n{\"x\":null,\"n\":9}\n";
    let done =
        run("in.ndjson", text.as_bytes(), &job("ndjson: {path: in.ndjson}", &fields(&["x", "n"])));
    let done = done.succeeded();
    assert_eq!(done.json("x"), ["1.50", "1e3", "2", "null"]);
    assert_eq!(done.csv("x"), ["1.50", "1e3", "2", ""]);
    assert_eq!(done.json("n"), ["-0", "7", "8", "9"]);
    assert_eq!(done.csv("anomal.features.x"), ["1.5", "1000", "2", ""]);
    let parquet = done.parquet();
    assert_eq!(parquet.column("x").unwrap().f64().unwrap().get(1), Some(1000.0));
}

#[test]
fn numbers_and_texts_in_one_name_stay_what_they_are() {
    let text: String = (0..40)
        .map(|row| match row % 2 {
            0 => format!("{{\"acc\":\"53{row}\",\"v\":{row}}}\n"),
            _ => format!("{{\"acc\":32395,\"v\":{row}}}\n"),
        })
        .collect();
    let done = run(
        "in.ndjson",
        text.as_bytes(),
        &job("ndjson: {path: in.ndjson}", &fields(&["acc", "v"])),
    );
    let done = done.succeeded();
    assert_eq!(done.json("acc")[..2], ["\"530\"", "32395"]);
    assert_eq!(done.csv("acc")[..2], ["530", "32395"]);
    let note = done.note("MIXED");
    assert!(
        note.contains("`acc` is text: 20 of the first 40 values are numbers and 20 are not"),
        "{note}"
    );
    // The remedy of the note.
    let typed = job("ndjson: {path: in.ndjson, types: {acc: float}}", &fields(&["acc", "v"]));
    let typed = run("in.ndjson", text.as_bytes(), &typed).succeeded();
    assert_eq!(typed.json("anomal.features.acc")[..2], ["530.0", "32395.0"]);
    assert_eq!(typed.json("acc")[..2], ["\"530\"", "32395"]);
}

#[test]
fn lists_are_json_in_json() {
    let text = "{\"a\": [1.50, {\"b\": \"\\u00fc\"}], \"v\": 1}\n{\"a\": \"x\", \"v\": 2}\n{\"a\": [], \"v\": 3}\n";
    let done =
        run("in.ndjson", text.as_bytes(), &job("ndjson: {path: in.ndjson}", &fields(&["v"])));
    let done = done.succeeded();
    assert_eq!(done.json("a"), ["[1.50,{\"b\":\"ü\"}]", "\"x\"", "[]"]);
    let parquet = done.parquet();
    let lists = parquet.column("a").unwrap();
    assert_eq!(lists.dtype(), &DataType::String);
    assert_eq!(lists.str().unwrap().get(0), Some("[1.50,{\"b\":\"ü\"}]"));
}
