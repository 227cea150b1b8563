//! An append-only log of records on disk, in segments of which the oldest are removed.
//!
//! Records are acknowledged once they are synchronised, many at a time. What was being written when the process or the machine
//! died is cut off when the journal is opened again; a frame that was damaged later is named and left out.

mod disk;
mod frame;
mod log;
mod reader;
mod recovery;
mod seen;
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
    time::{Duration, SystemTime},
};

use self::{disk::DiskRoom, seen::Seen, segment::Segment, writer::Writer};
pub use self::{
    log::JournalLog,
    recovery::read_segment,
    windows::{Collected, Window, WindowLog, WindowOptions},
    writer::{AppendError, Appended, Appender},
};
use crate::record::micros;

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
    /// How long records with keys are known, so that they are not taken again. None: they are not.
    pub remember: Option<Duration>,
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
    /// For how many microseconds released segments are kept, so that the next process knows their keys.
    keep: Option<i64>,
}

/// What is durable.
struct State {
    /// By their first records, oldest first. The last one is written to.
    segments: VecDeque<Segment>,
    /// The number of the next record.
    next: u64,
    /// Records before this number are not read again.
    released: u64,
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
        let keep = options.remember.map(|it| i64::try_from(it.as_micros()).unwrap_or(i64::MAX));
        let state = Mutex::new(recovery::recover(&folder)?);
        let shared = Shared { folder, state, full: AtomicBool::new(false), keep };
        Ok(Self { shared: Arc::new(shared), options, _lock: lock })
    }

    /// Begins to take records. Dropping all clones of the appender ends that.
    ///
    /// # Errors
    /// No thread can be started; the keys of earlier records can't be read.
    pub fn appender(&self) -> Result<Appender, JournalError> {
        self.appender_on(Box::new(disk::room))
    }

    /// Begins to take records on a disk that has the room that `disk` says for a folder.
    fn appender_on(&self, disk: DiskRoom) -> Result<Appender, JournalError> {
        let segment = (self.options.max_bytes / SEGMENTS).clamp(SMALLEST_SEGMENT, LARGEST_SEGMENT);
        let seen = match self.shared.keep {
            Some(window) => Some(self.seen(window)?),
            None => None,
        };
        let JournalOptions { max_bytes, sync, .. } = self.options;
        let most = max_bytes.min(disk::capacity(&self.shared.folder)) / 2;
        let writer = Writer::new(Arc::clone(&self.shared), segment, max_bytes, sync, seen, disk);
        writer::start(writer, Arc::clone(&self.shared), most)
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

    /// The keys of records that arrived within a time before now.
    ///
    /// # Errors
    /// A segment can't be read.
    fn seen(&self, window: i64) -> Result<Seen, JournalError> {
        let mut seen = Seen::new(window);
        let oldest = micros(SystemTime::now()).saturating_sub(window);
        let mut segments: Vec<Segment> = self.shared.lock().segments.iter().copied().collect();
        segments.retain(|segment| segment.last_arrival >= oldest);
        for segment in segments {
            let name = segment::name(segment.first);
            let bytes = fs::read(self.shared.folder.join(&name));
            let bytes = bytes.map_err(|error| self.shared.failed(&name, &error))?;
            recovery::keys(&bytes.into(), |key, arrival| seen.insert(key, arrival));
        }
        Ok(seen)
    }

    /// Removes the segments whose records are all before this number, or later where their keys are to be known.
    fn release(&self, number: u64) {
        let mut state = self.shared.lock();
        state.released = number;
        let now = micros(SystemTime::now());
        let oldest = self.shared.keep.map(|keep| now.saturating_sub(keep));
        self.shared.remove_released(&mut state, |segment| {
            oldest.is_none_or(|oldest| segment.last_arrival < oldest)
        });
    }
}

impl Shared {
    /// Removes the oldest segments that are released, as long as one is to go. Returns their bytes.
    fn remove_released(&self, state: &mut State, goes: impl Fn(&Segment) -> bool) -> u64 {
        let mut bytes = 0;
        while let Some(second) = state.segments.get(1)
            && second.first <= state.released
            && goes(&state.segments[0])
            && let Some(removed) = self.remove_first(state)
        {
            bytes += removed;
        }
        bytes
    }

    /// Removes all segments, if all their records are released: a checkpoint has the number of the next one.
    fn remove_all_released(&self, state: &mut State) {
        if state.released >= state.next {
            while self.remove_first(state).is_some() {}
        }
    }

    /// Removes the oldest segment. Returns its bytes; none if there is none, or it can't be removed.
    fn remove_first(&self, state: &mut State) -> Option<u64> {
        let name = segment::name(state.segments.front()?.first);
        match fs::remove_file(self.folder.join(&name)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!("{}", self.failed(&name, &error));
                return None;
            }
        }
        self.full.store(false, Ordering::Relaxed);
        state.segments.pop_front().map(|segment| segment.bytes)
    }
}

#[cfg(test)]
mod tests;
