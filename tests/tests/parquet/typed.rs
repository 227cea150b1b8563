//! Columns of Parquet files whose types the settings set.

use anomal_tests::Workspace;

/// A Parquet file with whole numbers of milliseconds, days as texts, and numbers as texts.
fn workspace() -> Workspace {
    let workspace = Workspace::default();
    let mut ndjson = String::new();
    for row in 0..50_u64 {
        ndjson.push_str(&format!(
            "{{\"at\": {}, \"day\": \"{:02}.03.2026\", \"amount\": \"{}.5\", \"code\": {}}}\n",
            1_772_445_600_000_u64 + row * 3_600_000,
            1 + row % 28,
            row,
            row % 3
        ));
    }
    workspace.write("in.ndjson", ndjson.as_bytes());
    let job = "input: {ndjson: {path: in.ndjson}}\nflags: [{type: direct, name: x, expression: code = 9}]\noutputs: [{parquet: {path: in.parquet}}]\n";
    workspace.write("make.yaml", job.as_bytes());
    workspace.anomal(&["run", "make.yaml", "--quiet"]).expect(0, &[]);
    workspace
}

const FEATURES: &str = "
features:
  - {type: metric, name: hour_of_day, dataNeeded: at}
  - {type: metric, name: hour_of_day, dataNeeded: day, as: midnight}
  - {type: field, name: amount}
outputs: [{csv: {path: out.csv, include: [features]}}]
";

fn run(workspace: &Workspace, types: &str) -> anomal_tests::RunOutput {
    let job = format!("input: {{parquet: {{path: plain.parquet{types}}}}}{FEATURES}");
    workspace.write("job.yaml", job.as_bytes());
    workspace.anomal(&["run", "job.yaml", "--quiet"])
}

/// The file without the columns of results, which no input may have.
fn with_plain(workspace: &Workspace) {
    use polars_io::{
        SerReader,
        parquet::{read::ParquetReader, write::ParquetWriter},
    };
    let file = std::fs::File::open(workspace.path("in.parquet")).unwrap();
    let frame = ParquetReader::new(file).finish().unwrap();
    let mut plain = frame.select(["at", "day", "amount", "code"]).unwrap();
    let file = std::fs::File::create(workspace.path("plain.parquet")).unwrap();
    ParquetWriter::new(file).finish(&mut plain).unwrap();
}

#[test]
fn settings_give_columns_other_types() {
    let workspace = workspace();
    with_plain(&workspace);
    let types = ", times: {zone: Europe/Vienna}, types: {at: {type: datetime, format: epochMillis}, \
                 day: {type: datetime, format: eu}, amount: float}";
    run(&workspace, types).expect(0, &[]);
    let results = workspace.read("out.csv");
    let mut lines = results.lines();
    assert!(lines.next().unwrap().starts_with("at,day,amount,code,anomal.row,"));
    // Outputs have the values of the file. 10:00 UTC, and midnight in Vienna.
    let first = lines.next().unwrap();
    assert!(first.starts_with("1772445600000,01.03.2026,0.5,0,0,"), "{first}");
    assert!(first.ends_with(",10,23,0.5"), "{first}");
}

#[test]
fn types_that_do_not_fit_are_refused() {
    let workspace = workspace();
    with_plain(&workspace);
    let fits = "day: {type: datetime, format: eu}, amount: float";
    let refused = |types: &str, code: i32, parts: &[&str]| {
        run(&workspace, &format!(", types: {{{types}}}")).expect(code, parts);
    };
    refused(
        &format!("{fits}, at: datetime"),
        2,
        &["input.parquet.types.at", "format: epochMillis"],
    );
    refused(&format!("{fits}, att: float"), 2, &["no column `att`; did you mean `at`?"]);
    let at = "at: {type: datetime, format: epochMillis}";
    refused(
        &format!("{at}, {fits}").replace("amount: float", "amount: integer"),
        3,
        &[
            "row 1 of plain.parquet: column `amount`: `0.5` is not a whole number",
            "input.parquet.types",
        ],
    );
    refused(
        &format!("{at}, amount: float, day: {{type: datetime, format: us}}"),
        3,
        &["row 13 of plain.parquet: column `day`: `13.03.2026`"],
    );
    refused(
        &format!("{at}, amount: {{type: float, format: eu}}"),
        2,
        &["`format` goes with `type: datetime`"],
    );
}
