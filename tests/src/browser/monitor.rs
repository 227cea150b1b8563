//! Records a page's console, requests and errors.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chromiumoxide::{
    Page as Tab,
    cdp::{
        IntoEventKind,
        browser_protocol::{
            inspector::EventTargetCrashed,
            log::{EventEntryAdded, LogEntryLevel},
            network::{
                EventLoadingFailed, EventLoadingFinished, EventRequestWillBeSent,
                EventResponseReceived, EventWebSocketCreated,
            },
        },
        js_protocol::runtime::{
            ConsoleApiCalledType, EventConsoleApiCalled, EventExceptionThrown, RemoteObject,
        },
    },
};
use futures::{StreamExt, stream, stream::BoxStream};
use tokio::task::JoinHandle;

/// A request of a page.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub url: String,
    pub method: String,
    /// `None` until there is a response.
    pub status: Option<i64>,
    /// The response's headers by lower-case name.
    pub headers: HashMap<String, String>,
    /// Bytes transferred, including headers.
    pub bytes: u64,
}

/// All events so far.
#[derive(Default)]
pub(super) struct PageLog {
    pub(super) console: Vec<String>,
    pub(super) errors: Vec<String>,
    pub(super) requests: Vec<Request>,
    /// The URLs of unfinished requests by the browser's identifier.
    pub(super) open: HashMap<String, String>,
    /// The last mark in the console.
    pub(super) mark: u64,
    /// The index in `requests` by the browser's identifier.
    places: HashMap<String, usize>,
}

/// Prefix of a console message which shows that all earlier events were recorded.
pub(super) const MARK: &str = "anomal-mark ";

/// The watched events.
pub(super) const METHODS: [&str; 9] = [
    EventConsoleApiCalled::IDENTIFIER,
    EventEntryAdded::IDENTIFIER,
    EventExceptionThrown::IDENTIFIER,
    EventRequestWillBeSent::IDENTIFIER,
    EventWebSocketCreated::IDENTIFIER,
    EventResponseReceived::IDENTIFIER,
    EventLoadingFinished::IDENTIFIER,
    EventLoadingFailed::IDENTIFIER,
    EventTargetCrashed::IDENTIFIER,
];

enum Event {
    Console(Arc<EventConsoleApiCalled>),
    Log(Arc<EventEntryAdded>),
    Exception(Arc<EventExceptionThrown>),
    Request(Arc<EventRequestWillBeSent>),
    Socket(Arc<EventWebSocketCreated>),
    Response(Arc<EventResponseReceived>),
    Finished(Arc<EventLoadingFinished>),
    Failed(Arc<EventLoadingFailed>),
    Crashed,
}

pub(super) struct PageMonitor {
    log: Arc<Mutex<PageLog>>,
    task: JoinHandle<()>,
}

impl PageMonitor {
    /// Must be called before the first navigation.
    pub(super) async fn start(tab: &Tab) -> Self {
        tab.enable_log().await.expect("the log is enabled");
        let streams = [
            listen(tab, Event::Console).await,
            listen(tab, Event::Log).await,
            listen(tab, Event::Exception).await,
            listen(tab, Event::Request).await,
            listen(tab, Event::Socket).await,
            listen(tab, Event::Response).await,
            listen(tab, Event::Finished).await,
            listen(tab, Event::Failed).await,
            listen(tab, |_: Arc<EventTargetCrashed>| Event::Crashed).await,
        ];
        let log = Arc::<Mutex<PageLog>>::default();
        let mut events = stream::select_all(streams);
        let into = Arc::clone(&log);
        let task = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                lock(&into).add(&event);
            }
        });
        Self { log, task }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, PageLog> {
        lock(&self.log)
    }
}

impl Drop for PageMonitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(log: &Mutex<PageLog>) -> MutexGuard<'_, PageLog> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen<T: IntoEventKind + Send + Sync + Unpin + 'static>(
    tab: &Tab,
    event: impl Fn(Arc<T>) -> Event + Send + 'static,
) -> BoxStream<'static, Event> {
    tab.event_listener::<T>().await.expect("events").map(event).boxed()
}

impl PageLog {
    fn add(&mut self, event: &Event) {
        match event {
            Event::Console(said) => self.add_console(said),
            Event::Log(logged) => {
                let entry = &logged.entry;
                let place = entry.url.as_deref().unwrap_or_default();
                let line = format!("{}: {} {place}", entry.level.as_ref(), entry.text);
                self.add_line(line, entry.level == LogEntryLevel::Error);
            }
            Event::Exception(thrown) => {
                let details = &thrown.exception_details;
                let thrown =
                    details.exception.as_ref().and_then(|thrown| thrown.description.as_deref());
                let line = format!("exception: {} {}", details.text, thrown.unwrap_or_default());
                self.add_line(line, true);
            }
            Event::Request(asked) => {
                let (url, method) = (asked.request.url.clone(), asked.request.method.clone());
                if asked.request_id.inner() == asked.loader_id.inner() {
                    // A navigation cancels the requests of the previous page.
                    self.open.clear();
                }
                self.add_request(
                    asked.request_id.inner(),
                    Request { url, method, ..Request::default() },
                );
            }
            Event::Socket(socket) => {
                let request = Request { url: socket.url.clone(), ..Request::default() };
                self.add_request(socket.request_id.inner(), request);
                self.open.remove(socket.request_id.inner());
            }
            Event::Response(answered) => {
                let response = &answered.response;
                let headers = response.headers.inner().as_object();
                let headers = headers.into_iter().flatten().filter_map(|(name, value)| {
                    Some((name.to_lowercase(), value.as_str()?.to_owned()))
                });
                if let Some(request) = self.request(answered.request_id.inner()) {
                    request.status = Some(response.status);
                    request.headers = headers.collect();
                }
            }
            Event::Finished(finished) => {
                self.open.remove(finished.request_id.inner());
                if let Some(request) = self.request(finished.request_id.inner()) {
                    request.bytes = byte_count(finished.encoded_data_length);
                }
            }
            Event::Failed(failed) => self.add_failure(failed),
            Event::Crashed => self.errors.push("the page crashed".into()),
        }
    }

    fn add_console(&mut self, said: &EventConsoleApiCalled) {
        let text: Vec<String> = said.args.iter().map(console_text).collect();
        let text = text.join(" ");
        if let Some(mark) = text.strip_prefix(MARK) {
            self.mark = mark.parse().unwrap_or(self.mark);
            return;
        }
        let bad = [ConsoleApiCalledType::Error, ConsoleApiCalledType::Assert];
        let line = format!("console {}: {text}", said.r#type.as_ref());
        self.add_line(line, bad.contains(&said.r#type));
    }

    fn add_line(&mut self, line: String, bad: bool) {
        if bad {
            self.errors.push(line.clone());
        }
        self.console.push(line);
    }

    fn add_request(&mut self, id: &str, request: Request) {
        if is_external(&request.url) {
            self.errors.push(format!("a request that leaves the machine: {}", request.url));
        }
        // Data URLs have no end event.
        if !request.url.starts_with("data:") {
            self.open.insert(id.to_owned(), request.url.clone());
        }
        self.places.insert(id.to_owned(), self.requests.len());
        self.requests.push(request);
    }

    fn request(&mut self, id: &str) -> Option<&mut Request> {
        self.requests.get_mut(*self.places.get(id)?)
    }

    fn add_failure(&mut self, failed: &EventLoadingFailed) {
        self.open.remove(failed.request_id.inner());
        // A download or a navigation aborts the request.
        let aborted = failed.blocked_reason.is_none() && failed.error_text == "net::ERR_ABORTED";
        if !aborted {
            let url = self.request(failed.request_id.inner()).map(|request| request.url.clone());
            let reason = failed.blocked_reason.as_ref().map_or("", AsRef::as_ref);
            let url = url.unwrap_or_default();
            self.errors.push(format!("request failed: {} {reason} {url}", failed.error_text));
        }
    }
}

/// A value as the console shows it.
fn console_text(value: &RemoteObject) -> String {
    match (&value.value, &value.description) {
        (Some(serde_json::Value::String(text)), _) | (None, Some(text)) => text.clone(),
        (Some(value), _) => value.to_string(),
        (None, None) => String::new(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of bytes")]
fn byte_count(bytes: f64) -> u64 {
    bytes as u64
}

/// Whether a request would go to another machine.
fn is_external(url: &str) -> bool {
    let inside = ["about:", "blob:", "data:", "file:///", "chrome-error:"];
    if inside.iter().any(|scheme| url.starts_with(scheme)) {
        return false;
    }
    let Some((_, rest)) = url.split_once("://") else { return true };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.split(':').next() != Some("127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::is_external;

    #[test]
    fn external_urls_are_recognised() {
        for inside in [
            "http://127.0.0.1:8080/reports/x?sort=a#b",
            "https://127.0.0.1/",
            "ws://127.0.0.1:1/",
            "data:image/png;base64,AAAA",
            "blob:http://127.0.0.1:1/1",
            "file:///tmp/report.html",
        ] {
            assert!(!is_external(inside), "{inside}");
        }
        for outside in [
            "https://example.com/a.css",
            "//example.com/",
            "http://127.0.0.1:80@example.com/",
            "http://127.0.0.1.example.com/",
            "file://example.com/share",
            "wss://example.com/127.0.0.1",
        ] {
            assert!(is_external(outside), "{outside}");
        }
    }
}
