//! `anomal inspect`, and files of other kinds.

use anomal_tests::Workspace;
use serde_json::Value;

use super::support::{Run, fields, job, run};

fn semicolons() -> String {
    let rows: String = (0..300)
        .map(|row| {
            let ms = match row {
                7 | 20 => "-".to_owned(),
                250 => "slow".to_owned(),
                row => format!("{},5", row % 40),
            };
            format!("web{};{};{ms};0{}\n", row % 4, 1000 + row, row % 7)
        })
        .collect();
    format!("Report\n\nhost;bytes;ms;zip\n{rows}")
}

#[test]
fn what_is_read_and_why() {
    let workspace = Workspace::with_files(&[("in.csv", semicolons().as_bytes())]);
    let output = workspace.anomal(&["inspect", "in.csv"]);
    let parts = [
        "in.csv: csv, utf-8, 4 columns, 300 rows",
        "another dialect, with a header, 2 lines skipped",
        "separator: \";\", skipLines: 2: 4 columns in 301 of 301 records",
        "note: DIALECT",
        "separator: ;",
        "skipLines: 2",
        "# ms: its type is left to inference",
    ];
    output.expect(0, &[]);
    for part in parts {
        assert!(output.stdout.contains(part), "{part}: {}", output.stdout);
    }
    assert_eq!(workspace.files(), ["in.csv"]);
}

/// The times of the first column do not make it a log.
#[test]
fn a_table_that_begins_with_times_is_a_table() {
    for (time, name) in [
        ("2026-03-04T05:06:07Z", "in.csv"),
        ("2026-03-04T05:06:07Z", "in.txt"),
        ("2026-03-04T05:06:07.123+01:00", "in.txt"),
        ("2026-03-04T05:06:07", "in.txt"),
        ("Mar  4 05:06:07", "in.csv"),
    ] {
        for trailing in ["", ","] {
            let row = |row: usize| format!("{time},{row},x{}{trailing}\n", row % 3);
            let text = format!("time,number,name\n{}", (0..40).map(row).collect::<String>());
            let workspace = Workspace::with_files(&[(name, text.as_bytes())]);
            let output = workspace.anomal(&["inspect", name]);
            let expected = format!("{name}: csv, utf-8, 3 columns, 40 rows");
            assert!(
                output.expect(0, &[]).stdout.starts_with(&expected),
                "{time}: {}",
                output.stdout
            );
            assert!(!output.stdout.contains("syslog"), "{time}: {}", output.stdout);
        }
    }
}

#[test]
fn as_json() {
    let workspace = Workspace::with_files(&[("in.csv", semicolons().as_bytes())]);
    let output = workspace.anomal(&["inspect", "in.csv", "--json", "--rows", "2"]);
    output.expect(0, &[]);
    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(found["rows"], 300);
    assert_eq!(found["first"].as_array().map(Vec::len), Some(2));
    assert_eq!(found["dialect"]["candidates"][0]["columns"], 4);
    let ms = &found["columns"][2];
    assert_eq!((&ms["type"], &ms["strays"]), (&"float".into(), &1.into()));
    assert_eq!(ms["nullWords"]["-"], 2);
    assert_eq!(ms["missing"], 3);
    assert_eq!(found["columns"][3]["type"], "string");
    assert_eq!(found["columns"][3]["values"][0], "00");
    assert_eq!(found["input"]["csv"]["separator"], ";");
}

/// The settings that are printed read the same, without notes about what was found out.
#[test]
fn the_settings_read_the_same() {
    let utf16: Vec<u8> =
        "\u{feff}a\tb\n1\tx\n2\ty\n3\tz\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let semicolons = semicolons();
    let inputs: [(&[u8], [&str; 2]); 7] = [
        (semicolons.as_bytes(), ["host", "bytes"]),
        (b"a,b\n1,x\n2,\"y\"\"z\"\n", ["a", "b"]),
        (&utf16, ["a", "b"]),
        (b"0,1.5,0\n0,2.5,1\n0,3.5,2\n0,4.5,7\n", ["column_2", "column_3"]),
        (b"a,b\r1,2\r3,4\r", ["a", "b"]),
        (b"a,b\n1,2,\n3,4,\n5,6,\n", ["a", "b"]),
        (b"a,b,a\n1,2,3\n4,5,6\n", ["b", "a_2"]),
    ];
    for (bytes, columns) in inputs {
        let plain =
            run("in.csv", bytes, &job("csv: {path: in.csv}", &fields(&columns))).succeeded();
        let workspace = Workspace::with_files(&[("in.csv", bytes)]);
        let output = workspace.anomal(&["inspect", "in.csv"]);
        output.expect(0, &[]);
        let (_, settings) = output.stdout.split_once("without a guess:\n").expect("settings");
        let rest = job("", &fields(&columns));
        let rest = rest.strip_prefix("input: {}\n").expect("an input");
        workspace.write("job.yaml", format!("{settings}{rest}").as_bytes());
        let output = workspace.anomal(&["run", "job.yaml", "--summary", "json"]);
        let set = Run { workspace, output }.succeeded();
        assert_eq!(set.workspace.read("out.csv"), plain.workspace.read("out.csv"));
        for reason in ["DIALECT", "ENCODING", "NO_HEADER"] {
            assert_eq!(set.notes(reason), [""; 0]);
        }
    }
}

/// `init` writes down what it has found out.
#[test]
fn a_proposal_has_the_dialect() {
    let workspace = Workspace::with_files(&[("in.csv", semicolons().as_bytes())]);
    let output = workspace.anomal(&["init", "in.csv"]);
    output.expect(0, &[]);
    assert!(output.stdout.contains("in.csv, separator: \";\", skipLines: 2}"), "{}", output.stdout);
    workspace.write("job.yaml", output.stdout.as_bytes());
    let output = workspace.anomal(&["run", "job.yaml", "--output", "out.csv", "--summary", "json"]);
    output.expect(0, &[]);
    assert!(!output.stdout.contains("DIALECT"), "{}", output.stdout);
}

#[test]
fn with_the_settings_of_a_job() {
    let types = "types: {a: {type: datetime, format: epoch}}";
    let settings =
        job(&format!("csv: {{path: other.csv, separator: \"|\", {types}}}"), &fields(&["a"]));
    let files: [(&str, &[u8]); 2] =
        [("job.yaml", settings.as_bytes()), ("in.csv", b"a|b,c\n1|2,3\n")];
    let workspace = Workspace::with_files(&files);
    let output = workspace.anomal(&["inspect", "in.csv", "--job", "job.yaml"]);
    output.expect(0, &[]);
    assert!(output.stdout.contains("2 columns, 1 row"), "{}", output.stdout);
    // What the job sets of a column stays.
    assert!(output.stdout.contains("format: epoch"), "{}", output.stdout);
}

#[test]
fn a_file_that_a_run_refuses() {
    let workspace = Workspace::with_files(&[("in.csv", b"a,b\n1,2\n3\n"), ("empty.csv", b"")]);
    workspace.anomal(&["inspect", "in.csv"]).expect(3, &["in.csv:3", "badLines: skip"]);
    workspace.anomal(&["inspect", "empty.csv"]).expect(3, &["empty.csv is empty"]);
    workspace.anomal(&["inspect", "gone.csv"]).expect(3, &["gone.csv", "check the path"]);
}

#[test]
fn kinds_that_are_no_text_are_named_with_a_remedy() {
    let cases: [(&[u8], &[&str]); 8] = [
        (
            b"PK\x03\x04\x14\0\x06\0[Content_Types].xml",
            &["is an Excel", "save the sheet as CSV UTF-8"],
        ),
        (b"PK\x03\x04\x14\0\x06\0logs.csv", &["is a zip archive", "unzip it first"]),
        (b"ElfFile\0\0\0", &["is a Windows event log", "evtx_dump -o jsonl"]),
        (b"Obj\x01\x04\x14avro", &["is Avro", "avro-tools tojson"]),
        (b"ARROW1\0\0\xff\xff\xff\xff", &["is an Arrow file", "Parquet"]),
        (b"SQLite format 3\0", &["is an SQLite database", "export a table"]),
        (b"%PDF-1.7\n", &["is a PDF document"]),
        (b"<!DOCTYPE html>\n<html>", &["is an HTML page"]),
    ];
    for (bytes, parts) in cases {
        let settings = job("csv: {path: in.csv}", &fields(&["a"]));
        let lines = job("ndjson: {path: in.csv}", &fields(&["a"]));
        let workspace = Workspace::with_files(&[
            ("in.csv", bytes),
            ("in.data", bytes),
            ("job.yaml", settings.as_bytes()),
            ("lines.yaml", lines.as_bytes()),
        ]);
        for command in [
            &["run", "job.yaml"][..],
            &["run", "lines.yaml"],
            &["init", "in.csv"],
            &["init", "in.data"],
            &["inspect", "in.csv"],
            &["inspect", "in.data"],
        ] {
            let output = workspace.anomal(command);
            output.expect(3, parts);
            output.expect(3, &[if command[1] == "in.data" { "in.data" } else { "in.csv" }]);
        }
    }
}

#[test]
fn parquet_and_json_are_found_by_content() {
    let csv = b"a,b\n1,x\n2,y\n3,x\n";
    let done = run("in.csv", csv, &job("csv: {path: in.csv}", &fields(&["a", "b"]))).succeeded();
    let workspace = done.workspace;
    for (from, name, driver) in [
        ("out.parquet", "table", "parquet"),
        ("out.ndjson", "lines.log", "ndjson"),
        ("in.csv", "x.log", "csv"),
    ] {
        workspace.write(name, &workspace.bytes(from));
        let output = workspace.anomal(&["inspect", name]);
        output.expect(0, &[]);
        assert!(output.stdout.starts_with(&format!("{name}: {driver}, ")), "{}", output.stdout);
    }
    workspace.anomal(&["init", "x.log"]).expect(0, &[]);
    // A driver that meets Parquet names the one to use.
    workspace.write("p.csv", &workspace.bytes("out.parquet"));
    workspace.write("p.yaml", job("csv: {path: p.csv}", &fields(&["a"])).as_bytes());
    workspace.anomal(&["run", "p.yaml"]).expect(3, &["p.csv is Parquet", "parquet: {path: p.csv}"]);
}
