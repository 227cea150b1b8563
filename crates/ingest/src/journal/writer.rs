//! The thread that writes a journal: it collects what arrives within a few milliseconds, synchronises it at once, and only
//! then answers.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    JournalError, Shared, frame,
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

type Answer = oneshot::Sender<Result<(), AppendError>>;

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
    /// Appends records. They are on disk when it returns without an error; then all of them are.
    ///
    /// # Errors
    /// `Full` and `Failed`: later; `TooLarge`: in smaller parts.
    pub async fn append(&self, batch: Batch) -> Result<(), AppendError> {
        if batch.records.is_empty() {
            return Ok(());
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
    max_bytes: u64,
) -> Result<Appender, JournalError> {
    let (sender, receiver) = mpsc::channel();
    let started =
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(&receiver));
    started.map_err(|error| shared.failed("", &error))?;
    let room = Arc::new(Semaphore::new(WAITING as usize));
    Ok(Appender { sender, room, shared, most: max_bytes / 2 })
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    segment_bytes: u64,
    max_bytes: u64,
    sync: Duration,
    /// The last segment.
    file: Option<File>,
    /// A write has failed: what it left has to be cut off.
    failed: bool,
    buffer: Vec<u8>,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, segment_bytes: u64, max_bytes: u64, sync: Duration) -> Self {
        Self {
            shared,
            segment_bytes,
            max_bytes,
            sync,
            file: None,
            failed: false,
            buffer: Vec::new(),
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
                refuse(pending, &error);
                return;
            }
        };
        let (mut taken, mut number) = (Vec::new(), next);
        self.buffer.clear();
        for Pending { batch, bytes, answer, .. } in pending {
            if total + self.buffer.len() as u64 + bytes > self.max_bytes {
                self.shared.full.store(true, Ordering::Relaxed);
                // Whoever asked may be gone.
                let _ = answer.send(Err(AppendError::Full));
                continue;
            }
            for record in &batch.records {
                let from = (batch.arrival, &*batch.sender);
                frame::encode(&mut self.buffer, segment.seed, number, from, record);
                number += 1;
            }
            taken.push(answer);
        }
        if taken.is_empty() {
            return;
        }
        if let Err(error) = self.write(segment.bytes) {
            self.failed = true;
            let error = AppendError::Failed(error.to_string());
            for answer in taken {
                let _ = answer.send(Err(error.clone()));
            }
            return;
        }
        let mut state = self.shared.lock();
        if let Some(last) = state.segments.back_mut() {
            last.bytes += self.buffer.len() as u64;
        }
        state.next = number;
        drop(state);
        if self.buffer.capacity() > 2 * WRITE {
            self.buffer = Vec::new();
        }
        self.shared.full.store(false, Ordering::Relaxed);
        for answer in taken {
            let _ = answer.send(Ok(()));
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
        let segment = match last {
            Some(last) if last.bytes < self.segment_bytes || last.bytes == HEADER as u64 => {
                if self.file.is_none() {
                    let path = shared.folder.join(segment::name(last.first));
                    self.file = Some(OpenOptions::new().write(true).open(path)?);
                }
                last
            }
            _ => {
                let segment = Segment::create(&shared.folder, state.next)?;
                let path = shared.folder.join(segment::name(segment.first));
                self.file = Some(OpenOptions::new().write(true).open(path)?);
                self.failed = false;
                state.segments.push_back(segment);
                segment
            }
        };
        if self.failed {
            let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
            file.set_len(segment.bytes)?;
            file.sync_all()?;
            self.failed = false;
        }
        Ok((segment, state.bytes(), state.next))
    }
}

fn refuse(pending: Vec<Pending>, error: &io::Error) {
    for Pending { answer, .. } in pending {
        // Whoever asked may be gone.
        let _ = answer.send(Err(AppendError::Failed(error.to_string())));
    }
}
