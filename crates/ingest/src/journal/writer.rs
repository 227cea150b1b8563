//! The thread that writes a journal: it collects what arrives within a few milliseconds, synchronises it at once, and only
//! then answers.

use std::{
    cell::Cell,
    collections::HashMap,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc, Once,
        atomic::Ordering,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    JournalError, Shared,
    disk::DiskRoom,
    frame,
    seen::Seen,
    segment::{self, HEADER, Segment},
};
use crate::record::Batch;

/// Bytes that are written at once at most.
const WRITE: usize = 8 << 20;
/// KiB of records that may wait for the thread.
const WAITING: u32 = 64 << 10;

/// Why records were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// They fit later.
    #[error("the journal is full until its records are judged and written")]
    Full,
    /// They never fit.
    #[error("so many records at once do not fit into the journal")]
    TooLarge,
    /// They may fit later.
    #[error("the journal can't be written: {0}")]
    Failed(String),
}

/// Records that are on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The places of those whose keys are known: they were on disk, and are not there twice.
    pub known: Vec<usize>,
}

type Answer = oneshot::Sender<Result<Appended, AppendError>>;

struct Pending {
    batch: Batch,
    bytes: u64,
    answer: Answer,
    _room: OwnedSemaphorePermit,
}

/// Takes records for a journal. Clones share it.
#[derive(Clone)]
pub struct Appender {
    sender: Sender<Pending>,
    room: Arc<Semaphore>,
    shared: Arc<Shared>,
    most: u64,
}

impl Appender {
    /// Appends records whose keys are not known. They are on disk when it returns without an error; then all of them are.
    ///
    /// # Errors
    /// `Full` and `Failed`: later; `TooLarge`: in smaller parts.
    pub async fn append(&self, batch: Batch) -> Result<Appended, AppendError> {
        if batch.records.is_empty() {
            return Ok(Appended::default());
        }
        let sizes = batch.records.iter().map(|record| frame::size(&batch.sender, record) as u64);
        let bytes = sizes.sum::<u64>();
        if bytes > self.most {
            return Err(AppendError::TooLarge);
        }
        let kibibytes = u32::try_from(bytes.div_ceil(1024)).unwrap_or(WAITING).min(WAITING);
        let ended = || AppendError::Failed("it is closed".to_owned());
        let room = Arc::clone(&self.room).acquire_many_owned(kibibytes).await;
        let (answer, answered) = oneshot::channel();
        let pending = Pending { batch, bytes, answer, _room: room.map_err(|_| ended())? };
        self.sender.send(pending).map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    /// Whether records were refused since they did not fit, and none was removed or taken since.
    pub fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }
}

/// # Errors
/// No thread can be started.
pub(super) fn start(
    writer: Writer,
    shared: Arc<Shared>,
    most: u64,
) -> Result<Appender, JournalError> {
    let (sender, receiver) = mpsc::channel();
    let started =
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(&receiver));
    started.map_err(|error| shared.failed("", &error))?;
    let room = Arc::new(Semaphore::new(WAITING as usize));
    Ok(Appender { sender, room, shared, most })
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    segment_bytes: u64,
    max_bytes: u64,
    sync: Duration,
    disk: DiskRoom,
    /// Its disk had no room for what came: the last segment takes no more, so that it can be removed.
    disk_full: bool,
    /// The last segment.
    file: Option<File>,
    /// A write has failed: what it left has to be cut off.
    torn: bool,
    buffer: Vec<u8>,
    /// Keys of records that are on disk.
    seen: Option<Seen>,
    /// It was said that keys are forgotten before their time.
    warned: Once,
    /// It was said that the disk is full.
    warned_disk: Once,
}

impl Writer {
    pub fn new(
        shared: Arc<Shared>,
        segment_bytes: u64,
        max_bytes: u64,
        sync: Duration,
        seen: Option<Seen>,
        disk: DiskRoom,
    ) -> Self {
        Self {
            shared,
            segment_bytes,
            max_bytes,
            sync,
            disk,
            disk_full: false,
            file: None,
            torn: false,
            buffer: Vec::new(),
            seen,
            warned: Once::new(),
            warned_disk: Once::new(),
        }
    }

    fn run(mut self, receiver: &Receiver<Pending>) {
        while let Ok(first) = receiver.recv() {
            let until = Instant::now() + self.sync;
            let mut bytes = first.bytes;
            let mut pending = vec![first];
            while bytes < WRITE as u64 {
                let wait = until.saturating_duration_since(Instant::now());
                match receiver.recv_timeout(wait) {
                    Ok(next) => {
                        bytes += next.bytes;
                        pending.push(next);
                    }
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
            self.commit(pending);
        }
    }

    /// Writes what fits, and answers.
    fn commit(&mut self, pending: Vec<Pending>) {
        let (segment, total, next) = match self.segment() {
            Ok(segment) => segment,
            Err(error) => {
                let answers = pending.into_iter().map(|pending| pending.answer);
                self.failed(answers, &error);
                return;
            }
        };
        let room = self.make_room(total, pending.iter().map(|pending| pending.bytes).sum());
        let (mut taken, mut number) = (Vec::new(), next);
        // Keys of this commit, which are known once it is durable, with their arrivals.
        let mut keys: HashMap<u128, i64> = HashMap::new();
        let mut last_arrival = 0;
        self.buffer.clear();
        for Pending { batch, bytes, answer, .. } in pending {
            if self.buffer.len() as u64 + bytes > room {
                self.shared.full.store(true, Ordering::Relaxed);
                // The sender may be gone.
                let _ = answer.send(Err(AppendError::Full));
                continue;
            }
            let mut appended = Appended::default();
            for (place, record) in batch.records.iter().enumerate() {
                if let (Some(seen), Some(key)) = (&self.seen, record.key) {
                    if seen.contains(key) || keys.contains_key(&key) {
                        appended.known.push(place);
                        continue;
                    }
                    keys.insert(key, batch.arrival);
                }
                let from = (batch.arrival, &*batch.sender);
                frame::encode(&mut self.buffer, segment.seed, number, from, record);
                number += 1;
            }
            last_arrival = last_arrival.max(batch.arrival);
            taken.push((answer, appended));
        }
        if taken.is_empty() {
            return;
        }
        if let Err(error) = self.write(segment.bytes) {
            self.torn = true;
            self.failed(taken.into_iter().map(|(answer, _)| answer), &error);
            return;
        }
        let mut state = self.shared.lock();
        if let Some(last) = state.segments.back_mut() {
            last.bytes += self.buffer.len() as u64;
            last.last_arrival = last.last_arrival.max(last_arrival);
        }
        state.next = number;
        drop(state);
        if self.buffer.capacity() > 2 * WRITE {
            self.buffer = Vec::new();
        }
        self.shared.full.store(false, Ordering::Relaxed);
        if let Some(seen) = &mut self.seen {
            keys.into_iter().for_each(|(key, arrival)| seen.insert(key, arrival));
        }
        for (answer, appended) in taken {
            let _ = answer.send(Ok(appended));
        }
    }

    /// The bytes that may be written behind `total`. If `bytes` do not fit, released segments that are left are removed: those
    /// that are kept for their keys alone, and the last one before its disk was full.
    fn make_room(&mut self, total: u64, bytes: u64) -> u64 {
        let (room, _) = self.room(total);
        let excess = bytes.saturating_sub(room);
        if excess == 0 {
            self.disk_full = false;
            return room;
        }
        let removed = Cell::new(0);
        let mut state = self.shared.lock();
        let all = self.shared.remove_released(&mut state, |segment| {
            let before = removed.replace(removed.get() + segment.bytes);
            before < excess
        });
        drop(state);
        if all > 0 && self.seen.is_some() {
            self.warned.call_once(|| {
                tracing::warn!(
                    "the journal is too small for the window of `dedupe`: a process that starts again may take records again; \
                     raise `stream.journal.maxBytes`"
                );
            });
        }
        let (room, is_disk) = self.room(total - all);
        self.set_disk_full(is_disk && bytes > room);
        room
    }

    /// The bytes that may be written behind `total`, and whether its disk is what limits them.
    fn room(&self, total: u64) -> (u64, bool) {
        let left = self.max_bytes.saturating_sub(total);
        let disk = (self.disk)(&self.shared.folder);
        (left.min(disk), disk < left)
    }

    fn set_disk_full(&mut self, disk_full: bool) {
        self.disk_full = disk_full;
        if disk_full {
            let folder = self.shared.folder.display();
            self.warned_disk.call_once(|| {
                tracing::warn!(
                    "{folder}: its disk is full: when it is, nothing is taken until records are judged and their results \
                     written"
                );
            });
        }
    }

    /// Nothing was taken.
    fn failed(&mut self, answers: impl Iterator<Item = Answer>, error: &io::Error) {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        if full.contains(&error.kind()) {
            self.set_disk_full(true);
            self.shared.full.store(true, Ordering::Relaxed);
        }
        let error = AppendError::Failed(error.to_string());
        for answer in answers {
            // The sender may be gone.
            let _ = answer.send(Err(error.clone()));
        }
    }

    fn write(&self, offset: u64) -> io::Result<()> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        file.write_all_at(&self.buffer, offset)?;
        file.sync_data()
    }

    /// The segment that is written to, the bytes of all segments, and the number of the next record.
    ///
    /// # Errors
    /// It can't be opened, created or cut.
    fn segment(&mut self) -> io::Result<(Segment, u64, u64)> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let last = state.segments.back().copied();
        // Before anything follows it: a record that was not acknowledged must not be read.
        if let (true, Some(file), Some(last)) = (self.torn, &self.file, last) {
            file.set_len(last.bytes)?;
            file.sync_all()?;
        }
        self.torn = false;
        let is_open = |last: &Segment| {
            last.bytes == HEADER as u64 || last.bytes < self.segment_bytes && !self.disk_full
        };
        let segment = match last.filter(is_open) {
            Some(last) => {
                if self.file.is_none() {
                    let path = shared.folder.join(segment::name(last.first));
                    self.file = Some(OpenOptions::new().write(true).open(path)?);
                }
                last
            }
            None => {
                // An open file would keep its room.
                self.file = None;
                if self.disk_full {
                    shared.remove_all_released(&mut state);
                }
                let segment = Segment::create(&shared.folder, state.next)?;
                let path = shared.folder.join(segment::name(segment.first));
                self.file = Some(OpenOptions::new().write(true).open(path)?);
                state.segments.push_back(segment);
                segment
            }
        };
        Ok((segment, state.bytes(), state.next))
    }
}
