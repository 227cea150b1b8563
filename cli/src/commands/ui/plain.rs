//! The interface in lines of text: a question with its answers, then the answer.

use std::{
    io::{BufRead, Write},
    process::Command,
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

use anomal_tui::{ClusterEvent, ClusterRequest, Effect, Message, Model, Options, plain::SIZE};

use super::{
    editor,
    session::{Event, WAITING, open_first, options},
    state::State,
    work::Worker,
};
use crate::{args::Ui, commands::CommandResult, exit, present::error::Failure};

/// The time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(250);

pub fn run(arguments: &Ui) -> CommandResult {
    let (send, receive) = sync_channel(WAITING);
    let options = Options { plain: true, ..options(arguments)? };
    let model = Model::new(options, SIZE);
    let worker = Worker::new(arguments, State::open(), send);
    let mut session = Session { model, worker, receive, awaited: 0, since: Instant::now() };
    let mut effects = session.model.start();
    effects.extend(open_first(&mut session.model, arguments)?);
    let mut input = std::io::stdin().lock();
    loop {
        if session.settle(effects)? {
            return Ok(exit::DONE);
        }
        let lines = session.model.plain_lines().join("\n");
        print(&format!("{lines}\n> "))?;
        let mut answer = String::new();
        let read = input.read_line(&mut answer)?;
        // The end of the answers is the end of the session.
        effects = session.model.answer(if read == 0 { "quit" } else { &answer });
        if read == 0 && !effects.contains(&Effect::Quit) {
            return Ok(exit::DONE);
        }
    }
}

struct Session {
    model: Model,
    worker: Worker,
    receive: Receiver<Event>,
    /// Effects whose outcomes are not there yet.
    awaited: usize,
    since: Instant,
}

impl Session {
    /// Does what is to be done, and waits until all of it is done. Returns whether to leave.
    fn settle(&mut self, mut effects: Vec<Effect>) -> Result<bool, Failure> {
        let mut reported = Instant::now();
        loop {
            let mut next = Vec::new();
            for effect in effects.drain(..) {
                match effect {
                    Effect::Quit => {
                        self.worker.stop();
                        return Ok(true);
                    }
                    Effect::Repaint | Effect::Suspend | Effect::Mouse(_) => {}
                    Effect::Copy { text } => print(&format!("{text}\n"))?,
                    Effect::Editor { text, line } => {
                        let run =
                            |command: &mut Command| command.status().map(|status| status.success());
                        let result = editor::edit(&text, line, run);
                        next.extend(self.model.update(Message::Edited(result)));
                    }
                    other => {
                        self.awaited += usize::from(is_answered(&other));
                        self.worker.start(other);
                    }
                }
            }
            effects = next;
            if !effects.is_empty() {
                continue;
            }
            if self.awaited == 0 && !self.model.wants_time() {
                return Ok(false);
            }
            match self.receive.recv_timeout(TICK) {
                Ok(Event::Message(message)) => {
                    self.awaited = self.awaited.saturating_sub(usize::from(is_answer(&message)));
                    effects.extend(self.model.update(*message));
                }
                Ok(Event::Resized) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Event::Leave) | Err(RecvTimeoutError::Disconnected) => return Ok(true),
            }
            effects.extend(self.model.update(Message::Tick(self.since.elapsed())));
            if reported.elapsed() >= PROGRESS
                && let Some(line) = self.model.progress_line()
            {
                print(&format!("{line}\n"))?;
                reported = Instant::now();
            }
        }
    }
}

/// Whether a message comes back for an effect, and is waited for.
fn is_answered(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::List { .. }
            | Effect::Open { .. }
            | Effect::Propose { .. }
            | Effect::Inspect { .. }
            | Effect::Write { .. }
            | Effect::OpenReport { .. }
            | Effect::OpenResults { .. }
            | Effect::Judge(_)
            | Effect::Cluster(ClusterRequest::Watch { .. } | ClusterRequest::Look { .. })
            | Effect::OpenAddress { .. }
            | Effect::Rows(_)
            | Effect::Record { .. }
            | Effect::Browse { .. }
            | Effect::Pdf { .. }
    )
}

fn is_answer(message: &Message) -> bool {
    matches!(
        message,
        Message::Listed { .. }
            | Message::Opened { .. }
            | Message::Proposed { .. }
            | Message::IsResults { .. }
            | Message::Judged(_)
            | Message::Cluster {
                event: ClusterEvent::Opened { .. }
                    | ClusterEvent::Detail(_)
                    | ClusterEvent::Failed(_),
                ..
            }
            | Message::Inspected { .. }
            | Message::Written { .. }
            | Message::Report(_)
            | Message::Rows { .. }
            | Message::Record(_)
            | Message::Note(_)
            | Message::Failed(_)
    )
}

/// Writes at once: a person or a program waits for it.
fn print(text: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(output.flush()?)
}
