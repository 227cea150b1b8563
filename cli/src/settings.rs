//! Settings files: found, loaded, their paths resolved.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use anomal_core::Error;
use anomal_pipeline::OriginalFiles;
use anomal_spec::{AnomalyJob, Form, Loaded, OriginalCommand, SettingsError, Source};

use crate::{
    args::{Original, Run},
    exit, overrides,
    present::error::Failure,
};

/// A larger file is no settings file.
const MAX_BYTES: u64 = 1 << 20;

/// A job that is ready to run.
pub struct Settings {
    pub job: AnomalyJob,
    pub original: Option<OriginalFiles>,
    loaded: Loaded,
}

impl Settings {
    /// An engine's complaint about the settings, with the place in the file.
    pub fn failure(&self, error: &Error) -> Failure {
        let place = |path: &str| self.loaded.locate(path);
        let lines: Vec<String> = error
            .violations
            .iter()
            .map(|violation| match place(&violation.path) {
                Some(place) => format!("{place}: {}: {}", violation.path, violation.message),
                None => format!("{}: {}", violation.path, violation.message),
            })
            .collect();
        let message = if lines.is_empty() { error.message.clone() } else { lines.join("\n") };
        Failure { message, code: exit::of(error.code) }
    }
}
