//! The settings that are worked on: where they are, and what their lists have.

use anomal_spec::{
    InputDriver,
    edit::{Change, ListEntry, Step},
};
use serde_json::json;

use crate::{
    document::keys,
    effect::Effect,
    message::ColumnInfo,
    model::{Job, Options, Screen},
    update::choices::SHARES,
};

impl Job {
    /// The folder that paths in the settings are relative to.
    pub(crate) fn folder(&self) -> String {
        match self.path.rsplit_once('/') {
            Some(("", _)) => "/".to_owned(),
            Some((folder, _)) => folder.to_owned(),
            None => ".".to_owned(),
        }
    }

    /// Whether a person has changed them.
    pub(crate) fn is_touched(&self) -> bool {
        self.document.can_undo()
    }

    /// Whether a change is previewed without being asked to: not where it would read from another machine.
    pub(crate) fn is_previewed_at_once(&self) -> bool {
        let is_remote = |path: &str| anomal_spec::is_url(path) || path == "-";
        self.document.settings().is_some_and(|settings| {
            let input = settings.job.spec.input.driver();
            input.and_then(InputDriver::path).is_some_and(|path| !is_remote(path))
        })
    }

    pub(crate) fn preview_effect(&self, generation: u64) -> Effect {
        let (text, folder) = (self.document.text().to_owned(), self.folder());
        Effect::Preview { text, folder, generation }
    }

    /// The list of a step.
    pub(crate) fn list_key(screen: Screen) -> Option<&'static str> {
        match screen {
            Screen::Features => Some("features"),
            Screen::Flags => Some("flags"),
            Screen::Outputs => Some("outputs"),
            _ => None,
        }
    }

    pub(crate) fn items(&self, screen: Screen) -> Vec<ListEntry> {
        Self::list_key(screen).map(|key| self.document.entries(&keys(&[key]))).unwrap_or_default()
    }

    /// The lines that can be selected on a step.
    pub(crate) fn count(&self, screen: Screen, options: &Options) -> usize {
        match screen {
            Screen::Data => self.columns().len(),
            Screen::Detector if self.on_detectors => options.detectors.len(),
            Screen::Detector => SHARES.len() + 1,
            _ => self.items(screen).len(),
        }
    }

    /// The columns that pass the filter.
    pub(crate) fn columns(&self) -> Vec<&ColumnInfo> {
        let filter = self.filter.to_lowercase();
        let columns = self.input.iter().flat_map(|input| &input.columns);
        columns.filter(|column| column.name.to_lowercase().contains(&filter)).collect()
    }

    pub(crate) fn selected_column(&self) -> Option<String> {
        let at = self.cursors[0].at;
        self.columns().get(at).map(|column| column.name.clone())
    }

    /// Takes another file for the settings. In another folder, a relative path of the input becomes an absolute one; `here` is
    /// the folder that the interface was started in.
    ///
    /// # Errors
    /// If the text has no place for that.
    pub(crate) fn move_to(&mut self, path: &str, here: &str) -> Result<(), String> {
        let before = self.folder();
        let (old, old_written) =
            (std::mem::replace(&mut self.path, path.to_owned()), self.written.take());
        if self.folder() == before {
            return Ok(());
        }
        let settings = self.document.settings();
        let driver = settings.and_then(|settings| settings.job.spec.input.driver());
        let target = driver.and_then(|driver| Some((driver.name(), driver.path()?.to_owned())));
        let Some((driver, input)) = target else { return Ok(()) };
        if anomal_spec::is_url(&input) || input.starts_with('/') || input == "-" {
            return Ok(());
        }
        let below = if before == "." { input } else { format!("{before}/{input}") };
        let moved = if below.starts_with('/') { below } else { format!("{here}/{below}") };
        let path = [Step::from("input"), Step::from(driver), Step::from("path")];
        let moved = self.document.edit(&path, &Change::Set(json!(moved)));
        moved.map_err(|error| {
            (self.path, self.written) = (old, old_written);
            error.to_string()
        })
    }
}
