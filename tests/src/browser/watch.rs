//! What a page says, asks for and breaks.

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

/// Something that a page asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub url: String,
    pub method: String,
    /// None while there is no answer.
    pub status: Option<i64>,
    /// Of the answer, by lower-case name.
    pub headers: HashMap<String, String>,
    /// Over the wire, with its headers.
    pub bytes: u64,
}

/// What was seen so far.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) console: Vec<String>,
    pub(super) troubles: Vec<String>,
    pub(super) requests: Vec<Request>,
    /// Requests without an end, by the browser's identifier.
    pub(super) open: HashMap<String, String>,
    /// The last mark that the console said.
    pub(super) mark: u64,
    /// The place in `requests` by the browser's identifier.
    places: HashMap<String, usize>,
}

/// Said by the console to tell that all before it was seen.
pub(super) const MARK: &str = "anomal-mark ";

/// The events that are watched.
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
    Said(Arc<EventConsoleApiCalled>),
    Logged(Arc<EventEntryAdded>),
    Thrown(Arc<EventExceptionThrown>),
    Asked(Arc<EventRequestWillBeSent>),
    Socket(Arc<EventWebSocketCreated>),
    Answered(Arc<EventResponseReceived>),
    Finished(Arc<EventLoadingFinished>),
    Failed(Arc<EventLoadingFailed>),
    Crashed,
}

pub(super) struct Watch {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Before the page goes anywhere.
    pub(super) async fn start(tab: &Tab) -> Self {
        tab.enable_log().await.expect("the log is told");
        let streams = [
            listen(tab, Event::Said).await,
            listen(tab, Event::Logged).await,
            listen(tab, Event::Thrown).await,
            listen(tab, Event::Asked).await,
            listen(tab, Event::Socket).await,
            listen(tab, Event::Answered).await,
            listen(tab, Event::Finished).await,
            listen(tab, Event::Failed).await,
            listen(tab, |_: Arc<EventTargetCrashed>| Event::Crashed).await,
        ];
        let seen = Arc::<Mutex<Seen>>::default();
        let mut events = stream::select_all(streams);
        let into = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                lock(&into).add(&event);
            }
        });
        Self { seen, task }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen<T: IntoEventKind + Send + Sync + Unpin + 'static>(
    tab: &Tab,
    event: impl Fn(Arc<T>) -> Event + Send + 'static,
) -> BoxStream<'static, Event> {
    tab.event_listener::<T>().await.expect("events are told").map(event).boxed()
}

impl Seen {
    fn add(&mut self, event: &Event) {
        match event {
            Event::Said(said) => self.said(said),
            Event::Logged(logged) => {
                let entry = &logged.entry;
                let place = entry.url.as_deref().unwrap_or_default();
                let line = format!("{}: {} {place}", entry.level.as_ref(), entry.text);
                self.line(line, entry.level == LogEntryLevel::Error);
            }
            Event::Thrown(thrown) => {
                let details = &thrown.exception_details;
                let thrown = details.exception.as_ref().and_then(|of| of.description.as_deref());
                let line = format!("exception: {} {}", details.text, thrown.unwrap_or_default());
                self.line(line, true);
            }
            Event::Asked(asked) => {
                let (url, method) = (asked.request.url.clone(), asked.request.method.clone());
                if asked.request_id.inner() == asked.loader_id.inner() {
                    // Another page: nobody waits for answers to the one before.
                    self.open.clear();
                }
                self.asked(asked.request_id.inner(), Request { url, method, ..Request::default() });
            }
            Event::Socket(socket) => {
                let request = Request { url: socket.url.clone(), ..Request::default() };
                self.asked(socket.request_id.inner(), request);
                self.open.remove(socket.request_id.inner());
            }
            Event::Answered(answered) => {
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
                    request.bytes = whole(finished.encoded_data_length);
                }
            }
            Event::Failed(failed) => self.failed(failed),
            Event::Crashed => self.troubles.push("the page crashed".into()),
        }
    }

    fn said(&mut self, said: &EventConsoleApiCalled) {
        let text: Vec<String> = said.args.iter().map(words).collect();
        let text = text.join(" ");
        if let Some(mark) = text.strip_prefix(MARK) {
            self.mark = mark.parse().unwrap_or(self.mark);
            return;
        }
        let bad = [ConsoleApiCalledType::Error, ConsoleApiCalledType::Assert];
        let line = format!("console {}: {text}", said.r#type.as_ref());
        self.line(line, bad.contains(&said.r#type));
    }

    fn line(&mut self, line: String, bad: bool) {
        if bad {
            self.troubles.push(line.clone());
        }
        self.console.push(line);
    }

    fn asked(&mut self, id: &str, request: Request) {
        if leaves(&request.url) {
            self.troubles.push(format!("a request that leaves the machine: {}", request.url));
        }
        // What is in the page itself has no end that is told.
        if !request.url.starts_with("data:") {
            self.open.insert(id.to_owned(), request.url.clone());
        }
        self.places.insert(id.to_owned(), self.requests.len());
        self.requests.push(request);
    }

    fn request(&mut self, id: &str) -> Option<&mut Request> {
        self.requests.get_mut(*self.places.get(id)?)
    }

    fn failed(&mut self, failed: &EventLoadingFailed) {
        self.open.remove(failed.request_id.inner());
        // A download, or a page that was left: nobody waits for the answer.
        let aborted = failed.blocked_reason.is_none() && failed.error_text == "net::ERR_ABORTED";
        if !aborted {
            let url = self.request(failed.request_id.inner()).map(|request| request.url.clone());
            let reason = failed.blocked_reason.as_ref().map_or("", AsRef::as_ref);
            let url = url.unwrap_or_default();
            self.troubles.push(format!("request failed: {} {reason} {url}", failed.error_text));
        }
    }
}

/// As the console shows a value.
fn words(value: &RemoteObject) -> String {
    match (&value.value, &value.description) {
        (Some(serde_json::Value::String(text)), _) | (None, Some(text)) => text.clone(),
        (Some(value), _) => value.to_string(),
        (None, None) => String::new(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of bytes")]
fn whole(bytes: f64) -> u64 {
    bytes as u64
}

/// Whether a request would go anywhere but to this machine.
fn leaves(url: &str) -> bool {
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
    use super::leaves;

    #[test]
    fn what_leaves_the_machine_is_told_from_what_does_not() {
        for inside in [
            "http://127.0.0.1:8080/reports/x?sort=a#b",
            "https://127.0.0.1/",
            "ws://127.0.0.1:1/",
            "data:image/png;base64,AAAA",
            "blob:http://127.0.0.1:1/1",
            "file:///tmp/report.html",
        ] {
            assert!(!leaves(inside), "{inside}");
        }
        for outside in [
            "https://example.com/a.css",
            "//example.com/",
            "http://127.0.0.1:80@example.com/",
            "http://127.0.0.1.example.com/",
            "file://example.com/share",
            "wss://example.com/127.0.0.1",
        ] {
            assert!(leaves(outside), "{outside}");
        }
    }
}
