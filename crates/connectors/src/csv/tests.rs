use anomal_core::{
    RejectedRecord, Result,
    proto::{Column, Diagnostic},
};
use anomal_dataflow::{Source, read_batches};
use anomal_spec::{BadLines, ColumnType, CsvInput, DuplicateNames};
use polars::prelude::DataFrame;
use proptest::prelude::*;

use super::format;
use crate::{
    findings::TypeFindings,
    source::{OpenOptions, data_type},
    tabular::TextSource,
};

mod dialects;

fn open(
    text: &[u8],
    change: impl FnOnce(&mut CsvInput),
    options: &OpenOptions,
) -> Result<TextSource> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.csv");
    std::fs::write(&path, text).unwrap();
    let mut input = CsvInput::new(path.to_str().unwrap());
    change(&mut input);
    format::open(&input, options)
}

fn all(source: &mut TextSource) -> Result<(Vec<u64>, Vec<Vec<String>>, Vec<RejectedRecord>)> {
    let (mut rows, mut records, mut rejected) = (vec![], vec![], vec![]);
    for batch in read_batches(source as &mut dyn Source) {
        let batch = batch?;
        rows.extend(batch.offsets());
        let columns = &batch.raw;
        for row in 0..columns.height() {
            let cell = |column: &polars::prelude::Column| {
                column.str().unwrap().get(row).unwrap().to_owned()
            };
            records.push(columns.columns().iter().map(cell).collect());
        }
        rejected.extend(batch.rejected);
    }
    Ok((rows, records, rejected))
}

fn strings(records: &[&[&str]]) -> Vec<Vec<String>> {
    records.iter().map(|record| record.iter().map(|cell| (*cell).to_owned()).collect()).collect()
}

#[test]
fn cells_are_kept_to_the_byte() {
    let text = b"\xef\xbb\xbfa,b\r\n007, x \r\n\"q\"\"q\",\"l1\nl2\"\r\n\r\n,\r\n\"in\"side,x";
    let mut source = open(text, |_| (), &OpenOptions::default()).unwrap();
    let (rows, records, _) = all(&mut source).unwrap();
    assert_eq!(rows, [0, 1, 2, 3]);
    let expected: &[&[&str]] = &[&["007", " x "], &["q\"q", "l1\nl2"], &["", ""], &["inside", "x"]];
    assert_eq!(records, strings(expected));
}

#[test]
fn a_bad_record_stops_the_run_or_is_rejected() {
    let text = b"n,t\n1,a\n2\nx,b\n3,\xff\n4,d\n";
    let select = |source: &mut TextSource| {
        let schema =
            vec![Column { name: "n".into(), data_type: data_type(ColumnType::Integer).into() }];
        source.select(&schema).unwrap();
    };
    let mut source = open(text, |_| (), &OpenOptions::default()).unwrap();
    let error = all(&mut source).err().unwrap();
    assert!(error.message.contains("in.csv:3: "), "{error}");
    let skip = |input: &mut CsvInput| input.bad_lines = BadLines::Skip;
    let mut source = open(text, skip, &OpenOptions::default()).unwrap();
    select(&mut source);
    let (rows, records, rejected) = all(&mut source).unwrap();
    assert_eq!(rows, [0, 4]);
    assert_eq!(records, strings(&[&["1", "a"], &["4", "d"]]));
    let found: Vec<_> = rejected.iter().map(|bad| (bad.row, bad.line, bad.raw.as_str())).collect();
    assert_eq!(found, [(1, 3, "2"), (2, 4, "x,b"), (3, 5, "3,\u{fffd}")]);
    assert_eq!(rejected[1].reason, "`x` is not a whole number");
}

#[test]
fn invalid_headers_are_errors() {
    let strict = |input: &mut CsvInput| input.duplicate_names = DuplicateNames::Error;
    let error = |text: &[u8]| open(text, strict, &OpenOptions::default()).err().unwrap().message;
    assert!(error(b"").contains("is empty"));
    assert!(error(b"a,b,a\n").contains("duplicate column name `a`: columns 1 and 3"));
    let source = open(b"a,,c\n", |_| (), &OpenOptions::default()).unwrap();
    let names: Vec<_> = source.schema().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a", "column_2", "c"]);
}

proptest! {
    #[test]
    fn written_records_are_read_back(
        records in prop::collection::vec(prop::collection::vec("[a\"\n\r,é ]{0,6}", 3), 0..20),
        block in 1_usize..40,
        batch in 1_usize..7,
    ) {
        let quote = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
        let mut text = String::from("x,y,z\n");
        for record in &records {
            text.push_str(&record.iter().map(quote).collect::<Vec<_>>().join(","));
            text.push('\n');
        }
        let options = OpenOptions { batch_rows: batch, block_bytes: block, ..OpenOptions::default() };
        let mut source = open(text.as_bytes(), |_| (), &options).unwrap();
        let (rows, read, rejected) = all(&mut source).unwrap();
        prop_assert_eq!(read, records.clone());
        prop_assert_eq!(rows.len(), records.len());
        prop_assert!(rejected.is_empty());
    }
}

/// Values of a column with all kinds of misfits.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        10 => "-?[0-9]{1,3}",
        3 => "[0-9]{1,2}[.][0-9]{1,2}",
        1 => prop::sample::select(vec!["-", "NA", "x", "007", "true", "2024-01-02", "1,234", "$5", ""]).prop_map(str::to_owned),
    ]
}

/// The typed columns and the notes of a table, or the error.
fn typed(text: &str, options: &OpenOptions) -> (String, Vec<Diagnostic>) {
    let options = OpenOptions { findings: TypeFindings::for_run(), ..options.clone() };
    let mut source = open(text.as_bytes(), |_| (), &options).unwrap();
    let schema = source.schema().to_vec();
    source.select(&schema).unwrap();
    let mut rows: Option<DataFrame> = None;
    for batch in read_batches(&mut source as &mut dyn Source) {
        let typed = match batch {
            Ok(batch) => batch.typed,
            Err(error) => return (error.message, Vec::new()),
        };
        match &mut rows {
            Some(rows) => {
                rows.vstack_mut(&typed).unwrap();
            }
            none => *none = Some(typed),
        }
    }
    let rows = rows.unwrap_or_default();
    let columns = rows.columns().iter().map(|column| {
        let values: Vec<String> =
            column.as_materialized_series().iter().map(|value| format!("{value:?}")).collect();
        format!("{} {}: {}\n", column.name(), column.dtype(), values.join(" "))
    });
    let place = |mut note: Diagnostic| {
        // The folder is another one each time.
        note.message = note.message.split('/').filter(|part| !part.starts_with(".tmp")).collect();
        note
    };
    let columns: Vec<String> = columns.collect();
    (columns.concat(), options.findings.notes("input.csv").into_iter().map(place).collect())
}

proptest! {
    #[test]
    fn blocks_and_batches_do_not_change_types(
        values in prop::collection::vec((value(), value()), 1..150),
        block in 1_usize..40,
        batch in 1_usize..30,
    ) {
        let mut text = String::from("a,b\n");
        for (a, b) in &values {
            text.extend(["\"", a, "\",\"", b, "\"\n"]);
        }
        let options = OpenOptions { batch_rows: batch, block_bytes: block, ..OpenOptions::default() };
        prop_assert_eq!(typed(&text, &options), typed(&text, &OpenOptions::default()));
    }
}
