//! Every type, in every output.

use anomal_connectors::{OpenOptions, open};
use anomal_dataflow::read_batches;
use anomal_spec::{Input, ParquetInput};
use polars::prelude::DataFrame;
use polars_io::{SerReader, parquet::read::ParquetReader};

use super::{data, expected::COLUMNS, run_features, run_fields};
use crate::support::{Run, fields, job};

/// Checks the outputs of a run over types.parquet, or over what was written of it.
#[track_caller]
fn check(done: &Run) {
    for column in COLUMNS {
        let name = column.name;
        assert_eq!(done.csv(name), column.csv, "{name}");
        let json = done.json(name);
        let bare = column.csv.map(|cell| if cell.is_empty() { "null" } else { cell });
        assert_eq!(json, column.json.unwrap_or(bare), "{name}");
    }
}

#[track_caller]
fn check_types(done: &Run) {
    let file = std::fs::File::open(done.workspace.path("out.parquet")).unwrap();
    let schema = ParquetReader::new(file).schema().unwrap();
    for column in COLUMNS {
        let dtype = format!("{:?}", schema.get(column.name).unwrap().dtype);
        assert!(dtype.starts_with(column.dtype), "{}: {dtype}", column.name);
    }
}

#[test]
fn values_are_exact_in_all_outputs() {
    let done = run_fields("types.parquet", &["int32"]).succeeded();
    check(&done);
    check_types(&done);
    assert!(done.notes("UNSUPPORTED_TYPE").is_empty());
}

fn read(path: &std::path::Path) -> DataFrame {
    let parquet = ParquetInput::new(path.display().to_string());
    let input = Input::from(parquet);
    let source = open(&input, &OpenOptions::default()).unwrap();
    let mut batches = read_batches(source);
    let batch = batches.next().expect("rows").unwrap();
    assert!(batches.next().is_none());
    batch.raw
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let done = run_fields("types.parquet", &["int32"]).succeeded();
    let [before, after] =
        ["types.parquet", "out.parquet"].map(|name| read(&done.workspace.path(name)));
    for column in before.columns() {
        let name = column.name().as_str();
        let written = after.column(name).unwrap();
        match name {
            // Written as other types, float32 and text.
            "float16" | "decimal76" => {}
            // Lists of a key and a value are written without the name of maps.
            "map" => assert_ne!(column.dtype(), written.dtype()),
            name => assert_eq!(column, written, "{name}"),
        }
    }
}

#[test]
fn categories_are_the_text_of_values() {
    // Values of a struct or a list too.
    let features: String = COLUMNS
        .iter()
        .map(|column| format!("- {{type: field, name: \"{}\", kind: categorical}}\n", column.name))
        .collect();
    let done = run_features("types.parquet", &features).succeeded();
    check(&done);
    for column in COLUMNS {
        assert_eq!(
            done.csv(&format!("anomal.features.{}", column.name)),
            column.csv,
            "{}",
            column.name
        );
    }
}

#[test]
fn types_do_not_need_the_schema_of_the_writer() {
    // Durations are whole numbers without it.
    let done = run_fields("plain.parquet", &["int32"]).succeeded();
    for column in COLUMNS.iter().filter(|column| !column.name.starts_with("duration")) {
        assert_eq!(done.csv(column.name), column.csv, "{}", column.name);
    }
    assert_eq!(done.csv("duration_us"), ["90500000", "-1", "", "9223372036854775807"]);
}

#[test]
fn a_report_has_the_texts() {
    let settings = job("parquet: {path: types.parquet}", &fields(&["int32", "decimal9"]))
        + "report: {title: Types}\n";
    let files: [(&str, &[u8]); 2] =
        [("types.parquet", &data("types.parquet")), ("job.yaml", settings.as_bytes())];
    let workspace = anomal_tests::Workspace::with_files(&files);
    let store = ["--report-store", "reports"];
    workspace.anomal(&[["run", "job.yaml"], store].concat()).expect(0, &["is stored"]);
    let export = ["report", "export", "latest", "-o", "report.csv"];
    workspace.anomal(&[export.as_slice(), &store].concat()).expect(0, &[]);
    let text = workspace.read("report.csv");
    for part in ["9999999.99", "06:25:07.123", "0x00ff", "9999-12-31", "[[1.50],[]]"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}
