//! What lies above a screen and takes the keys.

mod editor;
mod form;
mod prompt;

use serde_json::Value as Json;

use crate::{
    effect::{Effect, Judgement},
    input::Key,
    keymap::{Action, BINDINGS, Binding},
    model::{Model, Screen},
};

pub use editor::YamlEditor;
pub use form::{Field, Form, Kind, typed};
pub use prompt::{LineInput, Prompt, Purpose};

#[derive(Debug)]
pub enum Overlay {
    /// The keys of a screen, from this line on.
    Help(Screen, usize),
    Palette(Screen, LineInput, usize),
    Prompt(Prompt),
    Choice(Choice),
    Confirm(Confirm),
    Yaml(YamlEditor),
    Form(Form),
}

/// One of several.
#[derive(Debug)]
pub struct Choice {
    pub title: String,
    pub options: Vec<Choosable>,
    /// The selected one of those that pass the filter.
    pub at: usize,
    /// Where there are many, only those with these words are listed.
    pub filter: Option<LineInput>,
}

/// An option in words, and what is done if it is chosen.
#[derive(Clone, Debug)]
pub struct Choosable {
    pub text: String,
    pub chosen: Chosen,
    /// The key that chooses it at once, where there is no filter.
    pub key: Option<char>,
}

impl Choosable {
    pub fn new(text: impl Into<String>, chosen: Chosen) -> Self {
        Self { text: text.into(), chosen, key: None }
    }

    pub fn with_key(self, key: char) -> Self {
        Self { text: format!("{key}  {}", self.text), key: Some(key), ..self }
    }
}

#[derive(Clone, Debug)]
pub enum Chosen {
    /// Use a column as one of the roles.
    Role(String, usize),
    /// Copy a text to the clipboard.
    Copy(String),
    /// Add an item to the list of the step.
    Add(Json),
    /// Give an incident the verdict of this name.
    Judge(u64, &'static str),
    /// Write a comment for the verdict on an incident.
    Comment(u64),
    /// Set the selected field of the form, or leave it to its default.
    Field(Option<Json>),
}

impl Choice {
    pub fn new(title: &str, options: Vec<Choosable>) -> Self {
        Self { title: title.to_owned(), options, at: 0, filter: None }
    }

    pub fn filtered(self) -> Self {
        Self { filter: Some(LineInput::default()), ..self }
    }

    /// The option of a key.
    pub fn by_key(&self, key: char) -> Option<usize> {
        self.options.iter().position(|option| option.key == Some(key))
    }

    /// Those that pass the filter.
    pub fn found(&self) -> Vec<&Choosable> {
        let filter = self.filter.as_ref().map(|filter| filter.text.to_lowercase());
        let words: Vec<&str> = filter.iter().flat_map(|text| text.split_whitespace()).collect();
        let fits = |option: &&Choosable| {
            let text = option.text.to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        self.options.iter().filter(fits).collect()
    }
}

/// Something that is asked before it is done.
#[derive(Debug)]
pub enum Confirm {
    /// The file has something else now than when it was read.
    Replace {
        path: String,
        run: bool,
    },
    /// Others have decided about an incident in the meantime, a line each.
    Overrule {
        judgement: Judgement,
        newer: Vec<String>,
    },
    Stop,
    Quit,
}

impl Confirm {
    pub fn question(&self) -> String {
        match self {
            Self::Replace { path, .. } => {
                format!("{path} exists, or has changed since it was read. Replace it?")
            }
            Self::Overrule { newer, .. } => {
                let newer = newer.join("; ");
                format!(
                    "Others have decided in the meantime; nothing is stored: {newer}. Replace that?"
                )
            }
            Self::Stop => "Stop the run? Its results are not written then.".to_owned(),
            Self::Quit => "A run is going on, and is stopped. Quit?".to_owned(),
        }
    }
}

impl Overlay {
    pub fn palette(screen: Screen) -> Self {
        Self::Palette(screen, LineInput::default(), 0)
    }

    /// Text that was pasted.
    pub fn paste(&mut self, text: &str) {
        match self {
            Self::Prompt(prompt) => prompt.input.insert(text),
            Self::Palette(_, input, _) => input.insert(text),
            Self::Yaml(editor) => editor.insert(text),
            Self::Choice(Choice { filter: Some(filter), .. }) => filter.insert(text),
            Self::Help(..) | Self::Choice(_) | Self::Confirm(_) | Self::Form(_) => {}
        }
    }
}

/// The commands of a screen whose words contain all of these.
pub fn commands(screen: Screen, filter: &str) -> Vec<&'static Binding> {
    let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    let on = BINDINGS
        .iter()
        .filter(|binding| binding.is_on(screen) && binding.action != Action::Palette);
    on.filter(|binding| {
        let about = binding.about.to_lowercase();
        words.iter().all(|word| about.contains(word))
    })
    .collect()
}

impl Model {
    pub(crate) fn overlay_key(&mut self, key: Key) -> Vec<Effect> {
        let Some(overlay) = &mut self.overlay else { return Vec::new() };
        if matches!(key, Key::Esc | Key::Ctrl('c')) && !matches!(overlay, Overlay::Yaml(_)) {
            // What asked for a field is a form.
            self.overlay = self.form.take().map(Overlay::Form);
            self.run_after_write = false;
            return Vec::new();
        }
        match overlay {
            Overlay::Help(_, top) => match key {
                Key::Down | Key::Char('j') => *top += 1,
                Key::Up | Key::Char('k') => *top = top.saturating_sub(1),
                _ => self.overlay = None,
            },
            Overlay::Palette(screen, input, at) => {
                let found = commands(*screen, &input.text);
                match key {
                    Key::Enter => {
                        let at = *at;
                        return self.choose_option(at);
                    }
                    Key::Up => *at = at.saturating_sub(1),
                    Key::Down => *at = (*at + 1).min(found.len().saturating_sub(1)),
                    other => {
                        input.key(other);
                        *at = 0;
                    }
                }
            }
            Overlay::Prompt(prompt) => {
                if key == Key::Enter {
                    let (purpose, text) = (prompt.purpose, prompt.input.text.clone());
                    self.overlay = None;
                    return self.prompted(purpose, &text);
                }
                prompt.input.key(key);
                return self.overlay_changed();
            }
            Overlay::Choice(choice) => {
                let last = choice.found().len().saturating_sub(1);
                if let (Key::Char(letter), None) = (key, &choice.filter)
                    && let Some(at) = choice.by_key(letter)
                {
                    return self.choose_option(at);
                }
                match key {
                    Key::Enter => {
                        let at = choice.at;
                        return self.choose_option(at);
                    }
                    Key::Up => choice.at = choice.at.saturating_sub(1),
                    Key::Down => choice.at = (choice.at + 1).min(last),
                    Key::PageUp => choice.at = choice.at.saturating_sub(10),
                    Key::PageDown => choice.at = (choice.at + 10).min(last),
                    other => match &mut choice.filter {
                        Some(filter) => {
                            filter.key(other);
                            choice.at = 0;
                        }
                        None if other == Key::Char('k') => choice.at = choice.at.saturating_sub(1),
                        None if other == Key::Char('j') => choice.at = (choice.at + 1).min(last),
                        None => {}
                    },
                }
            }
            Overlay::Confirm(_) => {
                if matches!(key, Key::Enter | Key::Char('y')) {
                    let Some(Overlay::Confirm(confirm)) = self.overlay.take() else {
                        return Vec::new();
                    };
                    return self.confirmed(confirm);
                }
                if key == Key::Char('n') {
                    self.overlay = None;
                }
            }
            Overlay::Form(_) => return self.form_key(key),
            Overlay::Yaml(editor) => {
                if matches!(key, Key::Esc | Key::Ctrl('c')) {
                    self.overlay = None;
                    return Vec::new();
                }
                editor.key(key, usize::from(self.size.height));
                return self.overlay_changed();
            }
        }
        Vec::new()
    }

    /// Does one of what lies above the screen to choose from.
    pub(crate) fn choose_option(&mut self, at: usize) -> Vec<Effect> {
        match self.overlay.take() {
            Some(Overlay::Palette(screen, input, _)) => {
                let found = commands(screen, &input.text);
                found.get(at).map(|binding| self.act(binding.action)).unwrap_or_default()
            }
            Some(Overlay::Choice(choice)) => {
                let chosen = choice.found().get(at).map(|option| option.chosen.clone());
                match chosen {
                    Some(Chosen::Role(column, role)) => self.use_column(&column, role),
                    Some(Chosen::Copy(text)) => vec![Effect::Copy { text }],
                    Some(Chosen::Add(item)) => self.add(&item),
                    Some(Chosen::Field(value)) => self.chosen_field(value),
                    Some(Chosen::Judge(incident, verdict)) => self.judge(incident, verdict),
                    Some(Chosen::Comment(incident)) => {
                        let comment = self.comment();
                        self.ask(Purpose::Comment(incident), "A comment on the verdict", &comment);
                        Vec::new()
                    }
                    None => Vec::new(),
                }
            }
            Some(Overlay::Form(form)) => {
                self.overlay = Some(Overlay::Form(Form { at, ..form }));
                self.form_key(Key::Enter)
            }
            other => {
                self.overlay = other;
                Vec::new()
            }
        }
    }

    /// What shows while it is typed.
    pub(crate) fn overlay_changed(&mut self) -> Vec<Effect> {
        match &self.overlay {
            Some(Overlay::Prompt(prompt)) if prompt.purpose == Purpose::Filter => {
                let text = prompt.input.text.clone();
                match self.screen {
                    Screen::Home => {
                        (self.home.filter, self.home.cursor.at) = (text, 0);
                        return self.peek().into_iter().collect();
                    }
                    Screen::Data => {
                        if let Some(job) = &mut self.job {
                            (job.filter, job.cursors[0].at) = (text, 0);
                        }
                    }
                    _ => {}
                }
            }
            Some(Overlay::Yaml(editor)) => {
                let text = editor.text();
                if let Some(job) = self.job.as_mut().filter(|job| job.document.text() != text) {
                    job.document.set_text(text);
                    self.changed("Changed");
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn prompted(&mut self, purpose: Purpose, text: &str) -> Vec<Effect> {
        match purpose {
            Purpose::OpenPath => self.open_path(text),
            Purpose::Filter if self.screen == Screen::Results => self.search(text.to_owned()),
            Purpose::Filter => Vec::new(),
            Purpose::Write | Purpose::WriteAndRun => {
                self.run_after_write = purpose == Purpose::WriteAndRun;
                self.write_to(text, false)
            }
            Purpose::Pdf => {
                let path = text.trim().to_owned();
                let report = self.report_with_pages();
                report.map(|id| Effect::Pdf { id, path }).into_iter().collect()
            }
            Purpose::Namespace => self.watch_jobs(Some(text.trim().to_owned())),
            Purpose::Field => self.typed_field(text),
            Purpose::Comment(incident) => {
                self.take_comment(incident, text);
                Vec::new()
            }
        }
    }

    fn confirmed(&mut self, confirm: Confirm) -> Vec<Effect> {
        match confirm {
            Confirm::Replace { path, run } => {
                self.run_after_write = run;
                self.write_to(&path, true)
            }
            Confirm::Overrule { judgement, .. } => self.overrule(judgement),
            Confirm::Stop => self.stop_run(),
            Confirm::Quit => {
                let mut effects = vec![Effect::Stop { kill: false }];
                effects.extend(self.quit());
                effects
            }
        }
    }
}
