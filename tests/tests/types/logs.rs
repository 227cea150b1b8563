//! Files of text logs: several, compressed, from standard input; lines that do not fit; logs given to other drivers.

use std::io::Write;

use anomal_tests::{Workspace, program};
use flate2::{Compression, write::GzEncoder};

use super::support::{Run, fields, job, run};

fn line(row: usize) -> String {
    format!(
        "10.0.0.{} - - [14/Dec/2019:06:{:02}:{:02} +0000] \"GET /{row} HTTP/1.1\" 200 {} \"-\" \"curl/8.7\"\n",
        row % 9,
        row / 60,
        row % 60,
        100 + row
    )
}

fn lines(rows: std::ops::Range<usize>) -> String {
    rows.map(line).collect()
}

const BYTES: &str = "http.response.body.bytes";

fn job_of(path: &str) -> String {
    job(&format!("log: {{path: {path}, format: combined}}"), &fields(&[BYTES]))
}

#[test]
fn several_files_are_one_input() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(lines(40..80).as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let (first, last) = (lines(0..40), lines(80..100));
    let files: [(&str, &[u8]); 4] = [
        ("logs/access.log", first.as_bytes()),
        ("logs/access.log.1.gz", &gzip),
        ("logs/access.log.2", last.as_bytes()),
        ("logs/other.txt", b"x"),
    ];
    let all: Vec<String> = (0..100).map(|row| (100 + row).to_string()).collect();
    for (path, rows) in
        [("\"logs/access.log*\"", 0..100), ("logs", 0..40), ("logs/access.log.1.gz", 40..80)]
    {
        let workspace = Workspace::with_files(&files);
        workspace.write("job.yaml", job_of(path).as_bytes());
        let output = workspace.anomal(&["run", "job.yaml", "--summary", "json"]);
        let run = Run { workspace, output }.succeeded();
        assert_eq!(run.csv(BYTES), all[rows], "{path}");
    }
}

#[test]
fn standard_input() {
    let workspace = Workspace::with_files(&[("job.yaml", job_of("'-'").as_bytes())]);
    let mut command = std::process::Command::new(program("anomal"));
    command.args(["run", "job.yaml"]).current_dir(workspace.folder.path());
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines(0..50).as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(workspace.read("out.csv").lines().count(), 51);
}

#[test]
fn lines_that_do_not_fit_stop_or_are_skipped() {
    let text = format!("{}what is this\n{}", lines(0..30), lines(30..60));
    let failed = run("in.log", text.as_bytes(), &job_of("in.log"));
    failed
        .output
        .expect(3, &["in.log:31: row 30: the line is not ADDRESS IDENT USER", "badLines: skip"]);
    let skip = job_of("in.log").replace("format: combined", "format: combined, badLines: skip");
    let done = run("in.log", text.as_bytes(), &skip).succeeded();
    assert_eq!(done.csv(BYTES).len(), 60);
    let rejected = done.workspace.read("job.rejected.ndjson");
    assert!(rejected.contains("what is this") && rejected.contains("\"line\":31"), "{rejected}");
}

/// A log that the driver csv can't read: the message names the driver that does.
#[test]
fn a_log_for_the_driver_csv() {
    // The commas make records of several widths.
    let text = lines(0..60).replace("curl/8.7\"\n", "a, b\"\n") + &line(7);
    let csv = job("csv: {path: in.log}", "- {type: field, match: '*'}");
    let failed = run("in.log", text.as_bytes(), &csv);
    failed
        .output
        .expect(3, &["the lines are those of a log", "`log: {path: in.log, format: combined}`"]);
    let done = run(
        "in.log",
        text.as_bytes(),
        &job("log: {path: in.log, format: combined}", &fields(&[BYTES])),
    );
    assert_eq!(done.succeeded().csv(BYTES).len(), 61);
    // One column, with a note.
    let text = lines(0..60);
    let one = run("in.log", text.as_bytes(), &csv).succeeded();
    assert!(one.note("OTHER_KIND").contains("`log: {path: in.log, format: combined}`"));
}

#[test]
fn other_kinds_for_the_driver_log() {
    let json = "{\"a\": 1, \"b\": 2}\n".repeat(30);
    let csv: String = (0..30).map(|row| format!("{row},x,{}\n", row * 2)).collect();
    for (text, remedy) in [
        (json.as_str(), "`ndjson: {path: in.log}`"),
        (&format!("a,b,c\n{csv}"), "`csv: {path: in.log}`"),
    ] {
        let failed = run("in.log", text.as_bytes(), &job("log: {path: in.log}", &fields(&["a"])));
        failed.output.expect(3, &[remedy, "`format: lines`"]);
        let driver = remedy.trim_matches('`');
        run("in.log", text.as_bytes(), &job(driver, &fields(&["a"]))).succeeded();
        let lines = job("log: {path: in.log, format: lines}", &fields(&["message"]));
        run("in.log", text.as_bytes(), &lines).succeeded();
    }
}

#[test]
fn header_lines_in_the_middle() {
    let first = "#fields\ta\tb\n#types\tcount\tstring\n1\tx\n2\ty\n";
    let second = "#fields\tb\tc\ta\n#types\tstring\tcount\tcount\nz\t7\t3\n";
    let text = format!("{first}{}{second}", "#close\t2024\n");
    let failed =
        run("in.log", text.as_bytes(), &job("log: {path: in.log, format: zeek}", &fields(&["a"])));
    failed.output.expect(3, &["in.log:8", "b, c, a instead of a, b", "columns: union"]);
    let union = job("log: {path: in.log, format: zeek, columns: union}", &fields(&["a"]));
    let done = run("in.log", text.as_bytes(), &union).succeeded();
    assert_eq!(
        (done.csv("a"), done.csv("c")),
        (vec!["1".into(), "2".into(), "3".into()], vec![String::new(), String::new(), "7".into()])
    );
    // In another file of the same input.
    let workspace =
        Workspace::with_files(&[("1.log", first.as_bytes()), ("2.log", second.as_bytes())]);
    let settings = job("log: {path: \"*.log\", format: zeek}", &fields(&["a"]));
    workspace.write("job.yaml", settings.as_bytes());
    workspace.anomal(&["run", "job.yaml"]).expect(3, &["2.log:3", "columns: union"]);
}
