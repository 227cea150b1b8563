//! Several files, encodings and codecs.

use anomal_tests::Workspace;

use super::{data, run_fields};
use crate::support::{Run, fields, job};

fn run_folder(folder: &str, name: &str) -> Run {
    let workspace = Workspace::default();
    for file in ["1.parquet", "2.parquet"] {
        let path = format!("{folder}/{file}");
        workspace.write(&path, &data(&path));
    }
    let settings = job(&format!("parquet: {{path: {folder}}}"), &fields(&[name]));
    workspace.write("job.yaml", settings.as_bytes());
    let output = workspace.anomal(&["run", "job.yaml", "--summary", "json"]);
    Run { workspace, output }
}

#[test]
fn columns_of_several_files_are_compared_by_what_they_mean() {
    // Other widths, units and order, and a dictionary.
    let done = run_folder("several", "n").succeeded();
    assert_eq!(done.csv("n"), ["1", "2", "3", "-128"]);
    assert_eq!(done.csv("s"), ["a", "b", "b", ""]);
    let times =
        ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00.002Z", ""];
    assert_eq!(done.csv("t"), times);
    assert_eq!(done.parquet().column("n").unwrap().i64().unwrap().get(3), Some(-128));
}

#[test]
fn values_that_do_not_fit_in_the_first_files_types_are_errors() {
    let parts = ["row 2 of too-wide/2.parquet: `n`", "int8; name a file with the wider type first"];
    run_folder("too-wide", "n").output.expect(3, &parts);
}

#[test]
fn files_with_other_columns_are_errors() {
    let parts = ["one-less/2.parquet has other columns", "`s` is only in the latter"];
    run_folder("one-less", "n").output.expect(3, &parts);
}

#[test]
fn all_codecs_and_encodings_are_read() {
    let mut texts = ["none", "snappy", "gzip", "brotli", "lz4", "zstd"].map(|codec| {
        let done = run_fields(&format!("{codec}.parquet"), &["delta", "small"]).succeeded();
        assert_eq!(done.csv("delta")[299], "89401");
        assert_eq!(done.csv("prefixes")[299], "prefix 299");
        assert_eq!(done.csv("lengths")[8], "text 1");
        assert_eq!(done.csv("split")[298..], ["37.25", "37.375"]);
        assert_eq!(done.csv("small")[299], "99");
        assert_eq!(done.csv("flag")[298..], ["false", "false"]);
        done.workspace.read("out.csv")
    });
    texts.sort();
    assert_eq!(texts[0], texts[5]);
}
