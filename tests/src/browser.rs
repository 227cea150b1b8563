//! A real Chromium without a window, driven over its debugging protocol as a person drives it: by mouse and keys.
//!
//! A [`Page`] watches what its page says, asks for and breaks. [`Page::done`] ends it, and fails the test for an error
//! in the console, a script's exception, a violated policy, a request that failed or one that would leave the machine.
//! Nothing here weakens the page's Content-Security-Policy.

mod axe;
mod download;
mod input;
mod page;
mod process;
mod screen;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};

use chromiumoxide::{error::CdpError, handler::HandlerConfig};
use futures::StreamExt;
use tokio::task::JoinHandle;

pub use self::{
    download::Download,
    page::Page,
    screen::{Screen, Theme, screenshots},
    watch::Request,
};
use self::{process::Process, watch::Watch};

/// A browser with a profile of its own; it ends with the last of its pages.
#[derive(Clone)]
pub struct Browser {
    running: Arc<Running>,
}

struct Running {
    protocol: chromiumoxide::Browser,
    /// What the browser said that its client could not read.
    unread: Mutex<Vec<String>>,
    /// Reads what the browser says.
    reader: Mutex<Option<JoinHandle<()>>>,
    /// Last, so that it is dropped after what talks to it.
    process: Process,
}

impl Browser {
    pub async fn launch() -> Self {
        let process = Process::start();
        let config = HandlerConfig {
            viewport: None,
            // An event that can't be read might have been the one that matters.
            ignore_invalid_messages: false,
            // axe looks at every element of a long page.
            request_timeout: std::time::Duration::from_mins(6),
            ..HandlerConfig::default()
        };
        let address = process.address().await;
        let connected = chromiumoxide::Browser::connect_with_config(address, config).await;
        let (protocol, mut handler) = connected.expect("Chromium answers");
        let reader = Mutex::new(None);
        let running = Arc::new(Running { protocol, unread: Mutex::default(), reader, process });
        let weak = Arc::downgrade(&running);
        let reader = tokio::spawn(async move {
            while let Some(message) = handler.next().await {
                let Err(CdpError::InvalidMessage(text, error)) = message else { continue };
                let Some(running) = weak.upgrade() else { break };
                let message = format!("{error}: {text}");
                running.unread.lock().unwrap_or_else(PoisonError::into_inner).push(message);
            }
        });
        *running.reader.lock().expect("nobody else has it") = Some(reader);
        Self { running }
    }

    /// An empty page, 1280 pixels wide, in light colours.
    pub async fn page(&self) -> Page {
        let tab = self.running.protocol.new_page("about:blank").await.expect("a page");
        let watch = Watch::start(&tab).await;
        let page = Page::new(self.clone(), tab, watch);
        page.screen(Screen::DESKTOP).await;
        page.theme(Theme::Light).await;
        page
    }

    /// Messages that were not understood and would have told of something that a test must see. Others are new to the
    /// client, and nothing here.
    fn unread(&self) -> Vec<String> {
        let unread = self.running.unread.lock().unwrap_or_else(PoisonError::into_inner);
        let matters = |message: &&String| {
            watch::METHODS.iter().any(|name| message.contains(&format!("\"method\":\"{name}\"")))
        };
        unread.iter().filter(matters).cloned().collect()
    }

    /// The folder that is the browser's own.
    pub fn profile(&self) -> std::path::PathBuf {
        self.running.process.profile().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            reader.abort();
        }
    }
}
