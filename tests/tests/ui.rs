//! The terminal interface, in a terminal.
#![cfg(target_os = "linux")]

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anomal_tests::{Workspace, pty::Terminal, repository};

/// An access log as servers write them: 2,000 requests of 40 clients, and an attack that tries paths.
fn access_log() -> Vec<u8> {
    let mut csv =
        String::from("time,client_ip,method,path,status,bytes,duration_ms,user_agent,attack\n");
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let pages = ["/login", "/", "/api/v1/items", "/checkout", "/search", "/static/app.js"];
    for row in 0..2_000_u64 {
        let seconds = row * 43;
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let is_attack = row % 97 == 50;
        let (path, status, client) = if is_attack {
            (format!("/../../{}/etc/passwd", "x%2f".repeat(20)), 404, 99)
        } else {
            (
                pages[usize::try_from(next(6)).unwrap()].to_owned(),
                if next(20) == 0 { 404 } else { 200 },
                next(40),
            )
        };
        let (bytes, took) = (300 + next(4_000), 5 + next(60));
        csv += &format!(
            "02/Mar/2026:{hour:02}:{minute:02}:{second:02} +0000,198.51.100.{client},GET,{path},{status},{bytes},{took},curl,{}\n",
            u8::from(is_attack)
        );
    }
    csv.into_bytes()
}

fn workspace() -> Workspace {
    Workspace::with_files(&[("access.csv", &access_log())])
}

fn start(workspace: &Workspace, arguments: &[&str]) -> Terminal {
    Terminal::start(workspace.folder.path(), arguments, 100, 30)
}

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

#[test]
fn opening_and_leaving_an_example_leaves_it_byte_for_byte() {
    for example in ["dns", "finance", "logins"] {
        let folder = repository().join("examples").join(example);
        let workspace = Workspace::default();
        for entry in std::fs::read_dir(folder)
            .unwrap()
            .map(Result::unwrap)
            .filter(|entry| entry.path().is_file())
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            workspace.write(&name, &std::fs::read(entry.path()).unwrap());
        }
        let before = workspace.bytes("job.yaml");
        let mut terminal = start(&workspace, &["ui", "job.yaml"]);
        terminal.wait_for("Used as");
        for step in ["2", "3", "4", "5", "1"] {
            terminal.keys(step);
        }
        terminal.keys("w").wait_for("Written already");
        assert_eq!(terminal.keys("q").ends(), 0);
        assert_eq!(workspace.bytes("job.yaml"), before, "{example}");
    }
}

/// A job over a pipe that no one writes to, which runs until it is stopped.
fn endless() -> Workspace {
    let workspace = workspace();
    let made = Command::new("mkfifo").arg(workspace.path("pipe.csv")).status().expect("mkfifo");
    assert!(made.success());
    workspace.write(
        "job.yaml",
        b"input:\n  csv: {path: pipe.csv}\nfeatures:\n  - {type: field, name: a}\noutputs:\n  - csv: {path: out.csv}\n",
    );
    workspace
}

/// The process that is a child of another and has an argument.
fn child_of(parent: u32, argument: &str) -> Option<u32> {
    let listed = Command::new("ps").args(["-eo", "pid=,ppid=,args="]).output().expect("ps");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    listed.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (id, above) = (words.next()?.parse().ok()?, words.next()?.parse::<u32>().ok()?);
        let has = words.any(|word| word == argument);
        (above == parent && has).then_some(id)
    })
}

fn found(parent: u32, argument: &str) -> u32 {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(pid) = child_of(parent, argument) {
            return pid;
        }
        assert!(Instant::now() < until, "{parent} has no child with {argument}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kill(signal: &str, pid: u32) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill");
    assert!(sent.success());
}

fn is_running(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = state.rsplit_once(") ").map(|(_, rest)| rest.chars().next().unwrap_or('X'));
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

#[track_caller]
fn ends_soon(pid: u32) {
    let until = Instant::now() + Duration::from_secs(20);
    while is_running(pid) {
        assert!(Instant::now() < until, "{pid} still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_is_cancelled_and_killed_and_the_interface_goes_on() {
    let workspace = endless();
    let mut terminal = start(&workspace, &["ui", "--report-store", "reports", "job.yaml"]);
    terminal.wait_for("can be read only once");
    terminal.keys("r").wait_for("[6 Run]>");
    let drawing = found(terminal.process(), "ui");
    let run = found(drawing, "run");
    terminal.keys("x").wait_for("Stopped. No result was written");
    ends_soon(run);
    assert!(!workspace.path("out.csv").exists());
    terminal.keys("r").wait_for("[6 Run]>");
    kill("-KILL", found(drawing, "run"));
    terminal.wait_for("ended by the system");
    // Leaving asks first, and takes the run along.
    terminal.keys("r").wait_for("[6 Run]>");
    let run = found(drawing, "run");
    terminal.keys("q").wait_for("A run is going on");
    assert_eq!(terminal.keys("\r").ends(), 0);
    ends_soon(run);
    terminal.assert_restored();
}

#[test]
fn the_terminal_is_restored_however_it_ends() {
    for (signal, whom) in [
        ("-TERM", "guard"),
        ("-HUP", "guard"),
        ("-INT", "guard"),
        ("-TERM", "drawing"),
        ("-KILL", "drawing"),
        ("-KILL", "guard"),
    ] {
        let workspace = workspace();
        workspace.anomal(&["init", "access.csv", "-o", "job.yaml", "--no-trial"]).expect(0, &[]);
        let mut terminal = start(&workspace, &["ui", "job.yaml"]);
        terminal.wait_for("Used as");
        // Something to lose.
        terminal.keys("2+").wait_for("Weight 2");
        let (guard, drawing) = (terminal.process(), found(terminal.process(), "ui"));
        if signal == "-KILL" {
            // The draft is written after half a second.
            let drafts = workspace.path(".home/.local/state/anomal/ui/drafts");
            let until = Instant::now() + Duration::from_secs(20);
            while std::fs::read_dir(&drafts).map_or(0, Iterator::count) == 0 {
                assert!(Instant::now() < until, "no draft");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        kill(signal, if whom == "guard" { guard } else { drawing });
        let code = terminal.ends();
        ends_soon(drawing);
        terminal.assert_restored();
        assert_ne!(code, 0, "{signal} {whom}");
        let mut again = start(&workspace, &[]);
        again.wait_for("draft, not written yet");
        assert_eq!(again.keys("q").ends(), 0, "{signal} {whom}");
        assert!(!workspace.read("job.yaml").contains("multiplier: 2}"));
    }
}

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
#[ignore = "needs the cluster of `cargo xtask test`"]
fn it_opens_in_the_image_as_a_user_without_a_home() {
    let Some(cluster) = anomal_tests::cluster::cluster() else { return };
    if cluster.machine_address().is_none() {
        return anomal_tests::skip("containers of a named cluster can't be given a terminal");
    }
    let script = repository().join("tests/testbed/cluster.sh").to_string_lossy().into_owned();
    let name = format!("ui-{}", std::process::id());
    let words = [
        "bash",
        &script,
        "inside",
        "ctr",
        "--namespace",
        "k8s.io",
        "run",
        "--rm",
        "--tty",
        "--env",
        "TERM=xterm",
        "localhost/anomal/runner:test",
        &name,
    ];
    let workspace = Workspace::default();
    // The cluster's state is below the home of the tests.
    let home = std::env::var("HOME").unwrap_or_default();
    let environment = [("HOME", home.as_str())];
    let mut terminal =
        Terminal::start_program(workspace.folder.path(), &words, 100, 30, &environment);
    // The container's root, where a link to a folder is one.
    let home = terminal.wait_for("Open a data file");
    terminal.wait_for("var ");
    assert!(!home.contains("os error"), "{home}");
    terminal.keys("oetc/hostname\r").wait_for("! ");
    assert_eq!(terminal.keys("\x1bq").ends(), 0);
    terminal.assert_restored();
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
fn a_flag_is_added_and_runs() {
    let workspace = workspace();
    workspace.anomal(&["init", "access.csv", "-o", "job.yaml", "--no-trial"]).expect(0, &[]);
    let mut terminal = start(&workspace, &["ui", "--report-store", "reports", "job.yaml"]);
    terminal.wait_for("Used as");
    terminal.keys("3a").wait_for("add a flag");
    terminal.keys("condition\r").wait_for("new_flag");
    // The condition is completed in the line that is open.
    terminal.keys("\x1b[F\x1b").wait_for("Added");
    assert!(workspace.read("job.yaml").lines().all(|line| !line.contains("new_flag")));
    terminal.keys("r\r").wait_for("[7 Results]+");
    assert!(workspace.read("job.yaml").contains("new_flag"));
    assert_eq!(terminal.keys("q").ends(), 0);
}

/// Answers typed ahead, as a script does.
fn plain(workspace: &Workspace, answers: &str, environment: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(anomal_tests::program("anomal"));
    command.args(["ui", "--plain", "--report-store", "reports"]);
    command.current_dir(workspace.path("")).env("HOME", workspace.path(".home"));
    command.env_remove("XDG_STATE_HOME").envs(environment.iter().copied());
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("anomal starts");
    let mut input = child.stdin.take().expect("its input");
    std::io::Write::write_all(&mut input, answers.as_bytes()).expect("answers are taken");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn in_lines_of_text_from_a_file_to_explained_suspects() {
    let workspace = workspace();
    let (code, text) = plain(&workspace, "1\nrun\n\n1\n1\nback\nquit\n", &[]);
    assert_eq!(code, 0, "{text}");
    for part in [
        "1   > access.csv",
        "A whole job is proposed",
        "Write the settings to this file, and run them [job.yaml]",
        "[Incidents",
        "filter of rows: incident 1",
        "Why                                  Share",
        "/../../x%2fx%2f",
        "-- record",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    // The file that it wrote is an ordinary job.
    let first = workspace.bytes("access.results.parquet");
    workspace.anomal(&["run", "job.yaml", "--quiet"]).expect(0, &[]);
    assert!(workspace.bytes("access.results.parquet") == first);
    // The end of the answers is the end; what was changed is kept as a draft.
    workspace.write("editor.sh", b"sed -i 's/engine: Ensemble/engine: HBOS/' \"$2\"\n");
    let environment = [("EDITOR", "sh editor.sh"), ("TERM", "dumb")];
    let (code, text) = plain(&workspace, "job.yaml\no\njob.yaml\nyaml\nDetector", &environment);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("! job.yaml: there is no such line or command"), "{text}");
    assert!(text.contains("* HBOS"), "{text}");
    let (_, text) = plain(&workspace, "", &[]);
    assert!(text.contains("draft, not written yet"), "{text}");
    assert!(workspace.read("job.yaml").contains("engine: Ensemble"));
}
