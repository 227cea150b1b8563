//! A panic while a screen is drawn, in a terminal. The program with such a screen is this test program itself.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use anomal_tui::Screen;
use clap::Parser;

use super::*;
use crate::{
    args::{Arguments, Command as Verb},
    commands::ui::guard,
};

/// Says that the test below is to be the program.
const IS_PROGRAM: &str = "ANOMAL_UI_TEST_PROGRAM";
/// How long something may take to be shown, also on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(90);
const JOB: &str = "\
input:
  csv: {path: data.csv}
features:
  - {type: field, name: size}
classification: {engine: HBOS}
outputs:
  - csv: {path: out.csv}
";

fn broken_view(model: &Model) -> Buffer {
    assert!(model.screen() != Screen::Outputs, "this screen can't be drawn");
    model.view()
}

/// Not a test: what the guard starts, and the guard.
#[test]
fn program_with_a_broken_screen() {
    if std::env::var_os(IS_PROGRAM).is_none() {
        return;
    }
    let arguments = Arguments::parse_from(["anomal", "ui", "job.yaml"]);
    let Verb::Ui(arguments) = arguments.command else { unreachable!() };
    let result = if guard::is_guarded() {
        run_with(&arguments, broken_view)
    } else {
        guard::run(&std::env::args_os().collect::<Vec<_>>())
    };
    std::process::exit(result.unwrap_or_else(Failure::report).into());
}

/// The program in a terminal; killed when dropped.
struct Program {
    script: Child,
    written: Receiver<Vec<u8>>,
    all: String,
}

impl Program {
    fn start(folder: &Path) -> Self {
        let program = std::env::current_exe().unwrap();
        let name = "commands::ui::session::tests::program_with_a_broken_screen";
        // It is seen after the end how the program leaves the terminal.
        let line = format!(
            "'{}' --exact {name} --nocapture; echo code=$?; stty -a",
            program.to_string_lossy()
        );
        let mut command = Command::new("script");
        command.args(["--quiet", "--flush", "--command", &line, "/dev/null"]).current_dir(folder);
        command.env(IS_PROGRAM, "1").env("SHELL", "/bin/sh").env("TERM", "xterm-256color");
        command.env("HOME", folder.join("home")).env_remove("CI").env_remove("XDG_STATE_HOME");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = command.spawn().expect("script, of util-linux, starts");
        let mut output = script.stdout.take().unwrap();
        let (send, written) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { script, written, all: String::new() }
    }

    fn wait_for(&mut self, part: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.all.contains(part) {
            match self.written.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.all += &String::from_utf8_lossy(&bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{part:?} was never written, but {:?}", self.all)
                }
            }
        }
    }

    fn keys(&mut self, keys: &str) {
        let input = self.script.stdin.as_mut().unwrap();
        input.write_all(keys.as_bytes()).unwrap();
        input.flush().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[test]
fn a_panic_while_drawing_loses_nothing_and_leaves_a_usable_terminal() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("job.yaml"), JOB).unwrap();
    let rows = [0, 1, 2, 3, 4, 5, 6].map(|row| format!("{row}\n")).concat().repeat(7);
    fs::write(folder.path().join("data.csv"), "size\n".to_owned() + &rows).unwrap();
    let mut program = Program::start(folder.path());
    program.wait_for("integer");
    // The change and the panic come at once, before the draft of a change that rests.
    program.keys("2+5");
    program.wait_for("code=1");
    program.wait_for("echo");
    let (_, left) = program.all.split_once(anomal_tui::terminal::LEAVE).expect("it has left");
    for part in ["this screen can't be drawn", "the terminal interface has failed"] {
        assert!(left.contains(part), "{part}: {left:?}");
    }
    // Nothing is drawn behind the end, and lines are edited and echoed as before.
    assert!(!left.contains("\x1b[?1049h"), "{left:?}");
    program.wait_for("opost");
    let words: Vec<&str> = program.all.split_whitespace().collect();
    assert!(["icanon", "echo", "isig", "opost"].iter().all(|word| words.contains(word)));
    assert_eq!(fs::read_to_string(folder.path().join("job.yaml")).unwrap(), JOB);
    let drafts = folder.path().join("home/.local/state/anomal/ui/drafts");
    let drafts: Vec<String> = fs::read_dir(drafts)
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert!(drafts.iter().any(|draft| draft.contains("multiplier: 2")), "{drafts:?}");
}
