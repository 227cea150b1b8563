//! Writing the settings, and running them.

use crate::{
    effect::Effect,
    message::{RunEvent, WriteProblem},
    model::{Ended, Model, Run, Screen, StageTime},
    overlays::{Confirm, Overlay, Purpose},
};

/// Lines of the log that are kept.
const LOG_LINES: usize = 2_000;

impl Model {
    pub(crate) fn start_run(&mut self) -> Vec<Effect> {
        if self.is_running() {
            self.screen = Screen::Run;
            self.say("It is running already");
            return Vec::new();
        }
        let Some(job) = &self.job else {
            self.complain("Open a data file or a job first; 0 goes there");
            return Vec::new();
        };
        if !job.document.issues().is_empty() {
            self.go_to_issue(0);
            return Vec::new();
        }
        let path = job.path.clone();
        if job.is_written() {
            return self.run_file(path);
        }
        self.ask(Purpose::WriteAndRun, "Write the settings to this file, and run them", &path);
        Vec::new()
    }

    pub(crate) fn run_file(&mut self, path: String) -> Vec<Effect> {
        self.screen = Screen::Run;
        self.run = Some(Run {
            path: path.clone(),
            pid: None,
            since: self.now,
            ended: None,
            stages: Vec::new(),
            progress: (0, 0, None),
            step: String::new(),
            log: Vec::new(),
            shows_log: false,
            stopping: false,
            summary: None,
        });
        self.leave_cluster().into_iter().chain([Effect::Run { path }]).collect()
    }

    pub(crate) fn stop_run(&mut self) -> Vec<Effect> {
        let Some(run) = self.run.as_mut().filter(|run| run.is_running()) else {
            self.say("Nothing is running");
            return Vec::new();
        };
        let kill = run.stopping;
        run.stopping = true;
        self.say(if kill { "Killed" } else { "Asked to stop; x again kills it" });
        vec![Effect::Stop { kill }]
    }

    /// Writes the settings to a path. `force` replaces whatever is there.
    pub(crate) fn write_to(&mut self, path: &str, force: bool) -> Vec<Effect> {
        let path = path.trim();
        let here = self.options.folder.clone();
        let Some(job) = self.job.as_mut().filter(|_| !path.is_empty()) else { return Vec::new() };
        if path != job.path
            && let Err(message) = job.move_to(path, &here)
        {
            self.complain(message);
            return Vec::new();
        }
        let (text, known) = (job.document.text().to_owned(), job.written.clone());
        vec![Effect::Write { path: path.to_owned(), text, known, force }]
    }

    pub(crate) fn written(
        &mut self,
        path: String,
        text: String,
        result: Result<(), WriteProblem>,
    ) -> Vec<Effect> {
        let run = std::mem::take(&mut self.run_after_write);
        match result {
            Ok(()) => {
                if let Some(job) = self.job.as_mut().filter(|job| job.path == path) {
                    job.written = Some(text);
                    job.changed_at = None;
                }
                self.say(format!("Written to {path}"));
                let forget = Effect::Draft { path: path.clone(), text: None };
                let run = if run { self.run_file(path) } else { Vec::new() };
                [forget].into_iter().chain(run).collect()
            }
            Err(WriteProblem::Changed) => {
                self.overlay = Some(Overlay::Confirm(Confirm::Replace { path, run }));
                Vec::new()
            }
            Err(WriteProblem::Failed(message)) => {
                self.complain(message);
                Vec::new()
            }
        }
    }

    pub(crate) fn run_event(&mut self, event: RunEvent) -> Vec<Effect> {
        let now = self.now;
        let Some(run) = &mut self.run else { return Vec::new() };
        match event {
            RunEvent::Started { pid } => run.pid = Some(pid),
            RunEvent::Stage(name) => {
                if let Some(last) = run.stages.last_mut() {
                    last.to = Some(now);
                }
                run.progress = (0, 0, None);
                run.step.clear();
                run.stages.push(StageTime { name, from: now, to: None, rows: 0 });
            }
            RunEvent::Progress { rows, done, total } => {
                self.run_progress(rows, done, total, String::new());
            }
            RunEvent::Step { rows, done, total, words } => {
                self.run_progress(rows, done, total, words);
            }
            RunEvent::Log(line) => {
                run.log.push(line);
                let surplus = run.log.len().saturating_sub(LOG_LINES);
                run.log.drain(..surplus);
            }
            RunEvent::Summary(summary) => run.summary = Some(*summary),
            RunEvent::Ended { code } => return self.run_ended(code),
        }
        Vec::new()
    }

    fn run_progress(&mut self, rows: u64, done: u64, total: Option<u64>, step: String) {
        let Some(run) = &mut self.run else { return };
        run.progress = (rows, done, total);
        run.step = step;
        if let Some(last) = run.stages.last_mut() {
            last.rows = rows;
        }
    }

    fn run_ended(&mut self, code: Option<i32>) -> Vec<Effect> {
        let Some(run) = &mut self.run else { return Vec::new() };
        run.ended = Some(Ended { code, at: self.now });
        if let Some(last) = run.stages.last_mut() {
            last.to = Some(self.now);
        }
        let report = run.summary.as_ref().and_then(|summary| summary.report.clone());
        let stopped = run.stopping;
        match (code, report) {
            (Some(0 | 10), Some(report)) => {
                self.say("Done");
                return vec![Effect::OpenReport { id: report.id }];
            }
            (Some(0 | 10), None) => self.say("Done"),
            _ if stopped => self.say("Stopped; no result was written"),
            (None, _) => self.complain(
                "The run was ended by the system; if memory was short, use --memory, Parquet, or a detector of linear memory",
            ),
            (Some(_), _) => {
                let last = self.run.as_ref().and_then(|run| run.log.last().cloned());
                self.complain(last.unwrap_or_else(|| "The run has failed".to_owned()));
            }
        }
        Vec::new()
    }
}
