//! What the keys of screens do.

use crate::{
    effect::{ClusterRequest, Effect},
    keymap::Action,
    model::{Cursor, Model, Screen, Tab},
    overlays::{Choice, Confirm, Overlay, Prompt, Purpose},
};

impl Model {
    pub(crate) fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Up => return self.move_by(-1),
            Action::Down => return self.move_by(1),
            Action::PageUp => return self.page(-1),
            Action::PageDown => return self.page(1),
            Action::First => return self.move_by(isize::MIN),
            Action::Last => return self.move_by(isize::MAX),
            Action::Enter => return self.enter(),
            Action::Back => return self.back(),
            Action::Step(screen) => return self.go_to(screen),
            Action::NextStep => return self.step_by(1),
            Action::PreviousStep => return self.step_by(-1),
            Action::Home => {
                self.screen = Screen::Home;
                let list = Effect::List { folder: self.home.folder.clone() };
                return self.leave_cluster().into_iter().chain([list]).collect();
            }
            Action::Help => self.overlay = Some(Overlay::Help(self.screen, 0)),
            Action::Palette => self.overlay = Some(Overlay::palette(self.screen)),
            Action::Filter => self.ask_filter(),
            Action::OpenPath => {
                self.ask(Purpose::OpenPath, "Path or URL of a data file or a job", "");
            }
            Action::Run => return self.start_run(),
            Action::Stop => return self.stop_run(),
            Action::Interrupt if self.is_running() => {
                self.overlay = Some(Overlay::Confirm(Confirm::Stop));
            }
            Action::Interrupt => self.say("q quits"),
            Action::Log if self.screen == Screen::Job => {
                if let Some(cluster) = &mut self.cluster {
                    (cluster.shows_log, cluster.scroll) = (!cluster.shows_log, 0);
                }
            }
            Action::Log => {
                if let Some(run) = &mut self.run {
                    run.shows_log = !run.shows_log;
                }
            }
            Action::Repaint => return vec![Effect::Repaint],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Quit if self.is_running() => {
                self.overlay = Some(Overlay::Confirm(Confirm::Quit));
            }
            Action::Quit => return self.quit(),
            Action::NextTab | Action::PreviousTab => {
                return self.change_tab(action == Action::NextTab);
            }
            Action::Sort => return self.sort(),
            Action::Parameters if self.job.is_some() => return self.open_form(),
            Action::Verdict => self.ask_verdict(),
            Action::Zoom => return self.zoom(),
            Action::Copy => self.choose_copy(),
            Action::Editor => {
                let line = self.selected_line();
                let text = self.settings().map(str::to_owned);
                return text.map(|text| Effect::Editor { text, line }).into_iter().collect();
            }
            Action::Mouse => {
                let on = !self.mouse;
                self.mouse = on;
                self.say(if on {
                    "The mouse selects and scrolls here"
                } else {
                    "The mouse is the terminal's, which selects text; m takes it again"
                });
                return vec![Effect::Mouse(on)];
            }
            Action::Cluster => return self.open_cluster(),
            Action::Namespace => self.ask_namespace(),
            Action::Browser if matches!(self.screen, Screen::Jobs | Screen::Job) => {
                return self.browse_job();
            }
            Action::Browser => {
                let report = self.report_with_pages();
                return report.map(|id| Effect::Browse { id }).into_iter().collect();
            }
            Action::Pdf => {
                if self.report_with_pages().is_some() {
                    self.ask(Purpose::Pdf, "Write the report as a PDF to", "report.pdf");
                }
            }
            other => return self.act_on_settings(other),
        }
        Vec::new()
    }

    /// Leaves, keeping what is not written.
    pub(crate) fn quit(&mut self) -> Vec<Effect> {
        let draft = self.draft().map(|(path, text)| Effect::Draft {
            path: path.to_owned(),
            text: Some(text.to_owned()),
        });
        // Of a proposal that was only looked at, nothing is kept.
        let is_changed = self.job.as_ref().is_some_and(crate::model::Job::is_touched);
        draft.filter(|_| is_changed).into_iter().chain([Effect::Quit]).collect()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(crate::model::Run::is_running)
    }

    pub(crate) fn ask(&mut self, purpose: Purpose, title: &str, text: &str) {
        self.overlay = Some(Overlay::Prompt(Prompt::new(purpose, title, text)));
    }

    pub(crate) fn choose(&mut self, choice: Choice) {
        self.overlay = Some(Overlay::Choice(choice));
    }

    fn ask_filter(&mut self) {
        let text = match (self.screen, &self.job, &self.results) {
            (Screen::Home, ..) => self.home.filter.clone(),
            (Screen::Data, Some(job), _) => job.filter.clone(),
            (Screen::Results, _, Some(results)) => results.query.search.clone(),
            _ => return,
        };
        self.ask(Purpose::Filter, "List only what contains", &text);
    }

    fn enter(&mut self) -> Vec<Effect> {
        match self.screen {
            Screen::Home => self.open_selected(),
            Screen::Data => self.step_by(1),
            Screen::Features | Screen::Flags | Screen::Outputs => self.open_form(),
            Screen::Detector => self.choose_on_detector(),
            Screen::Run => match &self.run {
                Some(run) if run.is_running() => Vec::new(),
                _ if self.results.is_some() && self.run_has_results() => {
                    self.go_to(Screen::Results)
                }
                _ => self.start_run(),
            },
            Screen::Results => self.look_at(),
            Screen::Jobs => self.look_at_job(),
            Screen::Row | Screen::Job => Vec::new(),
        }
    }

    fn run_has_results(&self) -> bool {
        let report = self.run.as_ref().and_then(|run| run.summary.as_ref()?.report.as_ref());
        let shown = self.results.as_ref().map(|results| &results.report.id);
        report.map(|report| &report.id) == shown
    }

    fn back(&mut self) -> Vec<Effect> {
        match self.screen {
            Screen::Row => self.screen = Screen::Results,
            Screen::Home if !self.home.filter.is_empty() => self.home.filter.clear(),
            Screen::Home if self.home.opening.is_some() => {
                self.home.opening = None;
                self.say("Stopped waiting");
            }
            Screen::Home => self.say("q quits"),
            Screen::Results
                if self.results.as_ref().is_some_and(|r| r.query.filter().is_some()) =>
            {
                return self.search(String::new());
            }
            Screen::Results
                if self.results.as_ref().is_some_and(|results| results.query.times.is_some()) =>
            {
                return self.look_at_all_times();
            }
            Screen::Results if self.job.is_none() => return self.act(Action::Home),
            Screen::Data | Screen::Jobs => return self.act(Action::Home),
            Screen::Job => {
                self.screen = Screen::Jobs;
                return vec![Effect::Cluster(ClusterRequest::LookAway)];
            }
            _ => return self.step_by(-1),
        }
        Vec::new()
    }

    pub(crate) fn go_to(&mut self, screen: Screen) -> Vec<Effect> {
        let before = self.screen;
        match screen {
            Screen::Results if self.results.is_none() => {
                self.complain("There are no results yet; r runs the settings");
            }
            Screen::Results | Screen::Home => self.screen = screen,
            _ if self.job.is_none() => {
                self.complain("Open a data file or a job first; 0 goes there");
            }
            _ => self.screen = screen,
        }
        if self.screen == before { Vec::new() } else { self.leave_cluster() }
    }

    fn step_by(&mut self, by: isize) -> Vec<Effect> {
        let Some(step) = self.screen.step() else { return Vec::new() };
        match step.checked_add_signed(by).and_then(|step| Screen::STEPS.get(step)) {
            Some(screen) => self.go_to(*screen),
            None => Vec::new(),
        }
    }

    /// The selected line of a list that is shown, and how long the list is.
    pub(crate) fn list(&mut self) -> Option<(&mut Cursor, usize)> {
        let screen = self.screen;
        match screen {
            Screen::Home => {
                let count = self.home_items().len();
                Some((&mut self.home.cursor, count))
            }
            Screen::Results => {
                let results = self.results.as_mut()?;
                let count = results.count(results.tab);
                Some((&mut results.cursors[results.tab as usize], count))
            }
            Screen::Row => {
                let results = self.results.as_mut()?;
                Some((&mut results.cursors[Tab::Rows as usize], results.rows.total))
            }
            Screen::Jobs => {
                let cluster = self.cluster.as_mut()?;
                Some((&mut cluster.cursor, cluster.jobs.len()))
            }
            Screen::Run | Screen::Job => None,
            _ => {
                let job = self.job.as_mut()?;
                let count = job.count(screen, &self.options);
                let step = screen.step()?;
                let cursor = if screen == Screen::Detector && job.on_detectors {
                    &mut job.detector
                } else {
                    &mut job.cursors[step]
                };
                Some((cursor, count))
            }
        }
    }

    pub(crate) fn move_by(&mut self, by: isize) -> Vec<Effect> {
        if self.screen == Screen::Job {
            self.scroll_job(by);
            return Vec::new();
        }
        let Some((cursor, count)) = self.list() else { return Vec::new() };
        let last = count.saturating_sub(1);
        cursor.at = cursor.at.saturating_add_signed(by).min(last);
        self.moved()
    }

    fn page(&mut self, by: isize) -> Vec<Effect> {
        if self.screen == Screen::Row {
            if let Some(results) = &mut self.results {
                results.scroll =
                    results.scroll.saturating_add_signed(by * 5).min(results.last_line());
            }
            return Vec::new();
        }
        let lines = isize::from(i16::try_from(self.size.height / 2).unwrap_or(10)).max(1);
        self.move_by(by * lines)
    }

    /// What is read for the line that is selected now.
    pub(crate) fn moved(&mut self) -> Vec<Effect> {
        match self.screen {
            Screen::Home => self.peek().into_iter().collect(),
            Screen::Results => self.fetch_rows().into_iter().collect(),
            Screen::Row => self.fetch_selected(),
            _ => Vec::new(),
        }
    }
}
