//! Values as numbers and times, members of structs, and columns that are read again.

use super::{run_features, run_fields};

fn features(names: &[&str]) -> Vec<Vec<String>> {
    let done = run_fields("types.parquet", names).succeeded();
    names.iter().map(|name| done.csv(&format!("anomal.features.{name}"))).collect()
}

#[test]
fn numbers_are_numbers_and_times_are_seconds() {
    let names =
        ["int8", "uint64", "decimal9", "whole", "float16", "time_ms", "time_ns", "duration_ms"];
    let expected = [
        ["1", "-2", "", "-128"],
        ["1", "2", "", "9223372036854775807"],
        ["1.5", "-0.01", "", "9999999.99"],
        ["1", "-2", "", "999999999999"],
        ["0.0999755859375", "-2.5", "", "65504"],
        ["23107.123", "0", "", "86399"],
        ["23107.000000001", "0", "", "86399.999999999"],
        ["90.5", "-0.001", "", "9223372036854776"],
    ];
    assert_eq!(features(&names), expected);
}

#[test]
fn dates_and_times_are_times() {
    let names = ["date32", "date64", "seconds", "millis", "micros", "nanos", "zoned"];
    let features: String = names
        .iter()
        .map(|name| {
            format!(
                "- {{type: expression, name: f_{name}, expression: EXTRACT(YEAR FROM {name})}}\n"
            )
        })
        .collect();
    let done = run_features("types.parquet", &features).succeeded();
    for name in names {
        let last = if name == "nanos" { "2262" } else { "9999" };
        let years = done.csv(&format!("anomal.features.f_{name}"));
        assert_eq!(years, ["2021", "1969", "", last], "{name}");
    }
}

#[test]
fn members_of_structs_are_columns() {
    let found = features(&["struct.a", "struct.b", "struct.c.d"]);
    assert_eq!(found, [["1", "", "", "-128"], ["x", "", "", ""], ["1", "", "", ""]]);
}

#[test]
fn far_times_are_exact_and_count_as_missing() {
    let features = "- {type: field, name: v}\n\
         - {type: expression, name: year, expression: EXTRACT(YEAR FROM date)}\n\
         - {type: expression, name: millis_year, expression: EXTRACT(YEAR FROM millis)}\n";
    let done = run_features("far.parquet", features).succeeded();
    assert_eq!(done.csv("date"), ["1970-01-01", "+010000-01-01", "", "+5881580-07-11"]);
    let micros =
        ["1970-01-01T00:00:00Z", "+010000-01-01T00:00:00Z", "", "+294247-01-10T04:00:54.775807Z"];
    assert_eq!(done.csv("micros"), micros);
    assert_eq!(done.csv("anomal.features.year"), ["1970", "", "", ""]);
    assert_eq!(done.csv("anomal.features.millis_year"), ["1970", "", "", ""]);
    let notes = done.notes("STRAYS");
    assert!(notes[0].contains("`+010000-01-01` at row 2 of far.parquet"), "{notes:?}");
    assert_eq!(done.summary()["input"]["columns"][0]["strays"], 2);
}

#[test]
fn times_of_96_bits_are_read_whatever_their_year() {
    let near = run_fields("int96.parquet", &["v"]).succeeded();
    assert_eq!(near.csv("t")[..3], ["2021-06-09T03:02:37Z", "", "1960-01-01T00:00:00Z"]);
    let far = run_fields("int96-far.parquet", &["v"]).succeeded();
    assert_eq!(far.csv("t")[10..], ["", "9999-12-31T00:00:00Z"]);
    assert_eq!(far.json("t")[11], "\"9999-12-31T00:00:00Z\"");
    assert_eq!(far.parquet().column("t").unwrap().null_count(), 4);
}

#[test]
fn late_values_begin_the_reading_again() {
    let time = run_fields("late-time.parquet", &["v"]).succeeded();
    assert_eq!(time.csv("t")[12_000], "9999-12-31T00:00:00Z");
    let why = "`t` has `9999-12-31T00:00:00Z` at row 12001 of late-time.parquet";
    assert!(time.note("RESTARTED").ends_with(why), "{}", time.note("RESTARTED"));

    let bytes = run_fields("late-bytes.parquet", &["b"]).succeeded();
    assert_eq!(bytes.csv("b")[11_999..12_001], ["0x61", "0xff"]);
    assert_eq!(bytes.csv("anomal.features.b")[11_999..12_001], ["0x61", "0xff"]);

    let number = run_fields("late-number.parquet", &["u"]).succeeded();
    assert_eq!(number.csv("u")[12_000], "18446744073709551615");
    assert_eq!(number.csv("anomal.features.u")[12_000], "1.8446744073709552e+19");
    assert!(number.note("BIG_NUMBER").contains("kind: categorical"));
    let unused = run_fields("late-number.parquet", &["v"]).succeeded();
    assert!(unused.notes("RESTARTED").is_empty());
    assert_eq!(unused.json("u")[12_000], "18446744073709551615");
}

#[test]
fn intervals_are_iso_periods() {
    let done = run_fields("interval.parquet", &["i"]).succeeded();
    assert_eq!(done.csv("i"), ["P14M3DT4.5S", "PT0S", ""]);
}
