//! Terminals of any kind, and what a terminal has beside keys.

use std::{path::Path, time::Duration};

use anomal_tests::{Workspace, pty::Terminal, repository};

use super::support::{start, workspace};

#[test]
fn without_a_terminal_there_is_a_hint() {
    let workspace = workspace();
    workspace
        .anomal(&["ui", "access.csv"])
        .expect(2, &["needs a terminal", "anomal init access.csv > job.yaml"]);
    workspace.anomal(&["ui", "job.yaml"]).expect(2, &["anomal run job.yaml"]);
    let bare = workspace.anomal(&[]);
    bare.expect(2, &["Usage"]);
    workspace.anomal(&["-in", "access.csv"]).expect(2, &["--no-ui"]);
    let mut dumb =
        Terminal::start_with(workspace.folder.path(), &["ui"], 80, 24, &[("TERM", "dumb")]);
    assert_eq!(dumb.ends(), 2);
    dumb.wait_for("TERM says otherwise");
    let mut ci = Terminal::start_with(workspace.folder.path(), &["ui"], 80, 24, &[("CI", "true")]);
    assert_eq!(ci.ends(), 2);
}

/// The interface in a container of the image built here, with a terminal, as `docker run -it --rm IMAGE` starts it; none
/// without a cluster of ours, whose containerd runs it.
fn in_a_container(name: &str, folder: &Path, options: &[&str]) -> Option<Terminal> {
    let cluster = anomal_tests::cluster::cluster()?;
    if cluster.machine_address().is_none() {
        anomal_tests::skip("containers of a named cluster can't be given a terminal");
        return None;
    }
    let script = repository().join("tests/testbed/cluster.sh").to_string_lossy().into_owned();
    let name = format!("{name}-{}", std::process::id());
    let run = ["bash", &script, "inside", "ctr", "--namespace", "k8s.io", "run", "--rm", "--tty"];
    let image = ["--env", "TERM=xterm", "localhost/anomal/runner:test", &name];
    let words = [&run, options, &image].concat();
    // The cluster's state is below the home of the tests.
    let home = std::env::var("HOME").unwrap_or_default();
    Some(Terminal::start_program(folder, &words, 100, 30, &[("HOME", home.as_str())]))
}

#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn it_opens_in_the_image_as_a_user_without_a_home() {
    let workspace = Workspace::default();
    let Some(mut terminal) = in_a_container("ui", workspace.folder.path(), &[]) else { return };
    // The container's root, where a link to a folder is one.
    let home = terminal.wait_for("Open a data file");
    terminal.wait_for("var ");
    assert!(!home.contains("os error"), "{home}");
    terminal.keys("oetc/hostname\r").wait_for("! ");
    assert_eq!(terminal.keys("\x1bq").ends(), 0);
    terminal.assert_restored();
}

/// The line of docs/tui.md, with the user of the image, who owns nothing: the folder of the data is at /data.
#[test]
#[ignore = "needs the cluster of `cargo xtask test`"]
fn in_a_container_a_file_of_a_mounted_folder_leads_to_suspects() {
    let workspace = workspace();
    let folder = workspace.folder.path();
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder, all).expect("a folder that its user can write to");
    let mount = format!("type=bind,src={},dst=/data,options=rbind:rw", folder.display());
    let options = ["--mount", &mount, "--cwd", "/data"];
    let Some(mut terminal) = in_a_container("ui-data", folder, &options) else { return };
    terminal.wait_for("> access.csv");
    terminal.keys("\r").wait_for("A whole job is proposed");
    terminal.keys("r\r").wait_for("[7 Results]+");
    terminal.wait_for("paths that leave the folder");
    terminal.keys("\r").wait_for("filter of rows: incident 1");
    assert_eq!(terminal.keys("q").ends(), 0);
    terminal.assert_restored();
    assert!(workspace.read("job.yaml").contains("path: access.csv"));
    assert!(workspace.path("access.results.parquet").exists());
}

#[test]
fn any_size_any_file_and_any_keys_are_survived() {
    let workspace = workspace();
    workspace.write("empty.csv", b"");
    workspace.write("binary.csv", &[0, 159, 146, 150, 0, 1, 2, 3]);
    workspace.write("broken.yaml", b"input: [\n");
    let mut terminal = start(&workspace, &[]);
    terminal.wait_for("> access.csv");
    for file in ["empty.csv", "binary.csv", "missing.csv"] {
        terminal.keys(&format!("o{file}\r")).wait_until("a message", |text| text.contains(" ! "));
        terminal.keys("\x1b").wait_for("q quits");
    }
    terminal.keys("obroken.yaml\r").wait_for("broken.yaml:");
    terminal.keys("\x1b").wait_for("problem");
    terminal.keys("0").wait_for("Open a data file");
    for (columns, rows) in [(1, 1), (20, 5), (300, 90), (5, 60), (119, 3), (40, 12)] {
        terminal.resize(columns, rows);
        terminal.keys("jk?\x1bG:x\x1b");
    }
    terminal.resize(100, 30);
    terminal.keys("\x0c").wait_for("Open a data file");
    terminal.keys(&"jk".repeat(5_000));
    terminal.keys(&format!("\x1b[200~{}\x1b[201~", "x\n".repeat(500_000)));
    terminal.wait_for("no place here");
    assert_eq!(terminal.keys("q").ends(), 0);
    terminal.assert_restored();
}

#[test]
fn nothing_is_written_when_nothing_happens_and_little_for_a_key() {
    let workspace = workspace();
    let mut terminal = start(&workspace, &[]);
    terminal.wait_for("time,client_ip,method");
    let quiet = terminal.written();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(terminal.written(), quiet);
    let selected = |text: &str| text.lines().any(|line| line.contains("> .."));
    terminal.keys("G").wait_until("the last line", selected);
    std::thread::sleep(Duration::from_millis(300));
    let spent = terminal.written() - quiet;
    assert!(spent < 2_000, "{spent} bytes for a key");
    assert_eq!(terminal.keys("q").ends(), 0);
}

#[test]
fn it_works_without_a_home_and_without_rights() {
    let workspace = workspace();
    let folder: &Path = workspace.folder.path();
    let store = format!("{}/file/reports", folder.display());
    workspace.write("file", b"not a folder");
    let environment = [
        ("HOME", ""),
        ("ANOMAL_REPORT_STORE", store.as_str()),
        ("TERM", "xterm"),
        ("NO_COLOR", "1"),
    ];
    let mut terminal = Terminal::start_with(folder, &["ui", "access.csv"], 80, 24, &environment);
    terminal.wait_for("A whole job is proposed");
    terminal.keys("r\r").wait_for("[6 Run]!");
    terminal.wait_for("Failed with exit code");
    assert_eq!(terminal.keys("q").ends(), 0);
    terminal.assert_restored();
}

#[test]
fn the_mouse_selects_and_the_clipboard_is_the_terminals() {
    let workspace = workspace();
    let mut terminal = start(&workspace, &[]);
    terminal.wait_for("> access.csv");
    terminal.click("access.csv").wait_for("A whole job is proposed");
    terminal.click("4 Detector").wait_for("[4 Detector]+");
    terminal.click("HBOS").wait_for("> ");
    terminal.click("HBOS").wait_for("Classified by HBOS");
    terminal.keys("y\r").wait_for("Copied, 19 characters");
    terminal.wait_for_bytes(b"\x1b]52;c;YW5vbWFsIHJ1biBqb2IueWFtbA==\x07");
    terminal.keys("m").wait_for("The mouse is the terminal's");
    terminal.wait_for_bytes(b"\x1b[?1006l\x1b[?1000l");
    assert_eq!(terminal.keys("mq").ends(), 0);
    terminal.assert_restored();
    let mut terminal = start(&workspace, &["ui", "--no-mouse"]);
    terminal.wait_for("> access.csv");
    terminal.wait_for_bytes(b"\x1b[?2004h");
    assert_eq!(terminal.keys("q").ends(), 0);
}

#[test]
fn another_editor_has_the_terminal_until_it_ends() {
    let workspace = workspace();
    workspace.anomal(&["init", "access.csv", "-o", "job.yaml", "--no-trial"]).expect(0, &[]);
    // It says which time it is: the text of the first time is still on the terminal when it starts again.
    let editor = "echo >> times\necho \"editing $(grep -c '' times)\"\nread typed\necho \"$typed $1\" > typed\nsed -i 's/engine: Ensemble/engine: HBOS/' \"$2\"\n";
    workspace.write("editor.sh", editor.as_bytes());
    let environment = [("EDITOR", "sh editor.sh"), ("VISUAL", "")];
    let folder = workspace.folder.path();
    let mut terminal = Terminal::start_with(folder, &["ui", "job.yaml"], 100, 30, &environment);
    terminal.wait_for("Used as");
    terminal.keys("4E").wait_for("editing 1");
    // It reads lines as without the interface, which takes none of the keys, and Ctrl-C is its own.
    terminal.keys("q w\r").wait_for("[4 Detector]+");
    terminal.wait_for("Changed");
    let typed = workspace.read("typed");
    assert!(typed.starts_with("q w +"), "{typed}");
    terminal.keys("e").wait_for("engine: HBOS");
    terminal.keys("\x1bu").wait_for("Undone");
    terminal.keys("E").wait_for("editing 2");
    terminal.keys("\x03").wait_for("sh editor.sh has failed");
    assert_eq!(terminal.keys("q").ends(), 0);
    terminal.assert_restored();
}

#[test]
fn a_storm_of_sizes_ends_in_a_whole_screen() {
    let workspace = workspace();
    let mut terminal = start(&workspace, &["ui", "access.csv"]);
    terminal.wait_for("A whole job is proposed");
    let mut state = 11_u32;
    for _ in 0..200 {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let columns = u16::try_from(1 + (state >> 16) % 200).unwrap();
        let rows = u16::try_from(1 + (state >> 8) % 60).unwrap();
        terminal.resize(columns, rows);
    }
    terminal.resize(100, 30);
    terminal.keys("\x0c2").wait_for("[2 Features]+");
    // The window is drawn anew, whatever of the sizes before was seen.
    terminal.wait_for("Enter edit");
    terminal.wait_for("path.length");
    assert_eq!(terminal.keys("q").ends(), 0);
    terminal.assert_restored();
}

/// The numbers of all sequences that set how text looks.
fn styles(bytes: &[u8]) -> std::collections::BTreeSet<String> {
    let text = String::from_utf8_lossy(bytes);
    let parts = text.split("\x1b[").skip(1).filter_map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != ';')?;
        part[end..].starts_with('m').then(|| part[..end].to_owned())
    });
    parts.flat_map(|part| part.split(';').map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn only_colours_that_any_background_and_any_palette_has() {
    let workspace = workspace();
    workspace.write("broken.yaml", b"input: [\n");
    let folder = workspace.folder.path();
    for (environment, allowed) in [
        // No background, and of the 16 colours those that are readable on light and on dark ones.
        (vec![("TERM", "xterm-16color")], vec!["0", "1", "7", "31", "32", "35"]),
        (vec![("NO_COLOR", "1")], vec!["0", "1", "7"]),
    ] {
        let arguments = ["ui", "--report-store", "reports", "access.csv"];
        let mut terminal = Terminal::start_with(folder, &arguments, 100, 30, &environment);
        terminal.wait_for("A whole job is proposed");
        terminal.keys("r\r").wait_for("[7 Results]+");
        terminal.keys("\r").wait_for("filter of rows");
        terminal.keys("\r").wait_for("Share");
        terminal.keys("0obroken.yaml\r").wait_for("broken.yaml:");
        assert_eq!(terminal.keys("\x1b").keys("q").ends(), 0);
        let styles = styles(&terminal.bytes());
        let other: Vec<_> = styles.iter().filter(|one| !allowed.contains(&one.as_str())).collect();
        assert!(other.is_empty(), "{other:?}");
        // What the colours say is there in both.
        assert!(styles.contains("1") && styles.contains("7"));
        assert_eq!(styles.contains("31"), allowed.contains(&"31"));
        std::fs::remove_file(workspace.path("job.yaml")).expect("removed");
    }
}
