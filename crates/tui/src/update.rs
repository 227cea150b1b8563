//! How messages change the model. Nothing else does.

mod actions;
mod additions;
pub(crate) mod choices;
mod cluster;
mod copy;
mod form;
pub(crate) mod home;
mod job;
mod outcomes;
mod results;
mod run;
mod settings;
mod timeline;
mod verdicts;

use std::time::Duration;

use crate::{
    effect::Effect,
    input::{Input, Key},
    keymap::{self},
    message::Message,
    model::{Model, PreviewState},
};

/// How long settings rest before they are kept as a draft and previewed.
const REST: Duration = Duration::from_millis(500);

impl Model {
    /// What is to be done first.
    pub fn start(&mut self) -> Vec<Effect> {
        vec![Effect::List { folder: self.home.folder.clone() }]
    }

    /// Opens a data file, its URL, or a settings file.
    pub fn open(&mut self, path: &str) -> Vec<Effect> {
        self.open_path(path)
    }

    /// Changes the model. Returns what is to be done outside.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Input(Input::Key(key)) => self.key(key),
            Message::Input(Input::Paste(text)) => {
                if let Some(overlay) = &mut self.overlay {
                    overlay.paste(&text);
                    return self.overlay_changed();
                }
                self.say("Pasted text has no place here");
                Vec::new()
            }
            Message::Input(Input::Click { x, y }) => self.click(x, y),
            Message::Input(Input::Wheel { up }) => self.wheel(up),
            Message::Resize(size) => {
                self.size = size;
                Vec::new()
            }
            Message::Tick(now) => self.tick(now),
            other => self.outcome(other),
        }
    }

    pub(crate) fn key(&mut self, key: Key) -> Vec<Effect> {
        if self.overlay.is_some() && !matches!(key, Key::Ctrl('l' | 'z')) {
            return self.overlay_key(key);
        }
        match keymap::find(self.screen, key) {
            Some(action) => {
                self.note = crate::model::Note::default();
                self.act(action)
            }
            None => {
                self.say("This key does nothing here; ? lists the keys");
                Vec::new()
            }
        }
    }

    fn tick(&mut self, now: Duration) -> Vec<Effect> {
        self.now = now;
        let generation = self.generation + 1;
        let Some(job) = &mut self.job else { return Vec::new() };
        if job.changed_at.is_none_or(|changed| now.saturating_sub(changed) < REST) {
            return Vec::new();
        }
        job.changed_at = None;
        let text = (!job.is_written()).then(|| job.document.text().to_owned());
        let draft = Effect::Draft { path: job.path.clone(), text };
        let mut effects = vec![draft];
        if job.is_previewed_at_once() {
            self.generation = generation;
            job.preview = PreviewState::Loading(generation, now);
            effects.push(job.preview_effect(generation));
        }
        effects
    }
}
