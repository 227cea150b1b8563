//! Settings that are proposed, edited and written.

use std::{fs, path::PathBuf};

use anomal_tests::{Workspace, repository};

use super::support::{start, workspace};

#[test]
fn from_a_file_to_explained_suspects_by_three_keys() {
    let workspace = workspace();
    let mut terminal = start(&workspace, &[]);
    terminal.wait_for("> access.csv");
    terminal.wait_for("time,client_ip,method");
    terminal.keys("\r").wait_for("suspicious");
    let data = terminal.wait_for("Used as");
    assert!(data.contains("attack") && data.contains("label"), "{data}");
    terminal.keys("r").wait_for("Write the settings to this file");
    assert!(!workspace.path("job.yaml").exists());
    terminal.keys("\r").wait_for("[7 Results]+");
    let results = terminal.wait_for("Incidents");
    assert!(results.contains("path"), "{results}");
    terminal.keys("\r").wait_for("filter of rows: incident 1");
    terminal.wait_for("path.escapes is");
    terminal.keys("\r").wait_for("Share");
    terminal.wait_for("etc/passwd");
    terminal.keys("\x1b").wait_for("[Rows");
    assert_eq!(terminal.keys("q").ends(), 0);
    terminal.assert_restored();
    // What it wrote is an ordinary job: the same bytes as its own run.
    let first = workspace.bytes("access.results.parquet");
    workspace.anomal(&["run", "job.yaml"]).expect(0, &["suspicious"]);
    assert_eq!(workspace.bytes("access.results.parquet"), first);
    let proposed = workspace.anomal(&["init", "access.csv", "-o", "other.yaml"]);
    proposed.expect(0, &[]);
    let words = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        words(&workspace.read("job.yaml")),
        words(&workspace.read("other.yaml").replace("other.yaml", "job.yaml"))
    );
}

#[test]
fn an_edit_with_an_error_is_shown_at_its_line_and_kept() {
    let workspace = workspace();
    workspace.anomal(&["init", "access.csv", "-o", "job.yaml"]).expect(0, &[]);
    let before = workspace.read("job.yaml");
    let mut terminal = start(&workspace, &["ui", "job.yaml"]);
    terminal.wait_for("Used as");
    terminal.keys("2").wait_for("[2 Features]+");
    terminal.keys("e").wait_for("Esc close");
    terminal.keys("\x1b[C\x1b[C\x1b[C\x1b[Cx").wait_for("Changed. But now");
    terminal.keys("\x1b").wait_for("problem");
    terminal.keys("r").wait_for("! line");
    terminal.keys("\x1b").wait_for("[2 Features]!");
    assert_eq!(workspace.read("job.yaml"), before);
    terminal.keys("u").wait_for("[2 Features]+");
    // A weight is one edit of one line.
    terminal.keys("+").wait_for("Weight 2");
    terminal.keys("w").wait_for("Written to job.yaml");
    let after = workspace.read("job.yaml");
    let changed: Vec<_> = before.lines().zip(after.lines()).filter(|(a, b)| a != b).collect();
    assert!(
        matches!(changed.as_slice(), [(_, after)] if after.contains("multiplier: 2")),
        "{changed:?}"
    );
    assert_eq!(terminal.keys("q").ends(), 0);
}

/// The settings files of the examples.
fn examples() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in fs::read_dir(repository().join("examples")).expect("examples") {
        let files = fs::read_dir(folder.expect("an entry").path()).expect("a folder");
        let files = files.map(|file| file.expect("an entry").path());
        found.extend(files.filter(|file| {
            file.extension().is_some_and(|ending| ending == "yaml")
                && fs::read_to_string(file).is_ok_and(|text| {
                    text.contains("\ninput:") || text.contains("kind: AnomalyJob")
                })
        }));
    }
    found.sort();
    found
}

#[test]
fn opening_and_leaving_an_example_leaves_it_byte_for_byte() {
    let examples = examples();
    assert!(examples.len() > 15, "{examples:?}");
    for example in examples {
        let workspace = Workspace::default();
        let folder = example.parent().expect("its folder");
        for entry in
            fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file())
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            workspace.write(&name, &fs::read(entry.path()).unwrap());
        }
        let name = example.file_name().expect("its name").to_string_lossy().into_owned();
        let before = workspace.bytes(&name);
        let mut terminal = start(&workspace, &["ui", &name]);
        // A file of several documents is shown as text, with what is wrong about it.
        let is_open = |text: &str| text.contains("[1 Data]") || text.contains("Esc close");
        if terminal.wait_until("the settings", is_open).contains("Esc close") {
            terminal.keys("\x1b").wait_for("[1 Data]");
        }
        for (step, title) in [
            ("2", "2 Features"),
            ("3", "3 Flags"),
            ("4", "4 Detector"),
            ("5", "5 Outputs"),
            ("1", "1 Data"),
        ] {
            terminal.keys(step).wait_for(&format!("[{title}]"));
        }
        terminal.keys("w").wait_for("Written already");
        assert_eq!(terminal.keys("q").ends(), 0);
        assert_eq!(workspace.bytes(&name), before, "{}", example.display());
    }
}

#[test]
fn the_originals_options_open_it_filled_in() {
    let workspace = Workspace::default();
    for name in ["dns.csv", "dns_features.yaml", "system_configs.yaml"] {
        let content = std::fs::read(repository().join("examples/dns").join(name)).unwrap();
        workspace.write(&format!("examples/{name}"), &content);
    }
    let line = [
        "--base-folder",
        "examples",
        "-di",
        "csv",
        "-do",
        "csv",
        "-in",
        "dns.csv",
        "-ff",
        "dns_features.yaml",
    ];
    let mut terminal = start(&workspace, &line);
    let data = terminal.wait_for("Used as");
    assert!(data.contains("dns.csv") && data.contains("not written yet"), "{data}");
    terminal.keys("2").wait_for("hostname_entropy");
    assert_eq!(terminal.keys("q").ends(), 0);
    let files = std::fs::read_dir(workspace.path("examples")).unwrap().count();
    assert_eq!(files, 3, "nothing is written before it is asked for");
    let mut terminal = start(&workspace, &["--base-folder", "examples", "-in", "dns.csv"]);
    terminal.wait_for("A whole job is proposed");
    assert_eq!(terminal.keys("q").ends(), 0);
}

#[test]
fn a_flag_is_added_and_runs() {
    let workspace = workspace();
    workspace.anomal(&["init", "access.csv", "-o", "job.yaml", "--no-trial"]).expect(0, &[]);
    let mut terminal = start(&workspace, &["ui", "--report-store", "reports", "job.yaml"]);
    terminal.wait_for("Used as");
    terminal.keys("3a").wait_for("add a flag");
    terminal.keys("condition\r").wait_for("new_flag");
    // It is completed by its fields.
    terminal.wait_for("Added");
    for _ in 0..12 {
        if terminal.text().contains("> expression ") {
            break;
        }
        let before = terminal.text();
        terminal.keys("j").wait_until("the next field", |text| *text != before);
    }
    terminal.keys("\r").wait_for("expression: text");
    terminal.keys("\x15status = 404\r").wait_for("expression is set");
    terminal.keys("\x1b").wait_for("Enter edit");
    assert!(workspace.read("job.yaml").lines().all(|line| !line.contains("new_flag")));
    terminal.keys("r\r").wait_for("[7 Results]+");
    let written = workspace.read("job.yaml");
    let line = written.lines().find(|line| line.contains("new_flag")).unwrap_or_default();
    assert!(line.contains("expression: \"status = 404\""), "{written}");
    terminal.keys("\t\t").wait_for("[Flags ");
    let flags = terminal.wait_for("new_flag");
    let line = flags.lines().find(|line| line.contains("new_flag")).unwrap_or_default();
    assert!(line.contains("medium"), "{flags}");
    assert_eq!(terminal.keys("q").ends(), 0);
}
