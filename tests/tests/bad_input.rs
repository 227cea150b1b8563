//! Bad input and bad settings: `anomal` exits with the right code and a message with a remedy, and leaves no partial
//! file.

use anomal_tests::{RunOutput, Workspace};

const JOB: &str = "
input: {csv: {path: in.csv}}
features:
  - {type: field, name: a}
  - {type: field, name: b}
classification: {engine: Gower}
outputs: [{csv: {path: out.csv}}]
";

fn run_job(csv: &[u8]) -> (Workspace, RunOutput) {
    run_job_with(csv, JOB)
}

fn run_job_with(csv: &[u8], job: &str) -> (Workspace, RunOutput) {
    let workspace = Workspace::with_files(&[("in.csv", csv), ("job.yaml", job.as_bytes())]);
    let output = workspace.anomal(&["run", "job.yaml"]);
    (workspace, output)
}

/// Asserts the exit code and the message, and that no file was left.
#[track_caller]
fn expect_failure(csv: &[u8], code: i32, parts: &[&str]) {
    let (workspace, output) = run_job(csv);
    output.expect(code, parts);
    assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
}

/// Asserts success with this number of result rows.
#[track_caller]
fn expect_rows(csv: &[u8], rows: usize) -> Workspace {
    let (workspace, output) = run_job(csv);
    output.expect(0, &[]);
    let mut lines = csv_lines(&workspace.read("out.csv"));
    assert_eq!(lines.remove(0)[..2], ["a", "b"]);
    assert_eq!(lines.len(), rows);
    workspace
}

/// The cells of a CSV text without quotes.
fn csv_lines(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn empty_file() {
    expect_failure(b"", 3, &["in.csv", "empty"]);
}

#[test]
fn header_only() {
    expect_rows(b"a,b\n", 0);
}

#[test]
fn single_row_has_no_score() {
    let workspace = expect_rows(b"a,b\n1,2\n", 1);
    assert!(workspace.read("out.csv").contains("\n1,2,0,,,,false,"));
}

#[test]
fn no_column_matches() {
    expect_failure(b"x,y\n1,2\n", 2, &["a", "x, y"]);
}

#[test]
fn missing_column_suggests_the_nearest() {
    expect_failure(b"aa,b,c\n1,2,3\n", 2, &["`a`", "aa"]);
}

#[test]
fn unclosed_quote() {
    expect_failure(b"a,b\n1,\"2\n3,4\n", 3, &["in.csv:2", "quote"]);
}

#[test]
fn ragged_rows() {
    expect_failure(b"a,b\n1,2\n3\n", 3, &["in.csv:3", "badLines: skip"]);
    expect_failure(b"a,b\n1,2\n3,4,5\n", 3, &["in.csv:3"]);
}

#[test]
fn skipped_ragged_rows_go_to_the_dead_letter_file() {
    let job = JOB.replace("path: in.csv", "path: in.csv, badLines: skip");
    let (workspace, output) = run_job_with(b"a,b\n1,2\n3\n4,5\nx,6\n", &job);
    output.expect(0, &["rejected"]);
    let rejected = workspace.read("job.rejected.ndjson");
    let lines: Vec<serde_json::Value> =
        rejected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["row"], 1);
    assert_eq!(lines[0]["line"], 3);
    assert_eq!(lines[0]["raw"], "3");
    // The other rows keep their numbers.
    let rows: Vec<String> =
        csv_lines(&workspace.read("out.csv")).iter().skip(1).map(|row| row[2].clone()).collect();
    assert!(rows.starts_with(&["0".into(), "2".into()]), "{rows:?}");
}

#[test]
fn nul_bytes_and_invalid_utf8() {
    // NUL is text, and is written as it was read.
    let workspace = expect_rows(b"a,b\n1,\x00x\n2,y\n", 2);
    assert!(workspace.read("out.csv").contains("\n1,\0x,0,"));
    expect_failure(b"a,b\n1,\xff\xfe\n2,y\n", 3, &["in.csv:2", "UTF-8"]);
}

#[test]
fn line_of_100_megabytes() {
    let mut csv = b"a,b\n1,".to_vec();
    csv.resize(100_000_000, b'x');
    csv.extend(b"\n2,y\n");
    expect_failure(&csv, 3, &["in.csv:2", "16 MiB"]);
    let job = JOB.replace("path: in.csv", "path: in.csv, badLines: skip");
    let (workspace, output) = run_job_with(&csv, &job);
    output.expect(0, &["rejected"]);
    assert!(workspace.read("out.csv").contains("\n2,y,1,"));
    assert!(workspace.read("job.rejected.ndjson").len() < 10_000);
}

#[test]
fn record_of_17_mebibytes() {
    let mut csv = b"a,b\n1,\"".to_vec();
    csv.resize(17 << 20, b'\n');
    csv.extend(b"\"\n2,y\n");
    expect_failure(&csv, 3, &["in.csv:2", "16 MiB"]);
}

#[test]
fn byte_order_mark_and_windows_line_ends() {
    let workspace = expect_rows(b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n5,9\r\n", 3);
    assert!(workspace.read("out.csv").starts_with("a,b,anomal.row"));
}

#[test]
fn text_in_a_number_column_after_the_inferred_rows() {
    let mut csv = String::from("a,b\n");
    for row in 0..900_000 {
        csv.push_str(&format!("{},{}\n", row % 97, row % 7));
    }
    csv.push_str("1,seven\n");
    let job = JOB.replace("classification: {engine: Gower}", "classification: {engine: HBOS}");
    // It counts as missing, unless the settings set the type.
    let (_, output) = run_job_with(csv.as_bytes(), &job);
    output.expect(0, &["note:", "`b`", "`seven` at in.csv:900002", "strays: bad"]);
    let job = job.replace("path: in.csv", "path: in.csv, types: {b: integer}");
    let (_, output) = run_job_with(csv.as_bytes(), &job);
    output.expect(3, &["in.csv:900002", "`b`", "seven", "csv.types"]);
}

#[test]
fn columns_of_nulls_and_constants() {
    expect_rows(b"a,b\n,1\n,1\n,1\n", 3);
    expect_rows(b"a,b\n1,x\n1,x\n1,x\n", 3);
}

#[test]
fn infinities_and_nan_count_as_missing_with_a_note() {
    let (_, output) = run_job(b"a,b\n1.5,1\ninf,2\nNaN,3\n-inf,4\n2.5,5\n");
    output.expect(0, &["note:", "missing"]);
}

#[test]
fn million_distinct_categories() {
    const ROWS: usize = 1_000_000;
    const OUTLIER: usize = 123_456;
    let mut csv = String::from("a,b\n");
    for row in 0..ROWS {
        // Each of the other values of `b` is equally frequent, but for the outlier's own.
        csv.push_str(&format!("host-{row},{}\n", if row == OUTLIER { 1_000 } else { row % 10 }));
    }
    let job = JOB.replace("classification: {engine: Gower}", "classification: {engine: HBOS}");
    let (workspace, output) = run_job_with(csv.as_bytes(), &job);
    output.expect(0, &["1,000,000 rows"]);
    let results = workspace.read("out.csv");
    let scores: Vec<f64> = results
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(3).expect("a score").parse().expect("a number"))
        .collect();
    assert_eq!(scores.len(), ROWS);
    assert!(scores.iter().all(|score| score.is_finite()));
    let others = scores.iter().enumerate().filter(|(row, _)| *row != OUTLIER);
    let highest = others.map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
    assert!(scores[OUTLIER] > highest, "the outlier's score is {}", scores[OUTLIER]);
}

#[test]
fn duplicate_column_name() {
    let job = JOB.replace("path: in.csv", "path: in.csv, duplicateNames: error");
    let (workspace, output) = run_job_with(b"a,b,a\n1,2,3\n", &job);
    output.expect(3, &["duplicate column name `a`", "columns 1 and 3", "rename"]);
    assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
}

#[test]
fn result_file_as_input() {
    expect_failure(b"a,b,anomal.score\n1,2,3\n", 3, &["anomal.score"]);
}

#[test]
fn malformed_settings() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["empty"]),
        ("a: [1, 2", &["job.yaml:"]),
        ("\tinput: x", &["job.yaml:1"]),
        ("input: {csv: {path: in.csv}}\ninput: {csv: {path: in.csv}}", &["job.yaml:2", "input"]),
        ("input: {csv: {path: in.csv}}\nfeaturs: []", &["job.yaml:2", "featurs", "features"]),
        ("input: {csv: {path: 7}}\n", &["job.yaml:1", "path"]),
        ("input: {csv: {path: in.csv}, parquet: {path: x}}", &["input"]),
        (
            "a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
          d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n\
          f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]",
            &["job.yaml"],
        ),
    ];
    for (settings, parts) in cases {
        let (workspace, output) = run_job_with(b"a,b\n1,2\n", settings);
        output.expect(2, parts);
        assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
        // `validate` refuses it with the same message.
        workspace.anomal(&["validate", "job.yaml"]).expect(2, parts);
    }
}

/// `validate` reads the first records of an input that is there, and says where it does not.
#[test]
fn columns_are_checked_without_a_run() {
    let settings = |features: &str| {
        format!(
            "input: {{csv: {{path: in.csv}}}}\nfeatures:\n  - {{type: field, name: {features}}}\n"
        )
    };
    let job = settings("bytes");
    let files = [("job.yaml", job.as_bytes()), ("in.csv", b"host,bytes\na,1\n".as_slice())];
    let workspace = Workspace::with_files(&files);
    let output = workspace.anomal(&["validate", "job.yaml"]);
    output.expect(0, &[]);
    assert!(output.stdout.contains("job.yaml is valid") && output.stdout.contains("in.csv"));
    workspace.write("job.yaml", settings("byte").as_bytes());
    let parts = ["job.yaml:3", "features[0].name", "`byte`", "bytes"];
    workspace.anomal(&["validate", "job.yaml"]).expect(2, &parts);
    workspace.write("in.csv", b"");
    workspace.anomal(&["validate", "job.yaml"]).expect(3, &["in.csv"]);
    std::fs::remove_file(workspace.path("in.csv")).unwrap();
    let output = workspace.anomal(&["validate", "job.yaml"]);
    output.expect(0, &[]);
    assert!(output.stdout.contains("not checked: there is no file in.csv"), "{output:#?}");
}

/// A proposal without a feature is no proposal.
#[test]
fn init_says_why_nothing_can_be_a_feature() {
    let cases: [(&[u8], &str); 4] = [
        (b"a,b\n", "no records"),
        (b"a,b\n1,2\n1,2\n", "`a` has the same value in all rows"),
        (b"Host;By|tes\nx;1|2\nx;1|2\n", "it looks like ';' between cells"),
        (b"t\n2026-01-01\n2026-01-02\n", "`t` is a time"),
    ];
    for (bytes, part) in cases {
        let workspace = Workspace::with_files(&[("in.csv", bytes)]);
        let output = workspace.anomal(&["init", "in.csv"]);
        output.expect(3, &["in.csv: nothing here can be a feature", part]);
        assert_eq!(output.stdout, "");
    }
    let workspace = Workspace::default();
    workspace.anomal(&["init", "."]).expect(3, &[". is a folder", "name a file in it"]);
    workspace.anomal(&["init", "in.csv"]).expect(3, &["in.csv can't be read", "check the path"]);
}

#[test]
fn settings_of_50_megabytes() {
    let (_, output) = run_job_with(b"a,b\n1,2\n", &"# x\n".repeat(12_500_000));
    output.expect(2, &["job.yaml", "1 MiB"]);
}

#[test]
fn anchors_stand_for_their_values() {
    let results = |a: &str, b: &str| {
        let job = JOB
            .replace("name: a}", &format!("name: a, multiplier: {a}}}"))
            .replace("name: b}", &format!("name: b, multiplier: {b}}}"));
        let (workspace, output) = run_job_with(b"a,b\n1,2\n3,4\n5,19\n9,2\n", &job);
        output.expect(0, &[]);
        workspace.read("out.csv")
    };
    assert_eq!(results("&w 3", "*w"), results("3", "3"));
    assert_ne!(results("3", "3"), results("3", "1"), "the weights have no effect");
}

#[test]
fn paths_without_a_file() {
    let gone = JOB.replace("in.csv", "gone.csv");
    run_job_with(b"a,b\n1,2\n", &gone).1.expect(3, &["gone.csv"]);
    let folder = JOB.replace("path: in.csv", "path: .");
    let (_, output) = run_job_with(b"a,b\n1,2\n3,4\n5,9\n", &folder);
    output.expect(0, &[]);
    let no_folder = JOB.replace("out.csv", "no/such/folder/out.csv");
    run_job_with(b"a,b\n1,2\n", &no_folder).1.expect(1, &["no/such/folder"]);
    let is_folder = JOB.replace("path: out.csv", "path: .");
    run_job_with(b"a,b\n1,2\n", &is_folder).1.expect(1, &["folder"]);
    Workspace::default().anomal(&["run", "gone.yaml"]).expect(2, &["gone.yaml"]);
    let workspace = Workspace::default();
    workspace.anomal(&["run", "."]).expect(2, &["folder"]);
}

#[test]
fn output_equal_to_input() {
    let (workspace, output) = run_job_with(b"a,b\n1,2\n", &JOB.replace("out.csv", "in.csv"));
    output.expect(2, &["outputs[0].csv.path", "input itself"]);
    assert_eq!(workspace.read("in.csv"), "a,b\n1,2\n");
}

#[test]
fn unknown_engine_suggests_the_nearest() {
    let (_, output) = run_job_with(b"a,b\n1,2\n", &JOB.replace("Gower", "Gowr"));
    output.expect(2, &["Gowr", "Gower"]);
}

#[test]
fn folder_without_a_matching_file() {
    let (workspace, job) = (Workspace::default(), JOB.replace("in.csv", "logs"));
    workspace.write("logs/notes.txt", b"a,b\n1,2\n");
    workspace.write("job.yaml", job.as_bytes());
    workspace.anomal(&["run", "job.yaml"]).expect(3, &["the folder logs", ".csv"]);
    workspace.write("job.yaml", job.replace("logs", "logs/*.log").as_bytes());
    workspace.anomal(&["run", "job.yaml"]).expect(3, &["logs/*.log"]);
    assert_eq!(workspace.files(), ["job.yaml", "logs"]);
}

#[test]
fn full_standard_output() {
    let job = JOB.replace("path: out.csv", "path: '-'");
    let (_, output) = run_job_with(b"a,b\n1,2\n3,4\n", &job);
    output.expect(0, &[]);
    let workspace =
        Workspace::with_files(&[("in.csv", b"a,b\n1,2\n3,4\n"), ("job.yaml", job.as_bytes())]);
    let mut command = workspace.command(&["run", "job.yaml"]);
    command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    command.stderr(std::process::Stdio::piped());
    let output: RunOutput = command.output().unwrap().into();
    output.expect(1, &["standard output", "space"]);
}

/// Runs `anomal run` from a shell script, in which `"$@"` is the command, with its own mount namespace.
#[cfg(target_os = "linux")]
fn in_script(workspace: &Workspace, script: &str) -> RunOutput {
    let mut command = std::process::Command::new("unshare");
    command.args(["--mount", "sh", "-euc", script, "sh"]);
    command.arg(anomal_tests::program("anomal")).args(["run", "job.yaml"]);
    command.current_dir(workspace.folder.path()).env("NO_COLOR", "1");
    command.output().expect("unshare, as root").into()
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_leaves_no_partial_file() {
    let mut csv = String::from("a,b\n");
    for row in 0..20_000 {
        csv.push_str(&format!("{},{}\n", row % 977, row % 1_009));
    }
    for output in [
        "csv: {path: disk/out.csv}",
        "parquet: {path: disk/out.parquet}",
        "ndjson: {path: disk/out.ndjson}",
    ] {
        let job = JOB.replace("csv: {path: out.csv}", output).replace("Gower", "HBOS");
        let workspace =
            Workspace::with_files(&[("in.csv", csv.as_bytes()), ("job.yaml", job.as_bytes())]);
        workspace.write("disk/keep", b"");
        // The folder's listing is printed at the end.
        let script = "mount -t tmpfs -o size=64k tmpfs disk; code=0; \"$@\" || code=$?; ls -A disk; exit $code";
        let output = in_script(&workspace, script);
        output.expect(1, &["disk/out.", "space"]);
        assert!(!output.stdout.contains("out."), "a partial file was left: {output:#?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_without_permission() {
    let job = JOB.replace("out.csv", "closed/out.csv");
    let workspace =
        Workspace::with_files(&[("in.csv", b"a,b\n1,2\n3,4\n"), ("job.yaml", job.as_bytes())]);
    workspace.write("closed/keep", b"");
    // Root may write everywhere unless these capabilities are dropped.
    let script = "chmod 555 closed; setpriv --bounding-set=-dac_override,-dac_read_search \"$@\"";
    let output = in_script(&workspace, script);
    output.expect(1, &["closed/out.csv", "may write to"]);
    let read_only = "mount --bind closed closed; mount -o remount,ro,bind closed; \"$@\"";
    in_script(&workspace, read_only).expect(1, &["closed/out.csv", "Read-only"]);
}

/// Of a topic, columns are known once it is read; components and what is given to them are known before.
#[test]
fn components_are_checked_where_columns_are_not_known() {
    const JOB: &str = "\
input: {kafka: {brokers: [\"127.0.0.1:9\"], topics: [t]}}
timeColumn: time
packs: [dns]
filters:
  - {name: remove_match, dataNeeded: [name], params: {keyword: intranet}}
features:
  - {type: metric, name: hostname_entropy, dataNeeded: [name]}
flags:
  - {type: aggregation, name: newly_seen_domain, dataNeeded: [name, time], window: 30d, params: {learnFor: 7d}}
stream: {}
outputs: [{ndjson: {path: out.ndjson, rotate: 1h}}]
";
    let validate = |job: &str| {
        let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
        workspace.anomal(&["validate", "job.yaml"])
    };
    validate(JOB).expect(0, &[]);
    for (from, to, parts) in [
        ("remove_match", "remove_mach", ["job.yaml:5:", "did you mean `remove_match`?"]),
        ("keyword: ", "keywords: ", ["job.yaml:5:", "keyword"]),
        ("[name]}\nflags", "[name, time]}\nflags", ["job.yaml:7:", "needs the columns: "]),
        ("learnFor: 7d", "learnFor: 7 days", ["job.yaml:9:", "write it as 30s, 5m, 1h, 7d or 2w"]),
        ("learnFor: 7d", "learn: 0.5", ["job.yaml:9:", "give `learnFor`, such as 7d"]),
        ("packs: [dns]", "packs: []", ["job.yaml", "packs: [dns]"]),
    ] {
        assert!(JOB.contains(from));
        validate(&JOB.replace(from, to)).expect(2, &parts);
    }
}
