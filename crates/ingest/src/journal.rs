//! An append-only log of records on disk, in segments of which the oldest are removed.
//!
//! Records are acknowledged once they are synchronised, many at a time. What was being written when the process or the machine
//! died is cut off when the journal is opened again; a frame that was damaged later is named and left out.

mod frame;
mod log;
mod reader;
mod recovery;
mod segment;
mod windows;
mod writer;

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub use self::{
    log::JournalLog,
    recovery::read_segment,
    windows::{Collected, Window, WindowLog, WindowOptions},
    writer::{AppendError, Appender},
};
use self::{segment::Segment, writer::Writer};

const LOCK: &str = "lock";
/// Of the journal's bytes, a segment has at most so large a part.
const SEGMENTS: u64 = 8;
const LARGEST_SEGMENT: u64 = 64 << 20;
const SMALLEST_SEGMENT: u64 = 64 << 10;

/// Where a journal is, and how large it may be.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// A folder of this journal alone, which is created if it does not exist.
    pub folder: PathBuf,
    /// The bytes that it may have. More is refused until records are released.
    pub max_bytes: u64,
    /// How long records may wait for others before all of them are synchronised together.
    pub sync: Duration,
}

/// Why a journal can't be opened or read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}", path = path.display())]
pub struct JournalError {
    path: PathBuf,
    why: String,
}

/// The journal of a process, which no other may use.
pub struct Journal {
    shared: Arc<Shared>,
    options: JournalOptions,
    /// Locked until the process ends.
    _lock: File,
}

/// What writer, reader and doors share.
struct Shared {
    folder: PathBuf,
    state: Mutex<State>,
    full: AtomicBool,
}

/// What is durable.
struct State {
    /// By their first records, oldest first. The last one is written to.
    segments: VecDeque<Segment>,
    /// The number of the next record.
    next: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of another thread leaves the state whole: it is changed at the end.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, name: &str, error: &io::Error) -> JournalError {
        JournalError { path: self.folder.join(name), why: error.to_string() }
    }
}

impl State {
    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}

impl Journal {
    /// Opens a journal, and cuts off what was not written whole.
    ///
    /// # Errors
    /// Another process uses it, or it can't be read or created.
    pub fn open(options: JournalOptions) -> Result<Self, JournalError> {
        let folder = options.folder.clone();
        let failed = |why: String| JournalError { path: folder.clone(), why };
        let opened = fs::create_dir_all(&folder).and_then(|()| {
            let lock = folder.join(LOCK);
            OpenOptions::new().create(true).truncate(false).write(true).open(lock)
        });
        let lock = opened.map_err(|error| failed(error.to_string()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let why = "another process writes this journal; stop that one first, or name another folder in \
                           stream.journal.path";
                return Err(failed(why.to_owned()));
            }
            Err(fs::TryLockError::Error(error)) => return Err(failed(error.to_string())),
        }
        let state = Mutex::new(recovery::recover(&folder)?);
        let shared = Shared { folder, state, full: AtomicBool::new(false) };
        Ok(Self { shared: Arc::new(shared), options, _lock: lock })
    }

    /// Begins to take records. Dropping all clones of the appender ends that.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn appender(&self) -> Result<Appender, JournalError> {
        let segment = (self.options.max_bytes / SEGMENTS).clamp(SMALLEST_SEGMENT, LARGEST_SEGMENT);
        let writer = Writer::new(
            Arc::clone(&self.shared),
            segment,
            self.options.max_bytes,
            self.options.sync,
        );
        writer::start(writer, Arc::clone(&self.shared), self.options.max_bytes)
    }

    /// The number of the next record: so many were taken since the journal began.
    pub fn next(&self) -> u64 {
        self.shared.lock().next
    }

    /// Goes on with this number, if records up to it were taken and are gone. Whether they are.
    ///
    /// # Errors
    /// The next segment can't be created.
    fn advance_to(&self, number: u64) -> Result<bool, JournalError> {
        let mut state = self.shared.lock();
        if state.next >= number {
            return Ok(false);
        }
        let segment = Segment::create(&self.shared.folder, number)
            .map_err(|error| self.shared.failed(&segment::name(number), &error))?;
        state.segments.push_back(segment);
        state.next = number;
        Ok(true)
    }

    /// Removes the segments whose records are all before this number.
    fn release(&self, number: u64) {
        let mut state = self.shared.lock();
        while state.segments.get(1).is_some_and(|second| second.first <= number) {
            let first = state.segments[0].first;
            match fs::remove_file(self.shared.folder.join(segment::name(first))) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!("{}", self.shared.failed(&segment::name(first), &error));
                    break;
                }
            }
            state.segments.pop_front();
            self.shared.full.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
