//! The first screen: what can be opened.

use crate::{
    effect::Effect,
    message::{FileEntry, FileKind, Recent},
    model::{Job, Model, PreviewState, Screen},
};

/// A line of the first screen that can be selected.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HomeItem<'a> {
    File(&'a FileEntry),
    Recent(&'a Recent),
}

impl Model {
    pub(crate) fn home_items(&self) -> Vec<HomeItem<'_>> {
        let filter = self.home.filter.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&filter);
        let files = self.home.listing.entries.iter().filter(|entry| has(&entry.name));
        let recent = self.home.listing.recent.iter().filter(|recent| match recent {
            Recent::Draft { path, .. } | Recent::Job { path, .. } => has(path),
            Recent::Report { title, id, .. } => has(title) || has(id),
        });
        files.map(HomeItem::File).chain(recent.map(HomeItem::Recent)).collect()
    }

    /// Reads the beginning of the selected file.
    pub(crate) fn peek(&self) -> Option<Effect> {
        match self.home_items().get(self.home.cursor.at)? {
            HomeItem::File(file)
                if file.kind != FileKind::Folder && self.home.peeked.0 != file.path =>
            {
                Some(Effect::Peek { path: file.path.clone() })
            }
            _ => None,
        }
    }

    pub(crate) fn open_selected(&mut self) -> Vec<Effect> {
        match self.home_items().get(self.home.cursor.at) {
            Some(HomeItem::File(file)) => {
                let (path, kind) = (file.path.clone(), file.kind);
                match kind {
                    FileKind::Folder => {
                        self.home.filter.clear();
                        vec![Effect::List { folder: path }]
                    }
                    FileKind::Job => self.leave_for(Effect::Open { path }),
                    FileKind::Data | FileKind::Other => self.inspect(path),
                }
            }
            Some(HomeItem::Recent(recent)) => match (*recent).clone() {
                Recent::Draft { path, text, .. } => {
                    self.job = Some(Job::new(path, text, None));
                    self.say("A draft that was not written");
                    self.opened_job()
                }
                Recent::Job { path, .. } => self.leave_for(Effect::Open { path }),
                Recent::Report { id, .. } => vec![Effect::OpenReport { id }],
            },
            None => {
                self.complain("Nothing is selected; o takes a path or URL");
                Vec::new()
            }
        }
    }

    /// Opens a path that was typed, by its ending.
    pub(crate) fn open_path(&mut self, path: &str) -> Vec<Effect> {
        let path = path.trim();
        if path.is_empty() {
            return Vec::new();
        }
        let lower = path.to_lowercase();
        if lower.ends_with(".yaml") || lower.ends_with(".yml") {
            return self.leave_for(Effect::Open { path: path.to_owned() });
        }
        self.inspect(path.to_owned())
    }

    pub(crate) fn inspect(&mut self, path: String) -> Vec<Effect> {
        let generation = self.next_generation();
        self.home.opening = Some((path.clone(), generation, self.now));
        self.leave_for(Effect::Propose { path, generation })
    }

    /// Keeps what is not written before something else takes its place.
    fn leave_for(&mut self, effect: Effect) -> Vec<Effect> {
        let touched = self.job.as_ref().filter(|job| job.is_touched() && !job.is_written());
        let draft = touched.map(|job| Effect::Draft {
            path: job.path.clone(),
            text: Some(job.document.text().to_owned()),
        });
        draft.into_iter().chain([effect]).collect()
    }

    /// Shows a job that was just opened, and inspects its input.
    pub(crate) fn opened_job(&mut self) -> Vec<Effect> {
        let (generation, now) = (self.next_generation(), self.now);
        self.screen = Screen::Data;
        let Some(job) = &mut self.job else { return Vec::new() };
        let mut effects = Vec::new();
        if job.document.settings().is_some() {
            job.inspecting = Some(generation);
            let (text, folder) = (job.document.text().to_owned(), job.folder());
            effects.push(Effect::Inspect { text, folder, generation });
            if job.is_previewed_at_once() {
                job.preview = PreviewState::Loading(generation, now);
                effects.push(job.preview_effect(generation));
            }
        } else {
            self.go_to_issue(0);
        }
        effects
    }
}
