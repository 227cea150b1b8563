//! JSON, times and logs as other readers read them. `generate.py` in tests/data/oracles asks those and writes the files.

use std::collections::{BTreeMap, BTreeSet};

use anomal_tests::repository;
use serde::{Deserialize, de::DeserializeOwned};

use super::support::{fields, run};

/// Texts by the name of their column.
type Cells = BTreeMap<String, String>;

fn oracle<T: DeserializeOwned>(name: &str) -> T {
    let text = std::fs::read(repository().join("tests/data/oracles").join(name)).expect(name);
    serde_json::from_slice(&text).expect(name)
}

/// A job that reads a file and writes all rows as CSV.
fn job(input: &str, features: &str) -> String {
    format!(
        "input: {{{input}}}\nfeatures:\n{features}\
         flags: [{{type: direct, name: never, expression: '1 = 2', severity: low, description: none}}]\n\
         outputs: [{{csv: {{path: out.csv, rows: all, include: [features]}}}}]\n"
    )
}

#[derive(Deserialize)]
struct Json {
    files: Vec<JsonFile>,
    expected: Vec<Cells>,
    /// Members that DuckDB gives another text, with the text and that.
    duckdb: BTreeMap<String, Cells>,
}

#[derive(Deserialize)]
struct JsonFile {
    name: String,
    records: String,
    text: String,
}

#[test]
fn json_is_read_as_by_python() {
    let json: Json = oracle("json.json");
    assert!(json.files.len() >= 8 && json.expected.len() >= 60);
    let names: BTreeSet<&String> = json.expected.iter().flat_map(BTreeMap::keys).collect();
    for file in &json.files {
        for records in ["", &format!(", records: '{}'", file.records)] {
            let settings = job(&format!("json: {{path: in.json{records}}}"), &fields(&["row"]));
            let done = run("in.json", file.text.as_bytes(), &settings).succeeded();
            for name in &names {
                let wanted = |row: &Cells| row.get(*name).cloned().unwrap_or_default();
                let wanted: Vec<String> = json.expected.iter().map(wanted).collect();
                assert_eq!(done.csv(name), wanted, "`{name}` of {} {records}", file.name);
            }
        }
    }
}

/// DuckDB changes how some numbers are written, and nothing else. What is written is what was read.
#[test]
fn duckdb_reads_the_same_json_apart_from_the_text_of_numbers() {
    let json: Json = oracle("json.json");
    for texts in json.duckdb.values() {
        for (text, other) in texts {
            let numbers = |text: &str| -> Vec<f64> {
                let parts = text.split(|mark: char| "[]{},:\"".contains(mark));
                parts.filter_map(|part| part.parse().ok()).collect()
            };
            assert!(text != other && !numbers(text).is_empty());
            assert_eq!(numbers(text), numbers(other), "{text} {other}");
        }
    }
}

#[derive(Deserialize)]
struct Times {
    columns: Vec<TimeColumn>,
}

#[derive(Deserialize)]
struct TimeColumn {
    format: String,
    #[serde(default)]
    zone: Option<String>,
    texts: Vec<String>,
    seconds: Vec<String>,
}

#[test]
fn times_are_read_as_by_other_readers() {
    let times: Times = oracle("times.json");
    assert!(times.columns.len() >= 30);
    for column in &times.columns {
        let zone = column.zone.as_ref().map(|zone| format!(", zone: {zone}")).unwrap_or_default();
        let types = format!("{{t: {{type: datetime, format: '{}'{zone}}}}}", column.format);
        let input = format!("csv: {{path: in.csv, types: {types}}}");
        let rows: String = column.texts.iter().map(|text| format!("\"{text}\",1\n")).collect();
        let done = run("in.csv", format!("t,b\n{rows}").as_bytes(), &job(&input, &fields(&["t"])))
            .succeeded();
        assert_eq!(done.csv("t"), column.texts);
        let read = done.csv("anomal.features.t");
        for ((text, wanted), read) in column.texts.iter().zip(&column.seconds).zip(&read) {
            let (wanted, found): (f64, f64) = (wanted.parse().unwrap(), read.parse().unwrap());
            let near = (wanted - found).abs() < 2e-6;
            assert!(near, "{} {zone}: `{text}` is {wanted}, not {found}", column.format);
        }
    }
}

#[derive(Deserialize)]
struct Logs {
    files: Vec<LogFile>,
}

#[derive(Deserialize)]
struct LogFile {
    name: String,
    format: String,
    text: String,
    cells: Vec<Cells>,
}

#[test]
fn logs_are_cut_as_by_regular_expressions_and_pandas() {
    let logs: Logs = oracle("logs.json");
    assert!(logs.files.len() >= 8);
    for file in &logs.files {
        for format in [file.format.as_str(), "auto"] {
            let input = format!("log: {{path: in.log, format: {format}}}");
            let first = file.cells[0].keys().next().expect("a column");
            let features = format!("- {{type: field, name: '{first}', kind: categorical}}\n");
            let done = run("in.log", file.text.as_bytes(), &job(&input, &features)).succeeded();
            for name in file.cells[0].keys() {
                let wanted: Vec<&String> = file.cells.iter().map(|row| &row[name]).collect();
                let read = done.csv(name);
                for (row, (read, wanted)) in read.iter().zip(&wanted).enumerate() {
                    assert_eq!(&read, wanted, "`{name}` of row {row} of {} {format}", file.name);
                }
                assert_eq!(read.len(), wanted.len());
            }
        }
    }
}
