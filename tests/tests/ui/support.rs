//! The data, the programs and the processes of these tests.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anomal_tests::{Workspace, pty::Terminal};

/// An access log as servers write them: 2,000 requests of 40 clients, and an attack that tries paths.
pub fn access_log() -> Vec<u8> {
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

pub fn workspace() -> Workspace {
    Workspace::with_files(&[("access.csv", &access_log())])
}

pub fn start(workspace: &Workspace, arguments: &[&str]) -> Terminal {
    Terminal::start(workspace.folder.path(), arguments, 100, 30)
}

/// A job over a pipe that no one writes to, which runs until it is stopped.
pub fn endless() -> Workspace {
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

pub fn found(parent: u32, argument: &str) -> u32 {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(pid) = child_of(parent, argument) {
            return pid;
        }
        assert!(Instant::now() < until, "{parent} has no child with {argument}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn kill(signal: &str, pid: u32) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill");
    assert!(sent.success());
}

fn is_running(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = state.rsplit_once(") ").map(|(_, rest)| rest.chars().next().unwrap_or('X'));
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

#[track_caller]
pub fn ends_soon(pid: u32) {
    let until = Instant::now() + Duration::from_secs(20);
    while is_running(pid) {
        assert!(Instant::now() < until, "{pid} still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Answers typed ahead, as a script does.
pub fn plain(workspace: &Workspace, answers: &str, environment: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(anomal_tests::program("anomal"));
    command.args(["ui", "--plain", "--report-store", "reports"]);
    command.current_dir(workspace.path("")).env("HOME", workspace.path(".home"));
    for name in ["XDG_STATE_HOME", "KUBECONFIG"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied());
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
