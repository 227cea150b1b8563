//! What the interface asks for, each in a thread of its own, or one after the other where the order counts.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Sender, SyncSender, channel},
    },
    thread,
};

use anomal_connectors::write_file;
use anomal_storage::Secrets;
use anomal_tui::{Effect, Message, WriteProblem};

use super::{
    cluster::ClusterWatch,
    home, job,
    reports::{self, Reports},
    run::{self, Running},
    session::Event,
    state::State,
    store::SessionStore,
};
use crate::{args::Ui, commands::job::report::port_forward};

/// Does what the interface asks for.
pub struct Worker {
    send: SyncSender<Event>,
    state: State,
    store: SessionStore,
    secrets: Option<PathBuf>,
    running: Running,
    /// The latest preview that was asked for.
    latest: Arc<AtomicU64>,
    previews: Sender<Effect>,
    reports: Sender<Effect>,
    cluster: ClusterWatch,
}

impl Worker {
    pub fn new(arguments: &Ui, state: State, send: SyncSender<Event>) -> Self {
        let store = SessionStore::new(arguments.store.clone());
        let secrets = arguments.secrets.clone();
        let latest = Arc::new(AtomicU64::new(0));
        let (newest, keys) = (Arc::clone(&latest), secrets.clone());
        let previews = in_order(send.clone(), move |effect| {
            let Effect::Preview { text, folder, generation } = effect else { return None };
            if generation != newest.load(Ordering::Relaxed) {
                return None;
            }
            let result = job::preview(&text, Path::new(&folder), Secrets::new(keys.clone()));
            Some(Message::Previewed { generation, result })
        });
        let mut library = Reports::new(store.clone(), arguments.report_port);
        let reports = in_order(send.clone(), move |effect| library.answer(effect));
        let running = Running::default();
        let cluster = ClusterWatch::default();
        Self { send, state, store, secrets, running, latest, previews, reports, cluster }
    }

    pub fn start(&mut self, effect: Effect) {
        match effect {
            Effect::List { folder } => {
                let (state, store) = (self.state.clone(), self.store.get());
                self.answer(move || Message::Listed {
                    result: home::list(&folder, &state, &store),
                    folder,
                });
            }
            Effect::Peek { path } => {
                self.answer(move || Message::Peeked { lines: home::peek(&path), path });
            }
            Effect::Open { path } => {
                self.state.remember(&path);
                self.answer(move || job::open(&path));
            }
            Effect::Propose { path, generation } => self.answer(move || {
                if reports::is_results(&path) {
                    return Message::IsResults { generation, path };
                }
                let result = job::propose(&path);
                Message::Proposed { generation, result }
            }),
            Effect::Inspect { text, folder, generation } => {
                let secrets = Secrets::new(self.secrets.clone());
                self.answer(move || {
                    let result = job::inspect(&text, Path::new(&folder), secrets);
                    Message::Inspected { generation, result }
                });
            }
            Effect::Write { path, text, known, force } => {
                let result = write(&path, &text, known.as_deref(), force);
                if result.is_ok() {
                    self.state.remember(&path);
                }
                self.answer(move || Message::Written { path, text, result });
            }
            Effect::Draft { path, text } => self.keep_draft_of(&path, text.as_deref()),
            Effect::Run { path } => {
                if let Some(note) = self.store.make_writable() {
                    self.answer(move || Message::Note(note));
                }
                let command = run::command(&path, &self.store.get(), self.secrets.as_deref());
                self.running.start(command, self.send.clone());
            }
            Effect::Cluster(request) => self.cluster.start(request, &self.send),
            Effect::OpenAddress { address } => self.answer(move || open_address(&address)),
            Effect::Stop { kill } => self.running.stop(kill),
            Effect::Preview { generation, .. } => {
                self.latest.store(generation, Ordering::Relaxed);
                let _ = self.previews.send(effect);
            }
            other => {
                let _ = self.reports.send(other);
            }
        }
    }

    /// Stops what runs.
    pub fn stop(&self) {
        self.running.stop(false);
    }

    pub fn keep_draft(&self, draft: Option<(&str, &str)>) {
        if let Some((path, text)) = draft {
            self.keep_draft_of(path, Some(text));
        }
    }

    fn keep_draft_of(&self, path: &str, text: Option<&str>) {
        if let Err(message) = self.state.keep_draft(path, text) {
            let _ = self.send.try_send(Event::Message(Box::new(Message::Note(message))));
        }
    }

    fn answer(&self, work: impl FnOnce() -> Message + Send + 'static) {
        let send = self.send.clone();
        thread::spawn(move || {
            let _ = send.send(Event::Message(Box::new(guarded(work))));
        });
    }
}

/// A thread that answers one request after the other.
fn in_order(
    send: SyncSender<Event>,
    mut answer: impl FnMut(Effect) -> Option<Message> + Send + 'static,
) -> Sender<Effect> {
    let (requests, receive) = channel();
    thread::spawn(move || {
        while let Ok(request) = receive.recv() {
            let answered = catch_unwind(AssertUnwindSafe(|| answer(request)));
            let message = answered.unwrap_or_else(|panic| Some(failed(panic.as_ref())));
            if let Some(message) = message
                && send.send(Event::Message(Box::new(message))).is_err()
            {
                break;
            }
        }
    });
    requests
}

/// The message of some work, or that it has panicked.
fn guarded(work: impl FnOnce() -> Message) -> Message {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| failed(panic.as_ref()))
}

fn failed(panic: &(dyn std::any::Any + Send)) -> Message {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Message::Failed(text.unwrap_or_else(|| "no reason is known".to_owned()))
}

/// Writes settings, unless their file has something else than is known.
fn write(path: &str, text: &str, known: Option<&str>, force: bool) -> Result<(), WriteProblem> {
    let failed = |error: String| WriteProblem::Failed(format!("{path}: {error}"));
    let target = Path::new(path);
    if target.is_dir() {
        return Err(failed("it is a folder; name a file in it".to_owned()));
    }
    if !force {
        match std::fs::read(target) {
            Ok(now) if known.map(str::as_bytes) != Some(&now) => return Err(WriteProblem::Changed),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    write_file(target, text.as_bytes()).map_err(|error| WriteProblem::Failed(error.to_string()))
}

/// Opens an address if it is that of a web page: other programs can write to the status of a job.
fn open_address(address: &str) -> Message {
    if let Some(instructions) = port_forward(address) {
        return Message::Note(instructions.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let is_page = anomal_spec::is_web(address);
    Message::Note(match is_page.then(|| open::that_detached(address)) {
        Some(Ok(())) => format!("In the browser: {address}"),
        Some(Err(_)) => format!("No browser opens; open {address} yourself"),
        None => format!("{address} is no http:// or https:// address"),
    })
}
