//! Missing values by words, and the few values that are not of their column's type.

use super::support::{fields, job, job_with_engine, run};

/// A column `cc` of labels and a column `ms` of 200 numbers, in which `ms(row)` replaces some.
fn table(ms: impl Fn(usize) -> Option<&'static str>) -> String {
    let mut csv = String::from("cc,ms\n");
    for row in 0..200 {
        let number = (30 + row % 7).to_string();
        csv.push_str(&format!("{},{}\n", ["NA", "ZA", "ZW"][row % 3], ms(row).unwrap_or(&number)));
    }
    csv
}

const FEATURES: [&str; 2] = ["cc", "ms"];

#[test]
fn words_mean_missing_in_columns_of_numbers_alone() {
    let csv = table(|row| match row {
        3 | 50 => Some("-"),
        60 => Some("N/A"),
        199 => Some("90000"),
        _ => None,
    });
    let done = run(
        "in.csv",
        csv.as_bytes(),
        &job_with_engine("csv: {path: in.csv}", &fields(&FEATURES), "KNN"),
    );
    let done = done.succeeded();
    assert_eq!(done.csv("anomal.features.ms")[3], "");
    assert_eq!(done.csv("ms")[3], "-");
    assert_eq!(done.json("ms")[2..4], ["32", "\"-\""]);
    // Namibia stays a label.
    assert_eq!(done.csv("anomal.features.cc")[0], "NA");
    let note = done.note("NULL_WORDS");
    assert!(note.contains("`ms`: `-` 2 times, `N/A` once count as missing"), "{note}");
    let summary = done.summary();
    assert_eq!(summary["input"]["columns"][0]["nullWords"]["-"], 2);
    assert_eq!(done.strays(), [0; 0]);
    assert_eq!(done.highest(), Some(199));
    // The remedy of the note.
    let text = job("csv: {path: in.csv, nullWords: []}", &fields(&FEATURES));
    let text = run("in.csv", csv.as_bytes(), &text).succeeded();
    assert_eq!(text.csv("anomal.features.ms")[3], "-");
    assert!(text.note("MIXED").contains("`ms` is text: 197 of the first 200 values are numbers"));
}

#[test]
fn words_of_other_exports_mean_missing() {
    for word in ["\\N", "NULL", "?", "(null)", "nan", "None"] {
        let csv = table(|row| (row % 20 == 4).then_some(word));
        let done = run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &fields(&FEATURES)));
        let done = done.succeeded();
        assert_eq!(done.csv("anomal.features.ms")[3..5], ["33", ""]);
        assert!(done.note("NULL_WORDS").contains(&format!("`{word}` 10 times")));
        let named = format!("csv: {{path: in.csv, nullWords: ['{word}']}}");
        let named = run("in.csv", csv.as_bytes(), &job(&named, &fields(&FEATURES))).succeeded();
        assert_eq!(named.csv("anomal.features.ms")[3..5], ["33", ""]);
    }
}

#[test]
fn numbers_beyond_64_bit_floats_count_as_missing() {
    let mut csv = String::from("x,y\n");
    for row in 0..64 {
        csv.push_str(&format!("{}.5,{}\n", row % 7, row % 5));
    }
    csv.push_str("1e308,2\nnan,3\n1e400,4\n");
    let done = run(
        "in.csv",
        csv.as_bytes(),
        &job_with_engine("csv: {path: in.csv}", &fields(&["x", "y"]), "KNN"),
    );
    let done = done.succeeded();
    assert_eq!(done.csv("anomal.features.x")[63..], ["0.5", "1e+308", "", ""]);
    let note = done.note("NULL_WORDS");
    assert!(note.contains("`nan` once") && note.contains("beyond 1.8e308` once"), "{note}");
    assert_eq!(done.csv("x")[64..], ["1e308", "nan", "1e400"]);
}

#[test]
fn strays_count_as_missing_and_their_rows_are_hits() {
    let csv = table(|row| (row == 120).then_some("1 OR 1=1"));
    let done =
        run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &fields(&FEATURES))).succeeded();
    assert_eq!(done.strays(), [120]);
    assert_eq!(done.csv("anomal.severity")[120], "low");
    assert_eq!(done.csv("anomal.features.ms")[119..121], ["30", ""]);
    assert_eq!(done.csv("ms")[120], "1 OR 1=1");
    assert_eq!(done.json("ms")[120], "\"1 OR 1=1\"");
    let note = done.note("STRAYS");
    assert!(
        note.contains("not whole numbers count as missing: `1 OR 1=1` at in.csv:122"),
        "{note}"
    );
    let summary = done.summary();
    assert_eq!(summary["input"]["columns"][0]["strays"], 1);
    let flags = summary["flags"].as_array().unwrap();
    assert_eq!(
        (flags[0]["name"].as_str(), flags[0]["rows"].as_u64()),
        (Some("stray_value"), Some(1))
    );
    let finding =
        &summary["suspects"].as_array().unwrap().iter().find(|suspect| suspect["row"] == 120);
    assert_eq!(finding.unwrap()["findings"][0], "ms=1 OR 1=1");
}

#[test]
fn results_name_the_strays_of_a_row() {
    let csv = table(|row| match row {
        120 => Some("1 OR 1=1"),
        121 => Some("-"),
        _ => None,
    });
    let settings = job("csv: {path: in.csv}", &fields(&FEATURES)).replace("[features]", "[strays]");
    for (settings, shown) in [
        (settings.clone(), "ms=1 OR 1=1"),
        (settings.replace("{path: in.csv}", "{path: in.csv, strays: text}"), ""),
    ] {
        let done = run("in.csv", csv.as_bytes(), &settings).succeeded();
        let strays = done.csv("anomal.strays");
        assert_eq!(strays[119..122], ["", shown, ""]);
        assert_eq!(done.json("anomal.strays")[119], "null");
        let parquet = done.parquet();
        let column = parquet.column("anomal.strays").unwrap().str().unwrap().clone();
        assert_eq!(column.get(120).unwrap_or_default(), shown);
        assert_eq!(column.get(119), None);
    }
    let without = run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &fields(&FEATURES)));
    assert!(!without.succeeded().workspace.read("out.csv").contains("anomal.strays"));
}

#[test]
fn strays_are_text_or_bad_if_the_settings_say_so() {
    let csv = table(|row| (row == 120).then_some("x"));
    let text = run(
        "in.csv",
        csv.as_bytes(),
        &job("csv: {path: in.csv, strays: text}", &fields(&FEATURES)),
    );
    let text = text.succeeded();
    assert_eq!(text.csv("anomal.features.ms")[120], "x");
    assert_eq!(text.strays(), [0; 0]);
    let bad =
        run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv, strays: bad}", &fields(&FEATURES)));
    bad.output.expect(3, &["in.csv:122", "`ms`", "`x` is not a whole number"]);
    let skip = job("csv: {path: in.csv, strays: bad, badLines: skip}", &fields(&FEATURES));
    let skip = run("in.csv", csv.as_bytes(), &skip).succeeded();
    assert_eq!(skip.csv("ms").len(), 199);
    // A type that the settings set takes no strays.
    let typed = run(
        "in.csv",
        csv.as_bytes(),
        &job("csv: {path: in.csv, types: {ms: float}}", &fields(&FEATURES)),
    );
    typed.output.expect(3, &["in.csv:122", "`ms`", "`x` is not a number"]);
}

#[test]
fn strays_of_json_are_values_of_other_types() {
    let record = |row: usize| match row {
        150 => "{\"ms\":\"slow\",\"v\":1}\n".to_owned(),
        row => format!("{{\"ms\":{},\"v\":{}}}\n", 30 + row % 7, row % 3),
    };
    let text: String = (0..200).map(record).collect();
    let done =
        run("in.ndjson", text.as_bytes(), &job("ndjson: {path: in.ndjson}", &fields(&["ms", "v"])));
    let done = done.succeeded();
    assert_eq!(done.strays(), [150]);
    assert_eq!(done.json("ms")[149..151], ["32", "\"slow\""]);
    assert_eq!(done.csv("anomal.features.ms")[149..151], ["32", ""]);
}

#[test]
fn without_strays_there_is_no_flag() {
    let done =
        run("in.csv", table(|_| None).as_bytes(), &job("csv: {path: in.csv}", &fields(&FEATURES)));
    let summary = done.succeeded().summary();
    assert_eq!(summary["flags"].as_array().map(Vec::len), Some(0));
    assert_eq!(summary["input"], serde_json::Value::Null);
}
