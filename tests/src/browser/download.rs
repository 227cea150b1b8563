//! Downloads from a page.

use std::{fs, path::PathBuf, time::Duration};

use chromiumoxide::cdp::browser_protocol::browser::{
    DownloadProgressState, EventDownloadProgress, EventDownloadWillBegin,
    SetDownloadBehaviorBehavior, SetDownloadBehaviorParams,
};
use futures::StreamExt;
use tempfile::TempDir;
use tokio::time::timeout;

use super::Page;

/// A downloaded file.
#[derive(Debug)]
pub struct Download {
    /// As the browser names it.
    pub name: String,
    pub url: String,
    pub bytes: Vec<u8>,
}

impl Download {
    /// The content as text.
    ///
    /// # Panics
    /// If it is not UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

/// Large exports are created during the download.
const PATIENCE: Duration = Duration::from_mins(1);

impl Page {
    /// Clicks a download link and waits until the file is complete.
    pub async fn download(&self, selector: &str) -> Download {
        let browser = &self.browser.running.protocol;
        let folder = TempDir::new_in(self.browser.profile()).expect("a folder for downloads");
        let mut allow = SetDownloadBehaviorParams::new(SetDownloadBehaviorBehavior::Allow);
        allow.download_path = Some(folder.path().display().to_string());
        allow.events_enabled = Some(true);
        browser.execute(allow).await.expect("downloads are allowed");
        let mut begun = browser.event_listener::<EventDownloadWillBegin>().await.expect("events");
        let mut progress = browser.event_listener::<EventDownloadProgress>().await.expect("events");

        self.click(selector).await;
        let begins = timeout(PATIENCE, begun.next()).await.ok().flatten();
        let begun = begins.unwrap_or_else(|| panic!("{selector} is not a download"));
        let mine = progress.by_ref().filter(|event| std::future::ready(event.guid == begun.guid));
        let ended = mine
            .filter(|event| std::future::ready(event.state != DownloadProgressState::InProgress));
        let mut ended = std::pin::pin!(ended);
        let ended = timeout(PATIENCE, ended.next()).await.ok().flatten();
        let state = ended.map(|event| event.state.clone());
        assert_eq!(state, Some(DownloadProgressState::Completed), "{}", begun.url);

        let files = fs::read_dir(folder.path()).expect("the folder");
        let files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let name = files[0].file_name().expect("a name").to_string_lossy().into_owned();
        let bytes = fs::read(&files[0]).expect("the download");
        Download { name, url: begun.url.clone(), bytes }
    }
}
