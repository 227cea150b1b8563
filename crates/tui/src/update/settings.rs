//! Changes of the settings. Each is an edit of the text; what can't be said there can't be done here.

use anomal_spec::edit::{Change, ListEntry, Step};
use serde_json::{Value as Json, json};

use super::choices::ROLES;
use crate::{
    document::keys,
    effect::Effect,
    keymap::Action,
    model::{Job, Model, PreviewState, Screen},
    overlays::{Choice, Choosable, Chosen, Overlay, Purpose, YamlEditor},
};

/// Weights that `+` and `-` go through.
const WEIGHTS: [f64; 9] = [0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0];
const SEVERITIES: [&str; 3] = ["low", "medium", "high"];
impl Model {
    pub(crate) fn act_on_settings(&mut self, action: Action) -> Vec<Effect> {
        let Some(job) = &mut self.job else {
            self.complain("Open a data file or a job first; 0 goes there");
            return Vec::new();
        };
        match action {
            Action::Undo if job.document.undo() => return self.changed("Undone"),
            Action::Undo => self.say("Nothing to undo"),
            Action::Redo if job.document.redo() => return self.changed("Done again"),
            Action::Redo => self.say("Nothing to do again"),
            Action::Yaml => {
                let line = self.selected_line();
                return self.edit_yaml(line);
            }
            Action::Write if job.is_written() => self.say("Written already"),
            Action::Write if job.written.is_some() => {
                let path = job.path.clone();
                return self.write_to(&path, false);
            }
            Action::Write | Action::WriteAs => {
                let path = job.path.clone();
                self.ask(Purpose::Write, "Write the settings to this file", &path);
            }
            Action::NextIssue | Action::PreviousIssue => {
                let count = job.document.issues().len();
                if count == 0 {
                    self.say("The settings have no problem");
                } else {
                    let forward = action == Action::NextIssue;
                    let at = self
                        .issue_at
                        .map_or(0, |at| (at + if forward { 1 } else { count - 1 }) % count);
                    self.go_to_issue(at);
                }
            }
            Action::Preview => {
                let generation = self.generation + 1;
                self.generation = generation;
                let now = self.now;
                job.preview = PreviewState::Loading(generation, now);
                return vec![job.preview_effect(generation)];
            }
            Action::Rows => job.shows_rows = !job.shows_rows,
            Action::TimeColumn => {
                let Some(column) = job.selected_column() else { return Vec::new() };
                return self.use_column(&column, 3);
            }
            Action::Role => {
                let Some(column) = job.selected_column() else { return Vec::new() };
                let title = format!("Use {column} as");
                let option = |(index, role): (usize, &&str)| {
                    Choosable::new(*role, Chosen::Role(column.clone(), index))
                };
                let options = ROLES.iter().enumerate().map(option).collect();
                self.choose(Choice::new(&title, options));
            }
            Action::Add => self.choose_addition(),
            Action::Toggle => return self.toggle(),
            Action::Heavier | Action::Lighter => return self.weigh(action == Action::Heavier),
            Action::Severity => return self.next_severity(),
            Action::Remove => {
                return self.edit_selected(|_| Change::Remove, "Removed; u undoes it");
            }
            Action::MoveDown | Action::MoveUp => return self.move_item(action == Action::MoveDown),
            _ => {}
        }
        Vec::new()
    }

    /// The selected item of a list with its path.
    pub(super) fn selected_item(&self) -> Option<(ListEntry, Vec<Step>)> {
        let job = self.job.as_ref()?;
        let key = Job::list_key(self.screen)?;
        let items = job.items(self.screen);
        let at = job.cursors[self.screen.step()?].at;
        let entry = items.get(at)?.clone();
        let index = items[..at].iter().filter(|item| item.on).count();
        Some((entry, vec![Step::from(key), Step::from(index)]))
    }

    fn edit_selected(&mut self, change: impl Fn(&ListEntry) -> Change, note: &str) -> Vec<Effect> {
        let Some((entry, path)) = self.selected_item() else { return Vec::new() };
        if !entry.on {
            self.say("It is off; Space switches it on");
            return Vec::new();
        }
        self.edit(&[(path, change(&entry))], note)
    }

    fn toggle(&mut self) -> Vec<Effect> {
        let Some((entry, path)) = self.selected_item() else { return Vec::new() };
        match (entry.on, path.split_last()) {
            (false, Some((_, list))) => {
                self.edit(&[(list.to_vec(), Change::SwitchOn(entry.line))], "On again")
            }
            _ => self.edit(&[(path, Change::SwitchOff)], "Off; its lines stay as comments"),
        }
    }

    fn weigh(&mut self, up: bool) -> Vec<Effect> {
        let Some((entry, mut path)) = self.selected_item() else { return Vec::new() };
        let weight = entry.value.get("multiplier").and_then(Json::as_f64).unwrap_or(1.0);
        let mut weights = WEIGHTS.iter().copied();
        let next = if up { weights.find(|w| *w > weight) } else { weights.rfind(|w| *w < weight) };
        let Some(next) = next.filter(|_| entry.on) else { return Vec::new() };
        path.push(Step::from("multiplier"));
        let change = if next == 1.0 && entry.value.get("multiplier").is_some() {
            Change::Remove
        } else {
            Change::Set(number(next))
        };
        self.edit(&[(path, change)], &format!("Weight {next}"))
    }

    fn next_severity(&mut self) -> Vec<Effect> {
        let Some((entry, mut path)) = self.selected_item() else { return Vec::new() };
        let now = entry.value.get("severity").and_then(Json::as_str).unwrap_or("medium");
        let at = SEVERITIES.iter().position(|severity| *severity == now).unwrap_or(0);
        let next = SEVERITIES[(at + 1) % SEVERITIES.len()];
        path.push(Step::from("severity"));
        if !entry.on {
            return Vec::new();
        }
        self.edit(&[(path, Change::Set(json!(next)))], &format!("Severity {next}"))
    }

    fn move_item(&mut self, down: bool) -> Vec<Effect> {
        let Some((entry, path)) = self.selected_item() else { return Vec::new() };
        let Some((Step::Index(index), list)) = path.split_last() else { return Vec::new() };
        let first = if down { Some(*index) } else { index.checked_sub(1) };
        let Some(first) = first.filter(|_| entry.on) else { return Vec::new() };
        let at = list.iter().cloned().chain([Step::Index(first)]).collect();
        let before = self.settings().map(str::to_owned);
        let effects = self.edit(&[(at, Change::SwapWithNext)], "Moved");
        if self.settings().map(str::to_owned) != before {
            self.move_by(if down { 1 } else { -1 });
        }
        effects
    }

    /// Changes the settings in one step that can be undone.
    pub(crate) fn edit(&mut self, changes: &[(Vec<Step>, Change)], note: &str) -> Vec<Effect> {
        let Some(job) = &mut self.job else { return Vec::new() };
        match job.document.edit_all(changes) {
            Ok(()) => self.changed(note),
            Err(error) => {
                self.complain(error.to_string());
                Vec::new()
            }
        }
    }

    /// After a change of the settings.
    pub(crate) fn changed(&mut self, note: &str) -> Vec<Effect> {
        self.issue_at = None;
        let now = self.now;
        let Some(job) = &mut self.job else { return Vec::new() };
        job.changed_at = Some(now);
        let issue = job.document.issues().first().map(|issue| issue.message.clone());
        for screen in [Screen::Features, Screen::Flags, Screen::Outputs] {
            let last = job.items(screen).len().saturating_sub(1);
            if let Some(step) = screen.step() {
                job.cursors[step].at = job.cursors[step].at.min(last);
            }
        }
        match issue {
            Some(message) => self.complain(format!("{note}. But now: {message}")),
            None => self.say(note),
        }
        Vec::new()
    }

    /// The line of the text that belongs to what is selected, from 1.
    pub(crate) fn selected_line(&self) -> usize {
        let Some(job) = &self.job else { return 1 };
        if let Some((entry, _)) = self.selected_item() {
            return entry.line;
        }
        let key = match self.screen {
            Screen::Features => "features",
            Screen::Flags => "flags",
            Screen::Detector => "classification",
            Screen::Outputs => "outputs",
            _ => "input",
        };
        job.document.line(&keys(&[key]))
    }

    pub(crate) fn edit_yaml(&mut self, line: usize) -> Vec<Effect> {
        if let Some(job) = &self.job {
            let text = job.document.text();
            if self.options.plain {
                return vec![Effect::Editor { text: text.to_owned(), line }];
            }
            self.overlay = Some(Overlay::Yaml(YamlEditor::new(text, line, 1)));
        }
        Vec::new()
    }

    /// Opens the text at a problem.
    pub(crate) fn go_to_issue(&mut self, at: usize) {
        let Some(job) = &self.job else { return };
        let Some(issue) = job.document.issues().get(at).cloned() else { return };
        if !self.options.plain {
            let (text, line) = (job.document.text(), issue.line.unwrap_or(1));
            self.overlay = Some(Overlay::Yaml(YamlEditor::new(text, line, issue.column)));
        }
        self.issue_at = Some(at);
        let path = if issue.path.is_empty() { String::new() } else { format!("{}: ", issue.path) };
        let place = issue.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        self.complain(format!("{place}{path}{}", issue.message));
    }
}

/// A number as settings have it: whole where it is whole.
fn number(value: f64) -> Json {
    // One of the weights above.
    if value.fract() == 0.0 {
        json!(format!("{value:.0}").parse::<u64>().unwrap_or(1))
    } else {
        json!(value)
    }
}
