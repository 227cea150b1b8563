//! A real headless Chromium, driven over its debugging protocol with mouse and keys as by a person.
//!
//! A [`Page`] records its page's console, requests and errors. [`Page::finish`] closes it, and fails the test for a console
//! error, a script exception, a policy violation, a failed request or a request to another machine.
//! Nothing here weakens the page's Content-Security-Policy.

mod axe;
mod download;
mod input;
mod monitor;
mod page;
mod process;
mod screen;

use std::sync::{Arc, Mutex, PoisonError};

use chromiumoxide::{error::CdpError, handler::HandlerConfig};
use futures::StreamExt;
use tokio::task::JoinHandle;

pub use self::{
    download::Download,
    monitor::Request,
    page::Page,
    screen::{Screen, Theme, screenshots},
};
use self::{monitor::PageMonitor, process::Process};

/// A browser with its own profile; it ends when its last page is dropped.
#[derive(Clone)]
pub struct Browser {
    running: Arc<RunningBrowser>,
}

struct RunningBrowser {
    protocol: chromiumoxide::Browser,
    /// Messages from the browser that the client could not parse.
    unread: Mutex<Vec<String>>,
    /// The task that reads the browser's messages.
    reader: Mutex<Option<JoinHandle<()>>>,
    /// Last, so that it is dropped after its clients.
    process: Process,
}

impl Browser {
    pub async fn launch() -> Self {
        let process = Process::start();
        let config = HandlerConfig {
            viewport: None,
            // An unparsed event might be one that a test must see.
            ignore_invalid_messages: false,
            // axe inspects every element of a long page.
            request_timeout: std::time::Duration::from_mins(6),
            ..HandlerConfig::default()
        };
        let address = process.address().await;
        let connected = chromiumoxide::Browser::connect_with_config(address, config).await;
        let (protocol, mut handler) = connected.expect("Chromium answers");
        let reader = Mutex::new(None);
        let running =
            Arc::new(RunningBrowser { protocol, unread: Mutex::default(), reader, process });
        let weak = Arc::downgrade(&running);
        let reader = tokio::spawn(async move {
            while let Some(message) = handler.next().await {
                let Err(CdpError::InvalidMessage(text, error)) = message else { continue };
                let Some(running) = weak.upgrade() else { break };
                let message = format!("{error}: {text}");
                running.unread.lock().unwrap_or_else(PoisonError::into_inner).push(message);
            }
        });
        *running.reader.lock().expect("the only user of the lock") = Some(reader);
        Self { running }
    }

    /// An empty page, 1280 pixels wide, in light colours.
    pub async fn page(&self) -> Page {
        let tab = self.running.protocol.new_page("about:blank").await.expect("a page");
        let watch = PageMonitor::start(&tab).await;
        let page = Page::new(self.clone(), tab, watch);
        page.screen(Screen::DESKTOP).await;
        page.theme(Theme::Light).await;
        page
    }

    /// Unparsed messages of the watched kinds. Other messages are unknown to the client and irrelevant.
    fn unread(&self) -> Vec<String> {
        let unread = self.running.unread.lock().unwrap_or_else(PoisonError::into_inner);
        let is_watched = |message: &&String| {
            monitor::METHODS.iter().any(|name| message.contains(&format!("\"method\":\"{name}\"")))
        };
        unread.iter().filter(is_watched).cloned().collect()
    }

    /// The browser's profile folder.
    pub fn profile(&self) -> std::path::PathBuf {
        self.running.process.profile().to_owned()
    }
}

impl Drop for RunningBrowser {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            reader.abort();
        }
    }
}
