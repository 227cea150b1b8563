//! What the interface remembers: settings that are not written, and files that were opened. Without a home folder, nothing.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anomal_connectors::write_file;
use anomal_tui::Recent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Files that are remembered.
const RECENT: usize = 10;
/// How long drafts are kept.
const KEPT: i64 = 30 * 24 * 3600;

#[derive(Clone, Debug)]
pub struct State {
    folder: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct Draft {
    path: PathBuf,
    text: String,
}

impl State {
    /// The folder by the XDG base directory specification.
    pub fn open() -> Self {
        let absolute =
            |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state =
            absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        let state = Self { folder: state.map(|state| state.join("anomal/ui")) };
        state.forget_old_drafts();
        state
    }

    /// Keeps settings that are not written to `path`, or forgets them.
    ///
    /// # Errors
    /// A message for people.
    pub fn keep_draft(&self, path: &str, text: Option<&str>) -> Result<(), String> {
        let Some(folder) = self.made("drafts") else { return Ok(()) };
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
        let name = digest.first_chunk().copied().map_or(0, u128::from_be_bytes);
        let file = folder.join(format!("{name:032x}.json"));
        let Some(text) = text else {
            // There may be none.
            let _ = fs::remove_file(file);
            return Ok(());
        };
        let draft = Draft { path, text: text.to_owned() };
        let json = serde_json::to_vec(&draft).map_err(|error| error.to_string())?;
        write_file(&file, &json).map_err(|error| format!("the draft is not kept: {error}"))
    }

    /// Drafts and files that were opened, the newest first.
    pub fn recent(&self) -> Vec<Recent> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let mut drafts: Vec<(i64, Recent)> = Vec::new();
        for entry in fs::read_dir(folder.join("drafts")).into_iter().flatten().flatten() {
            let read = fs::read(entry.path()).ok();
            let Some(draft) = read.and_then(|bytes| serde_json::from_slice::<Draft>(&bytes).ok())
            else {
                continue;
            };
            let changed = changed(&entry.path());
            let (path, changed_at) = (shown(&draft.path), moment(changed));
            drafts.push((changed, Recent::Draft { path, text: draft.text, changed: changed_at }));
        }
        drafts.sort_by_key(|(changed, _)| -changed);
        let jobs = self.remembered().into_iter().filter(|path| path.is_file()).map(|path| {
            let changed = moment(changed(&path));
            Recent::Job { path: shown(&path), changed }
        });
        drafts.into_iter().map(|(_, draft)| draft).take(RECENT).chain(jobs).collect()
    }

    /// Remembers a settings file that was opened or written.
    pub fn remember(&self, path: &str) {
        let (Some(folder), Ok(path)) = (self.made(""), std::path::absolute(path)) else { return };
        let mut paths = self.remembered();
        paths.retain(|other| *other != path);
        paths.insert(0, path);
        paths.truncate(RECENT);
        if let Ok(json) = serde_json::to_vec(&paths) {
            // It is a convenience.
            let _ = write_file(&folder.join("recent.json"), &json);
        }
    }

    fn remembered(&self) -> Vec<PathBuf> {
        let file = self.folder.as_ref().map(|folder| folder.join("recent.json"));
        let read = file.and_then(|file| fs::read(file).ok());
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// A folder that only its owner can read.
    fn made(&self, name: &str) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?.join(name);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).ok()?;
        Some(folder)
    }

    fn forget_old_drafts(&self) {
        let Some(folder) = &self.folder else { return };
        let oldest = Timestamp::now().as_second() - KEPT;
        for entry in fs::read_dir(folder.join("drafts")).into_iter().flatten().flatten() {
            if changed(&entry.path()) < oldest {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Seconds since the epoch.
pub fn changed(path: &Path) -> i64 {
    let time = fs::metadata(path).and_then(|metadata| metadata.modified());
    let time = time.ok().and_then(|time| Timestamp::try_from(time).ok());
    time.map_or(0, Timestamp::as_second)
}

/// A time as people read it, in UTC.
pub fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// A path from the current folder, where it is below it.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).to_string_lossy().into_owned()
}
