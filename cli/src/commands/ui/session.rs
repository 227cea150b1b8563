//! The loop: what happens changes the model, and what has changed is drawn.

#[cfg(test)]
mod tests;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anomal_classification::LocalClassificationEngine;
use anomal_core::{ClassificationEngine, proto};
use anomal_tui::{Buffer, Detector, Effect, Message, Model, Options, input::Decoder};
use rustix::process::{Signal, kill_current_process_group};
use tokio::signal::unix::{SignalKind, signal};

use super::{additions::additions, editor, state::State, terminal::Terminal, work::Worker};
use crate::{args::Ui, commands::CommandResult, exit, present::error::Failure, settings};

/// What the loop waits for.
pub enum Event {
    Message(Box<Message>),
    Resized,
    /// It has to leave, by a signal or since its guard or its terminal is gone.
    Leave,
}

/// Events that wait; the sender of more waits too.
pub const WAITING: usize = 256;
/// Events that are handled before the next frame.
const AT_ONCE: usize = 64;
/// The time between two messages of time.
const TICK: Duration = Duration::from_millis(250);
/// The longest text that is copied, in bytes: terminals drop longer ones.
const LONGEST_COPY: usize = 74_000;
/// How long leaving may take, such as while the terminal takes nothing.
const LEAVING: Duration = Duration::from_secs(2);

/// Draws a model.
type View = fn(&Model) -> Buffer;

pub fn run(arguments: &Ui) -> CommandResult {
    run_with(arguments, Model::view)
}

fn run_with(arguments: &Ui, view: View) -> CommandResult {
    let terminal = Terminal::open()
        .map_err(|error| Failure::new(format!("there is no terminal: {error}"), exit::USAGE))?;
    restore_on_panic(&terminal);
    let (send, receive) = sync_channel(WAITING);
    let mut session = Session::new(arguments, view, terminal.clone(), &send)?;
    terminal.take_mouse(!arguments.drawing.no_mouse)?;
    terminal.enter()?;
    read_keys(terminal.clone(), send.clone());
    wait_for_signals(terminal.clone(), send.clone());
    wait_for_guard(terminal.clone(), send);
    let code = catch_unwind(AssertUnwindSafe(|| session.run(arguments, &receive)));
    let code = code.unwrap_or_else(|_| Err(session.leave_broken()));
    terminal.restore();
    code
}

struct Session {
    terminal: Terminal,
    model: Model,
    worker: Worker,
    shown: Option<Buffer>,
    since: Instant,
    view: View,
}

impl Session {
    fn new(
        arguments: &Ui,
        view: View,
        terminal: Terminal,
        send: &SyncSender<Event>,
    ) -> Result<Self, Failure> {
        let model = Model::new(options(arguments)?, terminal.size());
        let model = if arguments.drawing.no_mouse { model.without_mouse() } else { model };
        let worker = Worker::new(arguments, State::open(), send.clone());
        Ok(Self { terminal, model, worker, shown: None, since: Instant::now(), view })
    }

    fn run(&mut self, arguments: &Ui, receive: &Receiver<Event>) -> CommandResult {
        self.draw()?;
        let mut effects = self.model.start();
        effects.extend(open_first(&mut self.model, arguments)?);
        loop {
            let (mut next, mut work) = (Vec::new(), Vec::new());
            for effect in effects.drain(..) {
                match effect {
                    Effect::Quit => return Ok(self.leave(exit::DONE)),
                    Effect::Repaint => self.shown = None,
                    Effect::Suspend => self.suspend()?,
                    Effect::Mouse(on) => self.terminal.take_mouse(on)?,
                    Effect::Copy { text } => next.extend(self.copy(&text)?),
                    Effect::Editor { text, line } => next.extend(self.edit(&text, line)),
                    other => work.push(other),
                }
            }
            effects = next;
            // What is asked for takes no time from what is seen.
            self.draw()?;
            work.into_iter().for_each(|effect| self.worker.start(effect));
            let mut next = self.wait(receive);
            effects.extend(self.model.update(Message::Tick(self.since.elapsed())));
            let mut handled = 0;
            while let Some(event) = next {
                match event {
                    Event::Message(message) => effects.extend(self.model.update(*message)),
                    Event::Resized => {
                        let size = self.terminal.size();
                        effects.extend(self.model.update(Message::Resize(size)));
                    }
                    Event::Leave => return Ok(self.leave(exit::INTERRUPTED)),
                }
                handled += 1;
                next = if handled < AT_ONCE { receive.try_recv().ok() } else { None };
            }
        }
    }

    /// The next event; none after a while in which something that is shown changes with time.
    fn wait(&self, receive: &Receiver<Event>) -> Option<Event> {
        if !self.model.wants_time() {
            return Some(receive.recv().unwrap_or(Event::Leave));
        }
        match receive.recv_timeout(TICK) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Event::Leave),
        }
    }

    fn draw(&mut self) -> Result<(), Failure> {
        let next = (self.view)(&self.model);
        self.terminal.draw(self.shown.as_ref(), &next)?;
        self.shown = Some(next);
        Ok(())
    }

    fn suspend(&mut self) -> Result<(), Failure> {
        self.terminal.restore();
        // The guard stops too, so that the shell sees it.
        let _ = kill_current_process_group(Signal::TSTP);
        self.terminal.enter()?;
        self.shown = None;
        Ok(())
    }

    /// Puts a text into the clipboard, as far as terminals take one.
    fn copy(&mut self, text: &str) -> Result<Vec<Effect>, Failure> {
        let note = if text.len() > LONGEST_COPY {
            let most = anomal_connectors::text::grouped(LONGEST_COPY);
            format!(
                "Too long for the clipboard of terminals ({most} bytes at most); w writes files"
            )
        } else {
            self.terminal.copy(text)?;
            let characters = anomal_connectors::text::grouped(text.chars().count());
            format!(
                "Copied, {characters} characters, if the terminal lets programs use its clipboard"
            )
        };
        Ok(self.model.update(Message::Note(note)))
    }

    /// Lets the person's editor have the settings.
    fn edit(&mut self, text: &str, line: usize) -> Vec<Effect> {
        let result = editor::edit(text, line, |command| self.terminal.lend(command));
        self.shown = None;
        self.model.update(Message::Edited(result))
    }

    /// As [`Session::leave`], after a panic.
    fn leave_broken(&mut self) -> Failure {
        self.leave(exit::FAILED);
        let message = "the terminal interface has failed, which is a defect; please report the lines above. Changes are in \
                       its drafts, which its first screen lists";
        Failure::new(message, exit::FAILED)
    }

    /// Keeps what is not written, and stops what runs.
    fn leave(&mut self, code: u8) -> u8 {
        self.worker.stop();
        if code != exit::DONE {
            self.worker.keep_draft(self.model.draft());
        }
        self.terminal.restore();
        code
    }
}

/// Opens what the command line names.
pub fn open_first(model: &mut Model, arguments: &Ui) -> Result<Vec<Effect>, Failure> {
    let original = &arguments.original;
    if original.features_file.is_some() || original.config_file.is_some() {
        let job = settings::from_original(original, None)?;
        let message = super::job::converted(&job);
        return Ok(model.update(message));
    }
    let path = arguments.path.as_ref().or(original.input_file.as_ref());
    Ok(path.map(|path| model.open(path)).unwrap_or_default())
}

/// What does not change while the interface is open.
pub fn options(arguments: &Ui) -> Result<Options, Failure> {
    if let Some(folder) = &arguments.base_folder {
        std::env::set_current_dir(folder).map_err(|error| {
            Failure::usage(format!("--base-folder {}: {error}", folder.display()))
        })?;
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let locale = locale.filter_map(|name| std::env::var(name).ok()).find(|text| !text.is_empty());
    let is_utf8 = locale.is_some_and(|text| {
        let text = text.to_ascii_lowercase();
        text.contains("utf-8") || text.contains("utf8")
    });
    Ok(Options {
        ascii: arguments.drawing.ascii || !is_utf8,
        color: !arguments.drawing.no_color && std::env::var_os("NO_COLOR").is_none(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        detectors: detectors()?,
        components: additions()?,
        folder: std::env::current_dir()?.to_string_lossy().into_owned(),
        ..Options::default()
    })
}

/// Detectors with what they do, the recommended one first.
fn detectors() -> Result<Vec<Detector>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listed = runtime.block_on(LocalClassificationEngine::default().list_detectors())?;
    let detector = |one: proto::Detector| Detector {
        parameters: serde_json::from_str(&one.parameters_schema).unwrap_or_default(),
        name: one.name,
        about: one.description,
    };
    let mut detectors: Vec<Detector> = listed.into_iter().map(detector).collect();
    detectors.sort_by_key(|detector| detector.name != "Ensemble");
    Ok(detectors)
}

/// A panic of the thread that draws is printed to a terminal as it was before. A task reports its own.
fn restore_on_panic(terminal: &Terminal) {
    let (terminal, drawing, before) =
        (terminal.clone(), thread::current().id(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        if thread::current().id() == drawing {
            terminal.restore();
            before(panic);
        }
    }));
}

fn read_keys(terminal: Terminal, send: SyncSender<Event>) {
    thread::spawn(move || -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut decoder = Decoder::default();
        // Whatever ends it, nothing more can be typed.
        let _ = runtime.block_on(terminal.read(|bytes| {
            let mut inputs = decoder.push(bytes).into_iter();
            inputs.all(|input| send.send(Event::Message(Box::new(Message::Input(input)))).is_ok())
        }));
        leave(&terminal, &send);
        Ok(())
    });
}

fn wait_for_signals(terminal: Terminal, send: SyncSender<Event>) {
    thread::spawn(move || -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut resized = signal(SignalKind::window_change())?;
            let mut interrupted = signal(SignalKind::interrupt())?;
            let mut ended = signal(SignalKind::terminate())?;
            let mut hung_up = signal(SignalKind::hangup())?;
            loop {
                tokio::select! {
                    _ = resized.recv() => drop(send.send(Event::Resized)),
                    // Ctrl-C in another program is that program's.
                    _ = interrupted.recv() => if !terminal.is_lent() { leave(&terminal, &send) },
                    _ = ended.recv() => leave(&terminal, &send),
                    _ = hung_up.recv() => leave(&terminal, &send),
                }
            }
        })
    });
}

/// Leaves once the guard is gone.
fn wait_for_guard(terminal: Terminal, send: SyncSender<Event>) {
    thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        leave(&terminal, &send);
    });
}

/// Asks the loop to leave, and does so without it if it can't.
fn leave(terminal: &Terminal, send: &SyncSender<Event>) {
    let (late, send) = (terminal.clone(), send.clone());
    thread::spawn(move || {
        thread::sleep(LEAVING);
        late.restore();
        std::process::exit(exit::INTERRUPTED.into());
    });
    let _ = send.send(Event::Leave);
}
