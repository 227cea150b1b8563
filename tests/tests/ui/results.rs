//! Verdicts, the timeline, and result files.

use anomal_tests::Workspace;
use serde_json::Value;

use super::support::{plain, start, workspace};

/// A job that has not run.
fn job() -> Workspace {
    let workspace = workspace();
    workspace.anomal(&["init", "access.csv", "-o", "job.yaml", "--no-trial"]).expect(0, &[]);
    workspace
}

fn verdicts(workspace: &Workspace) -> Vec<Value> {
    let line = ["verdicts", "list", "--job", "job", "--report-store", "reports", "--json"];
    let listed = workspace.anomal(&line);
    listed.expect(0, &[]);
    serde_json::from_str(&listed.stdout).expect("a list")
}

#[test]
fn a_verdict_is_kept_with_the_job_and_seen_in_its_next_report() {
    let workspace = job();
    let arguments = ["ui", "--report-store", "reports", "job.yaml"];
    let mut terminal = start(&workspace, &arguments);
    terminal.wait_for("Used as");
    terminal.keys("r").wait_for("[7 Results]+");
    terminal.keys("v").wait_for("verdict on incident 1");
    terminal.keys("c").wait_for("A comment on the verdict");
    terminal.keys("our own scanner\r").wait_for("c  comment: our own scanner");
    terminal.keys("n").wait_for("Incident 1: false positive");
    terminal.wait_for("1 judged: 1 false positive");
    let stored = verdicts(&workspace);
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert_eq!(stored[0]["verdict"], "false-positive");
    assert_eq!(stored[0]["note"], "our own scanner");
    assert_eq!(stored[0]["incident"], 1);
    // The next run has it, on the incident and on its rows.
    terminal.keys("r").wait_for("[6 Run]");
    terminal.wait_for("[7 Results]+");
    terminal.wait_for("1 judged: 1 false positive");
    terminal.keys("\r").wait_for("filter of rows: incident 1");
    terminal.wait_for("path.escapes is");
    terminal.keys("\r").wait_for("incident 1: false positive by");
    // Meanwhile someone else decides.
    let line = ["verdicts", "add", "latest", "1", "--verdict", "benign", "--who", "ben"];
    workspace.anomal(&[&line[..], &["--report-store", "reports"]].concat()).expect(0, &[]);
    terminal.keys("vr").wait_for("Others have decided in the meantime");
    terminal.wait_for("benign by ben");
    assert_eq!(verdicts(&workspace).len(), 2);
    terminal.keys("y").wait_for("Incident 1: true positive");
    let stored = verdicts(&workspace);
    assert_eq!(stored[2]["verdict"], "true-positive", "{stored:?}");
    // A store that can't be written loses nothing of what was typed.
    std::fs::rename(workspace.path("reports/verdicts"), workspace.path("moved")).expect("moved");
    workspace.write("reports/verdicts", b"no folder");
    terminal.keys("vc").wait_for("A comment on the verdict");
    terminal.keys("typed once\ru").wait_for("! Not stored");
    terminal.keys("v").wait_for("c  comment: typed once");
    std::fs::remove_file(workspace.path("reports/verdicts")).expect("removed");
    std::fs::rename(workspace.path("moved"), workspace.path("reports/verdicts")).expect("moved");
    terminal.keys("u").wait_for("Incident 1: undecided");
    assert_eq!(verdicts(&workspace)[3]["note"], "typed once");
    assert_eq!(terminal.keys("q").ends(), 0);
    terminal.assert_restored();
}

#[test]
fn a_verdict_is_given_in_lines_of_text() {
    let workspace = workspace();
    let answers = "1\nrun\n\nverdict\nc\nseen before\nb\nquit\n";
    let (code, text) = plain(&workspace, answers, &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Incident 1: benign"), "{text}");
    let stored = verdicts(&workspace);
    assert_eq!(
        (&stored[0]["verdict"], &stored[0]["note"]),
        (&"benign".into(), &"seen before".into())
    );
}

#[test]
fn the_timeline_leads_to_the_time_of_an_attack() {
    let workspace = job();
    let mut terminal = start(&workspace, &["ui", "--report-store", "reports", "job.yaml"]);
    terminal.wait_for("Used as");
    terminal.keys("r").wait_for("[7 Results]+");
    terminal.wait_for("2026-03-02 00:00");
    terminal.keys("t").wait_for("[Timeline ");
    terminal.wait_for("in intervals of 15 min");
    terminal.keys("jjt").wait_for("The span begins here");
    terminal.keys("jjjt").wait_for("time: 2026-03-02 00:30 to 2026-03-02 01:30");
    // Only rows of that time are listed: every 97th of those that come each 43 s is one.
    terminal.keys("\t").wait_for("[Rows ");
    terminal.wait_for("path.escapes is");
    terminal.keys("\r").wait_for("2026-03-02T0");
    let row = terminal.text();
    assert!(row.contains("2026-03-02T00:") || row.contains("2026-03-02T01:"), "{row}");
    terminal.keys("\x1b").wait_for("[Rows ");
    terminal.keys("\x1b").wait_until("all times", |text| !text.contains("time: 2026"));
    assert_eq!(terminal.keys("q").ends(), 0);
}

#[test]
fn result_files_of_every_format_are_browsed() {
    let workspace = job();
    for file in ["found.csv", "found.ndjson", "found.parquet"] {
        workspace.anomal(&["run", "job.yaml", "--quiet", "--output", file]).expect(0, &[]);
        let listed = workspace.anomal(&["incidents", file, "--json"]);
        listed.expect(0, &[]);
        let listed: Value = serde_json::from_str(&listed.stdout).expect("incidents");
        let incidents = listed["incidents"].as_array().expect("a list").len();
        let title = listed["incidents"][0]["title"].as_str().expect("a title").to_owned();
        let evidence = listed["evidence"].as_u64().expect("a number");
        let mut terminal = start(&workspace, &["ui", file]);
        terminal.wait_for(&format!("[Incidents {incidents}]"));
        let shown = terminal.wait_for(&format!("Rows {evidence} "));
        let head: String = title.chars().take(30).collect();
        assert!(shown.contains(&head), "{head}: {shown}");
        terminal.keys("\r").wait_for("filter of rows: incident 1");
        terminal.wait_for("path.escapes is");
        terminal.keys("\r").wait_for(" record (j k");
        terminal.wait_for("Share");
        terminal.wait_for("etc/passwd");
        terminal.keys("v").wait_for("A result file has no verdicts");
        terminal.keys("\x1b").wait_for("[Rows ");
        terminal.keys("/etc/passwd\r").wait_for("filter of rows: etc/passwd");
        terminal.keys("t").wait_for("in intervals of");
        assert_eq!(terminal.keys("q").ends(), 0, "{file}");
    }
    // From the first screen, and in lines of text.
    let mut terminal = start(&workspace, &[]);
    terminal.wait_for("> ");
    terminal.keys("/found.csv\r").wait_for("> found.csv");
    terminal.keys("\r").wait_for("[Incidents ");
    assert_eq!(terminal.keys("q").ends(), 0);
    let (code, text) = plain(&workspace, "o\nfound.parquet\n1\n1\nback\nquit\n", &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("filter of rows: incident 1") && text.contains("-- record"), "{text}");
    // One that is damaged has a message.
    let broken = workspace.read("found.csv").replace(",true,", ",perhaps,");
    workspace.write("broken.csv", broken.as_bytes());
    let mut terminal = start(&workspace, &["ui", "broken.csv"]);
    terminal.wait_for(" ! ");
    assert_eq!(terminal.keys("q").ends(), 0);
}
