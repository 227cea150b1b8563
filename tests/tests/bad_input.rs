//! Whatever is fed to it, `anomal` ends with the right exit code and a message with a remedy, and leaves
//! no half file.

use anomal_tests::{RunOutput, Workspace};

const JOB: &str = "
input: {csv: {path: in.csv}}
features:
  - {type: field, name: a}
  - {type: field, name: b}
classification: {engine: Gower}
outputs: [{csv: {path: out.csv}}]
";

fn on(csv: &[u8]) -> (Workspace, RunOutput) {
    on_with(csv, JOB)
}

fn on_with(csv: &[u8], job: &str) -> (Workspace, RunOutput) {
    let workspace = Workspace::with_files(&[("in.csv", csv), ("job.yaml", job.as_bytes())]);
    let ran = workspace.anomal(&["run", "job.yaml"]);
    (workspace, ran)
}

/// That it failed so, and left nothing.
#[track_caller]
fn fails(csv: &[u8], code: i32, parts: &[&str]) {
    let (workspace, ran) = on(csv);
    ran.expect(code, parts);
    assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
}

#[track_caller]
fn works(csv: &[u8], rows: usize) -> Workspace {
    let (workspace, ran) = on(csv);
    ran.expect(0, &[]);
    let mut lines = csv_lines(&workspace.read("out.csv"));
    assert_eq!(lines.remove(0)[..2], ["a", "b"]);
    assert_eq!(lines.len(), rows);
    workspace
}

/// Cells of a CSV without quotes.
fn csv_lines(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn an_empty_file() {
    fails(b"", 3, &["in.csv", "empty"]);
}

#[test]
fn a_header_only() {
    works(b"a,b\n", 0);
}

#[test]
fn one_row() {
    let workspace = works(b"a,b\n1,2\n", 1);
    // A lone row has no score.
    assert!(workspace.read("out.csv").contains("\n1,2,0,,,,false,"));
}

#[test]
fn no_match_in_the_header() {
    fails(b"x,y\n1,2\n", 2, &["a", "x, y"]);
}

#[test]
fn a_column_that_is_missing_shows_the_nearest() {
    fails(b"aa,b,c\n1,2,3\n", 2, &["`a`", "aa"]);
}

#[test]
fn an_unclosed_quote() {
    fails(b"a,b\n1,\"2\n3,4\n", 3, &["in.csv:2", "quote"]);
}

#[test]
fn ragged_rows() {
    fails(b"a,b\n1,2\n3\n", 3, &["in.csv:3", "badLines: skip"]);
    fails(b"a,b\n1,2\n3,4,5\n", 3, &["in.csv:3"]);
}

#[test]
fn ragged_rows_skipped_are_kept_and_counted() {
    let job = JOB.replace("path: in.csv", "path: in.csv, badLines: skip");
    let (workspace, ran) = on_with(b"a,b\n1,2\n3\n4,5\nx,6\n", &job);
    ran.expect(0, &["rejected"]);
    let rejected = workspace.read("job.rejected.ndjson");
    let lines: Vec<serde_json::Value> =
        rejected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["row"], 1);
    assert_eq!(lines[0]["line"], 3);
    assert_eq!(lines[0]["raw"], "3");
    // The rows that are left keep their numbers.
    let rows: Vec<String> =
        csv_lines(&workspace.read("out.csv")).iter().skip(1).map(|row| row[2].clone()).collect();
    assert!(rows.starts_with(&["0".into(), "2".into()]), "{rows:?}");
}

#[test]
fn nul_bytes_and_invalid_utf8() {
    let (_, ran) = on(b"a,b\n1,\x00x\n2,y\n");
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:#?}");
    fails(b"a,b\n1,\xff\xfe\n2,y\n", 3, &["in.csv:2", "UTF-8"]);
}

#[test]
fn a_line_of_100_megabytes() {
    let mut csv = b"a,b\n1,".to_vec();
    csv.resize(100_000_000, b'x');
    csv.extend(b"\n2,y\n");
    fails(&csv, 3, &["in.csv:2", "16 MiB"]);
    let job = JOB.replace("path: in.csv", "path: in.csv, badLines: skip");
    let (workspace, ran) = on_with(&csv, &job);
    ran.expect(0, &["rejected"]);
    assert!(workspace.read("out.csv").contains("\n2,y,1,"));
    assert!(workspace.read("job.rejected.ndjson").len() < 10_000);
}

#[test]
fn a_record_of_17_mebibytes() {
    let mut csv = b"a,b\n1,\"".to_vec();
    csv.resize(17 << 20, b'\n');
    csv.extend(b"\"\n2,y\n");
    fails(&csv, 3, &["in.csv:2", "16 MiB"]);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends() {
    let workspace = works(b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n5,9\r\n", 3);
    assert!(workspace.read("out.csv").starts_with("a,b,anomal.row"));
}

#[test]
fn text_in_a_number_column_far_down() {
    let mut csv = String::from("a,b\n");
    for row in 0..900_000 {
        csv.push_str(&format!("{},{}\n", row % 97, row % 7));
    }
    csv.push_str("1,seven\n");
    let job = JOB.replace("classification: {engine: Gower}", "classification: {engine: HBOS}");
    let (_, ran) = on_with(csv.as_bytes(), &job);
    ran.expect(3, &["in.csv:900002", "`b`", "seven", "csv.types"]);
}

#[test]
fn columns_of_nulls_and_constants() {
    works(b"a,b\n,1\n,1\n,1\n", 3);
    works(b"a,b\n1,x\n1,x\n1,x\n", 3);
}

#[test]
fn infinities_and_not_a_number_are_missing_and_told() {
    let (_, ran) = on(b"a,b\n1.5,1\ninf,2\nNaN,3\n-inf,4\n2.5,5\n");
    ran.expect(0, &["note:", "missing"]);
}

#[test]
fn a_million_distinct_categories() {
    let mut csv = String::from("a,b\n");
    for row in 0..1_000_000 {
        csv.push_str(&format!("host-{row},{}\n", row % 10));
    }
    let job = JOB.replace("classification: {engine: Gower}", "classification: {engine: HBOS}");
    let (_, ran) = on_with(csv.as_bytes(), &job);
    ran.expect(0, &["1,000,000 rows"]);
}

#[test]
fn a_column_name_twice() {
    fails(b"a,b,a\n1,2,3\n", 3, &["`a`", "twice"]);
}

#[test]
fn a_result_file_as_input() {
    fails(b"a,b,anomal.score\n1,2,3\n", 3, &["anomal.score"]);
}

#[test]
fn settings_of_every_ugly_kind() {
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
        let (workspace, ran) = on_with(b"a,b\n1,2\n", settings);
        ran.expect(2, parts);
        assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
        // `validate` says the same.
        assert_eq!(workspace.anomal(&["validate", "job.yaml"]).code, Some(2), "{settings}");
    }
}

#[test]
fn settings_of_50_megabytes() {
    let (_, ran) = on_with(b"a,b\n1,2\n", &"# x\n".repeat(12_500_000));
    ran.expect(2, &["job.yaml", "1 MiB"]);
}

#[test]
fn anchors_are_fine() {
    let job = JOB
        .replace("name: a}", "name: a, multiplier: &w 2}")
        .replace("name: b}", "name: b, multiplier: *w}");
    let (_, ran) = on_with(b"a,b\n1,2\n3,4\n5,9\n", &job);
    ran.expect(0, &[]);
}

#[test]
fn paths_that_lead_nowhere() {
    let gone = JOB.replace("in.csv", "gone.csv");
    on_with(b"a,b\n1,2\n", &gone).1.expect(3, &["gone.csv"]);
    let folder = JOB.replace("path: in.csv", "path: .");
    let (_, ran) = on_with(b"a,b\n1,2\n3,4\n5,9\n", &folder);
    ran.expect(0, &[]);
    let no_folder = JOB.replace("out.csv", "no/such/folder/out.csv");
    on_with(b"a,b\n1,2\n", &no_folder).1.expect(1, &["no/such/folder"]);
    let is_folder = JOB.replace("path: out.csv", "path: .");
    on_with(b"a,b\n1,2\n", &is_folder).1.expect(1, &["folder"]);
    Workspace::default().anomal(&["run", "gone.yaml"]).expect(2, &["gone.yaml"]);
    let workspace = Workspace::default();
    workspace.anomal(&["run", "."]).expect(2, &["folder"]);
}

#[test]
fn output_equal_to_input() {
    let (workspace, ran) = on_with(b"a,b\n1,2\n", &JOB.replace("out.csv", "in.csv"));
    ran.expect(2, &["outputs[0].csv.path", "input itself"]);
    assert_eq!(workspace.read("in.csv"), "a,b\n1,2\n");
}

#[test]
fn an_engine_that_is_unknown() {
    let (_, ran) = on_with(b"a,b\n1,2\n", &JOB.replace("Gower", "Gowr"));
    ran.expect(2, &["Gowr", "Gower"]);
}

#[test]
fn a_folder_without_a_file_of_the_kind() {
    let (workspace, job) = (Workspace::default(), JOB.replace("in.csv", "logs"));
    workspace.write("logs/notes.txt", b"a,b\n1,2\n");
    workspace.write("job.yaml", job.as_bytes());
    workspace.anomal(&["run", "job.yaml"]).expect(3, &["the folder logs", ".csv"]);
    workspace.write("job.yaml", job.replace("logs", "logs/*.log").as_bytes());
    workspace.anomal(&["run", "job.yaml"]).expect(3, &["logs/*.log"]);
    assert_eq!(workspace.files(), ["job.yaml", "logs"]);
}

#[test]
fn standard_output_on_a_full_disk() {
    let job = JOB.replace("path: out.csv", "path: '-'");
    let (_, ran) = on_with(b"a,b\n1,2\n3,4\n", &job);
    ran.expect(0, &[]);
    let workspace =
        Workspace::with_files(&[("in.csv", b"a,b\n1,2\n3,4\n"), ("job.yaml", job.as_bytes())]);
    let mut command = workspace.command(&["run", "job.yaml"]);
    command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    command.stderr(std::process::Stdio::piped());
    let ran: RunOutput = command.output().unwrap().into();
    ran.expect(1, &["standard output", "space"]);
}

/// `anomal run` by a shell script, in which `"$@"` is the command; for what needs a file system of its
/// own, which goes with the process.
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
fn a_full_disk() {
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
        // The folder's listing is printed when all is over.
        let script = "mount -t tmpfs -o size=64k tmpfs disk; code=0; \"$@\" || code=$?; ls -A disk; exit $code";
        let ran = in_script(&workspace, script);
        ran.expect(1, &["disk/out.", "space"]);
        assert!(!ran.stdout.contains("out."), "half a file was left: {ran:#?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_is_not_permitted() {
    let job = JOB.replace("out.csv", "closed/out.csv");
    let workspace =
        Workspace::with_files(&[("in.csv", b"a,b\n1,2\n3,4\n"), ("job.yaml", job.as_bytes())]);
    workspace.write("closed/keep", b"");
    // Root may write everywhere, unless that right is taken away.
    let script = "chmod 555 closed; setpriv --bounding-set=-dac_override,-dac_read_search \"$@\"";
    let ran = in_script(&workspace, script);
    ran.expect(1, &["closed/out.csv", "may write to"]);
    let read_only = "mount --bind closed closed; mount -o remount,ro,bind closed; \"$@\"";
    in_script(&workspace, read_only).expect(1, &["closed/out.csv", "Read-only"]);
}
