//! Messages about inputs: each case makes a message, applies the remedy in it as it stands there, and succeeds.

use anomal_tests::{RunOutput, Workspace, repository};

/// A file, the settings with which a message is made, and the message.
struct Case {
    file: Vec<u8>,
    /// In the input's flow mapping, behind the path.
    input: &'static str,
    /// Other settings than the input.
    rest: &'static str,
    /// The exit code with the message.
    code: i32,
    /// What the message has, the first part of which is gone with the remedy.
    parts: &'static [&'static str],
    /// The setting in the message.
    remedy: &'static str,
}

const ALL: &str = "features: [{type: field, match: '*'}]";
const TIME: &str = "timeColumn: t\nfeatures: [{type: field, name: b}]";

impl Default for Case {
    fn default() -> Self {
        Self { file: Vec::new(), input: "", rest: ALL, code: 0, parts: &[], remedy: "" }
    }
}

fn run(workspace: &Workspace, input: &str, rest: &str) -> RunOutput {
    let job = format!("input: {input}\n{rest}\noutputs: [{{csv: {{path: out.csv}}}}]\n");
    workspace.write("job.yaml", job.as_bytes());
    workspace.anomal(&["run", "job.yaml"])
}

impl Case {
    /// Makes the message, and reads the file with the remedy. Returns the results.
    #[track_caller]
    fn check(&self) -> String {
        let workspace = Workspace::with_files(&[("in.csv", &self.file)]);
        let input = |more: &str| {
            let more: String = [self.input, more]
                .iter()
                .filter(|more| !more.is_empty())
                .map(|more| format!(", {more}"))
                .collect();
            format!("{{csv: {{path: in.csv{more}}}}}")
        };
        let before = run(&workspace, &input(""), self.rest);
        before.expect(self.code, self.parts);
        before.expect(self.code, &[self.remedy]);
        let after = run(&workspace, &input(self.remedy), self.rest);
        after.expect(0, &[]);
        assert!(!after.stderr.contains(self.parts[0]), "{}", after.stderr);
        workspace.read("out.csv")
    }
}

fn lines(header: &str, rows: usize, line: impl Fn(usize) -> String) -> Vec<u8> {
    let rows = (0..rows).map(|row| line(row) + "\n").collect::<String>();
    format!("{header}\n{rows}").into_bytes()
}

#[test]
fn other_kind() {
    let parquet = std::fs::read(repository().join("tests/data/parquet/plain.parquet")).unwrap();
    let workspace = Workspace::with_files(&[("in.csv", &parquet)]);
    let remedy = "parquet: {path: in.csv}";
    run(&workspace, "{csv: {path: in.csv}}", ALL).expect(3, &["in.csv is Parquet", remedy]);
    run(&workspace, &format!("{{{remedy}}}"), ALL).expect(0, &[]);
}

#[test]
fn unsupported_kinds() {
    for (start, parts) in [
        (&b"PK\x03\x04....[Content_Types].xml"[..], ["Excel", "save the sheet as CSV UTF-8"]),
        (b"PK\x03\x04....logs.csv", ["is a zip archive", "unzip it first"]),
        (b"ElfFile\0....", ["Windows event log (EVTX)", "evtx_dump -o jsonl"]),
        (b"Obj\x01....", ["is Avro", "avro-tools tojson"]),
        (b"ORC\x08\x03....", ["is ORC", "write it as Parquet"]),
        (b"SQLite format 3\0....", ["SQLite database", "sqlite3 -csv -header"]),
        (b"\xd4\xc3\xb2\xa1....", ["capture of packets", "run Zeek or Suricata over it"]),
    ] {
        let workspace = Workspace::with_files(&[("in.csv", start), ("in.log", start)]);
        run(&workspace, "{csv: {path: in.csv}}", ALL).expect(3, &parts);
        workspace.anomal(&["init", "in.csv"]).expect(3, &parts);
        workspace.anomal(&["inspect", "in.log"]).expect(3, &parts);
    }
}

#[test]
fn encoding() {
    let results = Case {
        file: b"a,b\nM\xfcller,Caf\xe9\nx,y\n".to_vec(),
        code: 3,
        parts: &["is not UTF-8", "in.csv:2", "`M\u{fc}ller`"],
        remedy: "encoding: windows-1252",
        ..Case::default()
    }
    .check();
    assert!(results.contains("M\u{fc}ller,Caf\u{e9}"), "{results}");
}

#[test]
fn bytes_that_are_not_of_the_encoding() {
    let results = Case {
        file: b"a,b\n\x93\xfa\x96\x7b,1\n\x93\xff,2\n\x96\x7b,3\n".to_vec(),
        input: "encoding: shift_jis",
        code: 3,
        parts: &["the record has bytes that are not shift_jis", "in.csv:3"],
        remedy: "badLines: skip",
        ..Case::default()
    }
    .check();
    assert!(results.contains("\u{65e5}\u{672c},1") && results.lines().count() == 3, "{results}");
}

#[test]
fn two_dialects_that_fit_alike() {
    for remedy in ["separator: \";\"", "separator: \"|\""] {
        let results = Case {
            file: lines("a;b|c", 30, |row| format!("{row};x|{}", row % 7)),
            parts: &["so it is read as plain CSV with commas; these settings decide"],
            remedy,
            ..Case::default()
        }
        .check();
        assert!(
            results
                .lines()
                .next()
                .is_some_and(|header| header.contains("b|c") || header.contains("a;b"))
        );
    }
}

#[test]
fn columns_of_types_that_are_not_read() {
    let parquet = std::fs::read(repository().join("tests/data/parquet/reserved.parquet")).unwrap();
    let workspace = Workspace::with_files(&[("in.parquet", &parquet)]);
    let input = "{parquet: {path: in.parquet}}";
    let named = "features: [{type: field, name: x}, {type: field, name: v}]";
    let parts = ["column `x` of in.parquet can't be read", "leave it out of the settings"];
    run(&workspace, input, named).expect(3, &parts);
    let without = "features: [{type: field, name: v}]";
    run(&workspace, input, without).expect(0, &["`x` is left out, since"]);
}

#[test]
fn json_whose_records_may_be_in_two_places() {
    let array = |name: &str| {
        let records = (0..9).map(|row| format!("{{\"v\":{row}}}")).collect::<Vec<_>>().join(",");
        format!("\"{name}\":[{records}]")
    };
    let text = format!("{{{},\n{}}}", array("events"), array("errors"));
    let workspace = Workspace::with_files(&[("in.json", text.as_bytes())]);
    let remedy = "records: events";
    let features = "features: [{type: field, name: v}]";
    run(&workspace, "{json: {path: in.json}}", features)
        .expect(3, &["in.json: the records may be in", "`events`", "`errors`", remedy]);
    run(&workspace, &format!("{{json: {{path: in.json, {remedy}}}}}"), features).expect(0, &[]);
    assert_eq!(workspace.read("out.csv").lines().count(), 10);
    // In another driver, the message has the one to use.
    let remedy = "json: {path: in.json}";
    run(&workspace, "{ndjson: {path: in.json}}", features).expect(3, &["in.json", remedy]);
    // Cut off within a record.
    let input = |more: &str| format!("{{json: {{path: in.json, records: events{more}}}}}");
    let (start, _) = text.split_once("\"v\":8").unwrap();
    workspace.write("in.json", start.as_bytes());
    run(&workspace, &input(""), features)
        .expect(3, &["in.json:1", "the file ends within the record", "badLines: skip"]);
    run(&workspace, &input(", badLines: skip"), features).expect(0, &[]);
}

#[test]
fn lines_that_do_not_match_a_pattern() {
    let log: String = (0..20).map(|row| format!("[{row}] INFO took {row} ms\n")).collect();
    let workspace = Workspace::with_files(&[("in.log", format!("{log}[x] INFO\n").as_bytes())]);
    let input = |pattern: &str, more: &str| {
        format!("{{log: {{path: in.log, format: regex, pattern: '{pattern}'{more}}}}}")
    };
    let good = r"\[(?<at>\w+)\] (?<level>[A-Z]+) took (?<ms>\d+) ms";
    run(&workspace, &input(good, ""), ALL)
        .expect(3, &["in.log:21", "does not match the pattern", "badLines: skip"]);
    run(&workspace, &input(good, ", badLines: skip"), ALL).expect(0, &[]);
    run(&workspace, &input(r"(?<=x)(?<at>.*)", ""), ALL).expect(2, &["input.log.pattern", "look"]);
    run(&workspace, &input(r"(?<at>.*", ""), ALL).expect(2, &["input.log.pattern", "group"]);
}

#[test]
fn ragged() {
    let results = Case {
        file: b"a,b\n1,2\n1,2,3\n4,5\n".to_vec(),
        code: 3,
        parts: &["the record has 3 cells, and the header has 2", "in.csv:3"],
        remedy: "badLines: skip",
        ..Case::default()
    }
    .check();
    assert_eq!(results.lines().count(), 3);
}

#[test]
fn dialects() {
    Case {
        file: lines("a;b;c", 30, |row| format!("{row};{};x", row % 7)),
        parts: &["which gives 3 columns", "the same settings avoid the guess"],
        remedy: "separator: \";\"",
        ..Case::default()
    }
    .check();
    let mut title = b"A report\nof today\n\n".to_vec();
    title.extend(lines("a,b,c", 30, |row| format!("{row},{},x", row % 7)));
    Case {
        file: title,
        parts: &["the first 3 lines are skipped"],
        remedy: "skipLines: 3",
        ..Case::default()
    }
    .check();
}

#[test]
fn one_column() {
    let file = lines("h", 60, |row| format!("{row}{}", ";x".repeat(1 + row * row % 5)));
    let workspace = Workspace::with_files(&[("in.csv", &file)]);
    let parts = ["reads as one column", "`separator: \";\"`"];
    let ran = run(&workspace, "{csv: {path: in.csv}}", ALL);
    ran.expect(0, &parts);
    workspace.anomal(&["init", "in.csv"]).expect(3, &parts);
}

#[test]
fn no_header() {
    let results = Case {
        file: lines("7,2,2.5", 50, |row| format!("{row},{},2.5", row * 7 % 13)),
        parts: &["is read as the names of columns"],
        remedy: "header: false",
        ..Case::default()
    }
    .check();
    assert!(results.starts_with("column_1,column_2,column_3,"), "{results}");
}

#[test]
fn duplicate_names() {
    let workspace = Workspace::with_files(&[("in.csv", b"a,a\n1,2\n3,4\n")]);
    let remedy = "duplicateNames: error";
    run(&workspace, "{csv: {path: in.csv}}", ALL).expect(0, &["`a` is there twice", remedy]);
    run(&workspace, &format!("{{csv: {{path: in.csv, {remedy}}}}}"), ALL)
        .expect(3, &["duplicate column name `a`"]);
}

#[test]
fn codes_and_big_numbers() {
    Case {
        file: lines("a", 300, |row| format!("{:05}", row + 9_900)),
        parts: &["`a` is text because of leading zeros (in.csv:2: `09900`)"],
        remedy: "types: {a: float}",
        ..Case::default()
    }
    .check();
    let file = lines("a", 40, |row| (9_007_199_254_740_993_usize + row * 2).to_string());
    let workspace = Workspace::with_files(&[("in.csv", &file)]);
    let remedy = "kind: categorical";
    let with = |more: &str| {
        let rest = format!("features: [{{type: field, name: a{more}}}]");
        run(&workspace, "{csv: {path: in.csv}}", &rest)
    };
    with("").expect(0, &["whole numbers beyond 2^53", remedy]);
    let after = with(&format!(", {remedy}"));
    after.expect(0, &[]);
    assert!(!after.stderr.contains("2^53"), "{}", after.stderr);
}

#[test]
fn missing_values_and_strays() {
    let mut file = lines("a", 200, |row| row.to_string());
    file.extend(b"-\nNA\n1 OR 1=1\n");
    Case {
        file: file.clone(),
        parts: &["`-` once, `NA` once count as missing"],
        remedy: "nullWords: []",
        ..Case::default()
    }
    .check();
    Case {
        file,
        parts: &["count as missing: `1 OR 1=1` at in.csv:204"],
        remedy: "strays: text",
        ..Case::default()
    }
    .check();
}

#[test]
fn numbers_of_other_places() {
    Case {
        file: lines("a,b", 200, |row| format!("\"$1,{row:03},{row:03}.50\",{row}")),
        parts: &["`a` is read as numbers with decimal mark `.`"],
        remedy: "types: {a: string}",
        ..Case::default()
    }
    .check();
    Case {
        file: lines("a,b", 200, |row| format!("\"1,{row:03}\",{row}")),
        parts: &["`1,000` may have a decimal comma or separate thousands"],
        remedy: "numbers: {decimal: \",\"}",
        ..Case::default()
    }
    .check();
}

#[test]
fn times_with_two_readings() {
    Case {
        file: lines("t,b", 50, |row| format!("0{}/0{}/2025,{row}", 1 + row % 9, 1 + row % 7)),
        rest: TIME,
        code: 2,
        parts: &["`08/01/2025` at in.csv:9 is 1 August 2025 with the month first (us) and 8 January 2025"],
        remedy: "types: {t: {type: datetime, format: us}}",
        ..Case::default()
    }
    .check();
    let mut file = lines("t,b", 500, |row| format!("{},{row}", 1_700_000_000 + row));
    file.extend((0..10).flat_map(|row| format!("{}000,{row}\n", 1_700_000_000 + row).into_bytes()));
    Case {
        file,
        rest: TIME,
        code: 2,
        parts: &["several magnitudes: 500 epoch, 10 epochMillis"],
        remedy: "types: {t: {type: datetime, format: [epoch, epochMillis]}}",
        ..Case::default()
    }
    .check();
}

#[test]
fn times_of_no_known_format() {
    let results = Case {
        file: lines("t,b", 40, |row| format!("{}.3.2026 10h{row:02},{row}", 1 + row % 28)),
        rest: TIME,
        code: 2,
        parts: &["in no known format of times"],
        // The text of the file has other marks than the example of the message.
        remedy: "types: {t: {type: datetime, format: '%d.%m.%Y %H:%M'}}",
        input: "",
    };
    let workspace = Workspace::with_files(&[("in.csv", &results.file)]);
    run(
        &workspace,
        "{csv: {path: in.csv}}",
        "packs: [dns]\nfeatures: [{type: metric, name: zulu_timestamp_hour, dataNeeded: t}]",
    )
    .expect(2, &["features[0].dataNeeded", results.parts[0], results.remedy]);
    let own = results.remedy.replace("%H:%M", "%Hh%M");
    run(&workspace, &format!("{{csv: {{path: in.csv, {own}}}}}"), results.rest).expect(0, &[]);
}

#[test]
fn times_without_zone_or_year() {
    Case {
        file: lines("t,b", 50, |row| format!("2025-01-01 10:00:{row:02},{row}")),
        rest: TIME,
        parts: &["times without a zone are taken as UTC"],
        remedy: "times: {zone: Europe/Berlin}",
        ..Case::default()
    }
    .check();
    Case {
        file: lines("t,b", 50, |row| format!("Jan 10 10:00:{row:02},{row}")),
        rest: TIME,
        code: 2,
        parts: &["`Jan 10 10:00:00` at in.csv:2 has no year"],
        remedy: "times: {year: 2026}",
        ..Case::default()
    }
    .check();
}

#[test]
fn wider_types_behind_the_sample() {
    let mut file = lines("b", 10_500, |row| row.to_string());
    file.extend(b"2.1\n");
    let workspace = Workspace::with_files(&[("in.csv", &file)]);
    let message = "read again from the start, because `b` has `2.1` at in.csv:10502";
    run(&workspace, "{csv: {path: in.csv}}", ALL).expect(0, &[message, "`types` sets"]);
    let after = run(&workspace, "{csv: {path: in.csv, types: {b: float}}}", ALL);
    after.expect(0, &[]);
    assert!(!after.stderr.contains("read again"), "{}", after.stderr);
}

#[test]
fn files_that_are_cut_off() {
    let parquet = std::fs::read(repository().join("tests/data/parquet/plain.parquet")).unwrap();
    let workspace = Workspace::with_files(&[("in.parquet", &parquet[..parquet.len() / 2])]);
    let input = "{parquet: {path: in.parquet}}";
    run(&workspace, input, ALL).expect(3, &["no footer", "copy it again"]);
    workspace.write("in.parquet", &parquet);
    run(&workspace, input, ALL).expect(0, &[]);

    let text = lines("a,b", 5_000, |row| format!("{row},{}", row * row % 97));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, &text).unwrap();
    let whole = encoder.finish().unwrap();
    let workspace = Workspace::with_files(&[("in.csv.gz", &whole[..whole.len() / 2])]);
    let input = "{csv: {path: in.csv.gz}}";
    run(&workspace, input, ALL).expect(3, &["in.csv.gz", "cut off or damaged", "copy it again"]);
    workspace.write("in.csv.gz", &whole);
    run(&workspace, input, ALL).expect(0, &[]);

    Case {
        file: b"a,b\n1,2\n3,4\n3,\"x".to_vec(),
        code: 3,
        parts: &["a quote is opened and never closed", "in.csv:4"],
        remedy: "badLines: skip",
        ..Case::default()
    }
    .check();
}

#[test]
fn settings_and_commands() {
    let workspace = Workspace::with_files(&[("in.csv", b"a,b\n1,2\n3,4\n5,6\n")]);
    let refused = |job: &str, code: i32, parts: &[&str]| {
        workspace.write("job.yaml", job.as_bytes());
        workspace.anomal(&["run", "job.yaml"]).expect(code, parts);
    };
    let indented = "input:\n  csv: {path: in.csv}\n features:\n  - {type: field, name: a}\n";
    refused(indented, 2, &["job.yaml:3:2", "check the indentation"]);
    workspace.write("job.yaml", indented.replace("\n features", "\nfeatures").as_bytes());
    workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
    let missing = "input: {csv: {path: no.csv}}\nfeatures: [{type: field, name: a}]\n";
    refused(missing, 3, &["no.csv can't be read", "check the path"]);
    // A name of a temporary file never shows.
    for (path, part) in [
        ("none/out.csv", "there is no folder none"),
        ("/dev/full/x.csv", "/dev/full"),
        // A folder in which no file can be written.
        ("/proc/out.csv", "can't be written: "),
    ] {
        let job = format!(
            "input: {{csv: {{path: in.csv}}}}\nfeatures: [{{type: field, name: a}}]\noutputs: [{{csv: {{path: {path}}}}}]\n"
        );
        workspace.write("job.yaml", job.as_bytes());
        let ran = workspace.anomal(&["run", "job.yaml"]);
        ran.expect(1, &[path, part]);
        let temporary = [".tmp", ".anomal", ".part"];
        assert!(!temporary.iter().any(|name| ran.stderr.contains(name)), "{}", ran.stderr);
    }
    workspace
        .anomal(&["init", "in.csv", "--output", "/proc/job.yaml"])
        .expect(1, &["/proc/job.yaml"]);
    workspace.anomal(&["run", "nojob.yaml"]).expect(2, &["cannot read nojob.yaml"]);
    workspace.anomal(&["int", "in.csv"]).expect(2, &["unrecognized subcommand 'int'", "'init'"]);
    assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
}
