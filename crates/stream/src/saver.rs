//! Saves checkpoints beside the loop of a shard, since a store may not answer for long.

use std::{
    sync::mpsc::{self, Receiver, Sender, TryRecvError},
    thread,
};

use crate::{
    checkpoint::Checkpoint,
    checkpoints::Checkpoints,
    error::{Error, Result},
    positions::Positions,
    state::FrozenState,
};

/// What is saved.
pub struct SaveWork {
    /// Without state and objects.
    pub checkpoint: Checkpoint,
    pub state: FrozenState,
    /// The sinks whose results are still wanted.
    pub sinks: Vec<String>,
}

/// What was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    pub number: u64,
    /// The positions before which no restart reads.
    pub released: Positions,
}

/// Saves one checkpoint after the other.
pub trait Saver: Send {
    /// Begins to save. What was begun before has ended.
    fn begin(&mut self, work: SaveWork);

    /// The outcome of what was begun, once it is known; then nothing until the next one.
    fn poll(&mut self) -> Option<Result<Saved>>;

    /// Waits for the outcome.
    ///
    /// # Errors
    /// Those of [`Checkpoints::save`].
    fn wait(&mut self) -> Result<Saved>;
}

impl Checkpoints {
    /// Saves what was prepared.
    ///
    /// # Errors
    /// Those of [`Checkpoints::save`].
    pub fn save_work(&mut self, work: SaveWork) -> Result<Saved> {
        let SaveWork { checkpoint, state, sinks } = work;
        let sinks: Vec<&str> = sinks.iter().map(String::as_str).collect();
        let number = self.save(checkpoint, state, &sinks)?;
        Ok(Saved { number, released: self.released() })
    }
}

/// Saves on a thread of its own, which ends when this is dropped.
pub struct ThreadSaver {
    /// None: there is no thread.
    work: Option<Sender<SaveWork>>,
    outcomes: Receiver<Result<Saved>>,
}

impl ThreadSaver {
    pub fn new(mut checkpoints: Checkpoints) -> Self {
        let (work, receiver) = mpsc::channel::<SaveWork>();
        let (sender, outcomes) = mpsc::channel();
        let run = move || {
            while let Ok(work) = receiver.recv() {
                if sender.send(checkpoints.save_work(work)).is_err() {
                    break;
                }
            }
        };
        let started = thread::Builder::new().name("checkpoints".to_owned()).spawn(run);
        Self { work: started.ok().map(|_| work), outcomes }
    }
}

fn ended() -> Error {
    Error::Store("the thread that saves checkpoints has ended".into())
}

impl Saver for ThreadSaver {
    fn begin(&mut self, work: SaveWork) {
        // Where the thread has ended, the outcome says so.
        if let Some(sender) = &self.work {
            let _ = sender.send(work);
        }
    }

    fn poll(&mut self) -> Option<Result<Saved>> {
        match self.outcomes.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(ended())),
        }
    }

    fn wait(&mut self) -> Result<Saved> {
        self.outcomes.recv().map_err(|_| ended())?
    }
}
