//! Runs, each a process of its own: what it takes is given back, and if it is killed, the interface goes on.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc::SyncSender},
    thread,
};

use anomal_tui::{Message, RunEvent};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::session::Event;
use crate::{args::ReportStore, present::progress::step_words};

/// The longest line of a log that is shown, in bytes.
const LONGEST_LINE: usize = 4_096;

/// The command that runs a settings file.
pub fn command(path: &str, store: &ReportStore, secrets: Option<&Path>) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "anomal".into());
    let mut command = Command::new(program);
    command.env_remove(super::guard::VARIABLE);
    command.args(["run", "--summary", "none", "--progress", "json", "--attached", "--keep-report"]);
    if let Some(store) = &store.report_store {
        command.args(["--report-store", store]);
    }
    if let Some(secrets) = secrets {
        command.arg("--secrets").arg(secrets);
    }
    command.args(["--", path]).env("NO_COLOR", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The run that goes on, if one does.
#[derive(Clone, Default)]
pub struct Running(Arc<Mutex<Option<Process>>>);

struct Process {
    id: Option<Pid>,
    /// Once it is closed, the run stops.
    _input: Option<ChildStdin>,
}

impl Running {
    /// Starts a run, and reports what it prints.
    pub fn start(&self, mut command: Command, send: SyncSender<Event>) {
        let report = move |event| drop(send.send(Event::Message(Box::new(Message::Run(event)))));
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                thread::spawn(move || {
                    report(RunEvent::Log(format!("cannot start a run: {error}")));
                    report(RunEvent::Ended { code: Some(1) });
                });
                return;
            }
        };
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        self.set(Some(Process { id, _input: child.stdin.take() }));
        let running = self.clone();
        thread::spawn(move || {
            report(RunEvent::Started { pid: child.id() });
            let lines = child
                .stderr
                .take()
                .map(BufReader::new)
                .into_iter()
                .flat_map(SplitLines::split_lines);
            for line in lines {
                report(event(&line));
            }
            let code = child.wait().ok().and_then(|status| status.code());
            running.set(None);
            report(RunEvent::Ended { code });
        });
    }

    pub fn stop(&self, kill: bool) {
        let signal = if kill { Signal::KILL } else { Signal::TERM };
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = running.as_ref().and_then(|process| process.id) {
            // It may have ended in between.
            let _ = kill_process(id, signal);
        }
    }

    fn set(&self, process: Option<Process>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = process;
    }
}

/// Lines of any bytes.
trait SplitLines: BufRead + Sized {
    fn split_lines(self) -> impl Iterator<Item = String> {
        let lines = self.split(b'\n').map_while(Result::ok);
        lines.map(|line| String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

impl<T: BufRead> SplitLines for T {}

/// What a line of a run says.
fn event(line: &str) -> RunEvent {
    let parsed: Option<Value> =
        line.starts_with('{').then(|| serde_json::from_str(line).ok()).flatten();
    let Some(value) = parsed else {
        let end = (0..=line.len().min(LONGEST_LINE)).rev().find(|end| line.is_char_boundary(*end));
        return RunEvent::Log(line[..end.unwrap_or(0)].to_owned());
    };
    if let Some(stage) = value["stage"].as_str() {
        return RunEvent::Stage(stage.to_owned());
    }
    if let Some(rows) = value["rows"].as_u64() {
        let (done, total) = (value["done"].as_u64().unwrap_or(0), value["total"].as_u64());
        if let Some(step) = value["step"].as_str() {
            let words = step_words(step, value["secondsLeft"].as_f64());
            return RunEvent::Step { rows, done, total, words };
        }
        return RunEvent::Progress { rows, done, total };
    }
    match serde_json::from_value(value["summary"].clone()) {
        Ok(summary) => RunEvent::Summary(Box::new(summary)),
        Err(error) => RunEvent::Log(format!("the summary is not understood: {error}")),
    }
}
