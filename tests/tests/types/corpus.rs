//! The tables of tests/data/csv in many dialects: read as three other readers do, with the dialect set and found out.

use std::collections::BTreeMap;

use anomal_tests::{Workspace, csv_records, repository};
use serde::Deserialize;

/// What `generate.py` wrote beside the files.
#[derive(Deserialize)]
struct Corpus {
    tables: BTreeMap<String, Vec<Vec<String>>>,
    files: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    table: String,
    /// The settings that say the dialect.
    settings: String,
    /// What other readers read in place of the table.
    others: BTreeMap<String, String>,
}

/// Files whose dialect is not found out: RFC 4180 reads them without a bad record, or a rule of docs/csv.md says so.
const NOT_FOUND: [(&str, &str); 13] = [
    ("comma-single-quote.csv", SINGLE_QUOTE),
    ("semicolon-single-quote.csv", SINGLE_QUOTE),
    ("tab-single-quote.csv", SINGLE_QUOTE),
    ("pipe-single-quote.csv", SINGLE_QUOTE),
    ("comma-backslash.csv", BACKSLASH),
    ("tab-backslash.csv", BACKSLASH),
    ("pipe-backslash.csv", BACKSLASH),
    ("comma-trailing.csv", TRAILING),
    ("semicolon-trailing.csv", TRAILING),
    ("tab-trailing.csv", TRAILING),
    ("pipe-trailing.csv", TRAILING),
    ("utf-16-le.csv", NO_MARK),
    ("utf-16-be.csv", NO_MARK),
];
const SINGLE_QUOTE: &str = "single quotes are looked for in files without double ones";
const BACKSLASH: &str = "three cells in each record without an escape; the note ESCAPES says it";
const TRAILING: &str = "the header ends in a separator too: a fourth column without values";
const NO_MARK: &str = "no byte order mark, and too few zeros among characters beyond Latin";

/// Other readers that are given the dialect and read something else, and why the table is right.
const DIFFERENCES: [(&str, &str, &str); 5] = [
    ("tab-backslash.csv", "duckdb", "an escape counts outside of quotes too"),
    ("pipe-backslash.csv", "duckdb", "an escape counts outside of quotes too"),
    ("utf-16-be.csv", "duckdb", "does not support the encoding"),
    ("windows-1252.csv", "duckdb", "does not support the encoding"),
    ("iso-8859-15.csv", "duckdb", "does not support the encoding"),
];

fn corpus() -> Corpus {
    let text = std::fs::read(repository().join("tests/data/csv/corpus.json")).expect("corpus.json");
    serde_json::from_slice(&text).expect("the corpus")
}

/// The cells that a run reads from a file and writes unchanged, with its notes.
fn read(entry: &Entry, settings: &str) -> Result<Vec<Vec<String>>, String> {
    let input =
        std::fs::read(repository().join("tests/data/csv").join(&entry.file)).expect("a file");
    let settings = if settings.is_empty() { String::new() } else { format!(", {settings}") };
    let job = format!(
        "input: {{csv: {{path: in.csv{settings}}}}}\n\
         flags: [{{type: direct, name: never, expression: '1 = 2', severity: low, description: none}}]\n\
         outputs: [{{csv: {{path: out.csv, rows: all}}}}]\n"
    );
    let files = [("in.csv", &input[..]), ("job.yaml", job.as_bytes())];
    let workspace = Workspace::with_files(&files);
    let output = workspace.anomal(&["run", "job.yaml"]);
    if output.code != Some(0) {
        return Err(output.stderr);
    }
    let mut records = csv_records(&workspace.read("out.csv"));
    let source = records[0].iter().position(|name| name.starts_with("anomal.")).expect("results");
    for record in &mut records {
        record.truncate(source);
    }
    Ok(records)
}

fn compare(settings: fn(&Entry) -> &str, except: &[(&str, &str)]) {
    let corpus = corpus();
    assert!(corpus.files.len() >= 70);
    let mut wrong = Vec::new();
    for entry in &corpus.files {
        let read = read(entry, settings(entry));
        let same = read.as_ref() == Ok(&corpus.tables[&entry.table]);
        let excepted = except.iter().any(|(file, _)| *file == entry.file);
        if same == excepted {
            let rows = read.map(|rows| rows.into_iter().take(3).collect::<Vec<_>>());
            wrong.push(format!("{}: {rows:?}", entry.file));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), corpus.files.len(), wrong.join("\n"));
}

#[test]
fn dialects_that_are_set() {
    compare(|entry| &entry.settings, &[]);
}

#[test]
fn dialects_that_are_found_out() {
    compare(
        // Names can't be found out, nor which table of 256 characters it is.
        |entry| match entry.settings.split_once("names: ") {
            Some(_) => &entry.settings[entry.settings.find("header").expect("header")..],
            None if entry.table == "latin" => &entry.settings,
            None => "",
        },
        &NOT_FOUND,
    );
}

#[test]
fn other_readers_read_the_same_or_the_difference_is_known() {
    let found = corpus()
        .files
        .into_iter()
        .flat_map(|entry| entry.others.into_keys().map(move |reader| (entry.file.clone(), reader)));
    let known = DIFFERENCES.map(|(file, reader, _)| (file.to_owned(), reader.to_owned()));
    let (mut found, mut known) = (found.collect::<Vec<_>>(), known.to_vec());
    found.sort();
    known.sort();
    assert_eq!(found, known);
}
