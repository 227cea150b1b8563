//! Streams an object to a thread that blocks.
//!
//! One request fetches the whole object, some chunks ahead of the reader. If the connection breaks, for example because
//! the reader is slow, the rest is requested from that position, and must belong to the same object.

use std::{
    fmt,
    io::{self, Read},
    sync::Arc,
};

use bytes::{Buf, Bytes};
use futures::{StreamExt, executor::block_on, stream::BoxStream};
use object_store::{GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, path::Path};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    error::{Error, Kind, Result},
    object::Object,
    runtime::{SILENCE, cancelled, wait},
};

/// Buffered chunks; a chunk has some hundred kilobytes at most.
const AHEAD: usize = 32;
/// How often a connection may break without progress.
const BREAKS: usize = 3;

/// A reader of an object's bytes.
pub struct Download {
    size: u64,
    /// Remaining bytes.
    left: u64,
    chunks: mpsc::Receiver<Result<Bytes>>,
    current: Bytes,
}

impl Download {
    pub(crate) fn start(store: Arc<dyn ObjectStore>, object: &Object) -> Result<Self> {
        let fetch = Fetch { store, path: object.path.clone(), name: object.name.clone() };
        wait(async move {
            let got = fetch.get(0).await?;
            let size = got.meta.size;
            let (sender, chunks) = mpsc::channel(AHEAD);
            tokio::spawn(async move {
                tokio::select! {
                    () = fetch.pump(got, &sender) => {}
                    () = cancelled() => {}
                }
            });
            Ok(Self { size, left: size, chunks, current: Bytes::new() })
        })
    }

    /// Bytes in the object.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match block_on(self.chunks.recv()) {
                Some(chunk) => self.current = chunk.map_err(io::Error::other)?,
                None if self.left == 0 => return Ok(0),
                None => return Err(io::Error::other(Error::cancelled())),
            }
        }
        let count = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Download({} of {} bytes left)", self.left, self.size)
    }
}

struct Fetch {
    store: Arc<dyn ObjectStore>,
    path: Path,
    name: String,
}

type ChunkStream = BoxStream<'static, object_store::Result<Bytes>>;

impl Fetch {
    async fn get(&self, offset: u64) -> Result<GetResult> {
        let range = (offset > 0).then_some(GetRange::Offset(offset));
        let asked = self.store.get_opts(&self.path, GetOptions { range, ..GetOptions::default() });
        let got = timeout(2 * SILENCE, asked).await.map_err(|_| Error::timeout(&self.name))?;
        got.map_err(|error| Error::unreadable(&self.name, &error))
    }

    /// Sends chunk after chunk, and the error if one occurs.
    async fn pump(&self, got: GetResult, chunks: &mpsc::Sender<Result<Bytes>>) {
        let meta = got.meta.clone();
        let (mut offset, mut breaks) = (0, 0);
        let mut stream: ChunkStream = got.into_stream();
        loop {
            let broken = match timeout(SILENCE, stream.next()).await {
                Ok(Some(Ok(chunk))) => {
                    offset += chunk.len() as u64;
                    breaks = 0;
                    if chunks.send(Ok(chunk)).await.is_err() {
                        return;
                    }
                    continue;
                }
                Ok(None) if offset >= meta.size => return,
                Ok(None) => Error::new(
                    Kind::Unavailable,
                    format!("{} ended after {offset} of {} bytes", self.name, meta.size),
                ),
                Ok(Some(Err(error))) => Error::unreadable(&self.name, &error),
                Err(_) => Error::timeout(&self.name),
            };
            breaks += 1;
            let resumed =
                if breaks > BREAKS { Err(broken) } else { self.resume(&meta, offset).await };
            match resumed {
                Ok(more) => stream = more,
                Err(error) => {
                    // The reader may have been dropped.
                    let _ = chunks.send(Err(error)).await;
                    return;
                }
            }
        }
    }

    /// Requests the rest of the same object.
    async fn resume(&self, meta: &ObjectMeta, offset: u64) -> Result<ChunkStream> {
        if offset >= meta.size {
            return Ok(futures::stream::empty().boxed());
        }
        let got = self.get(offset).await.map_err(|error| {
            let message = format!("{} (the connection broke after {offset} bytes)", error.message);
            Error::new(
                if error.kind == Kind::Other { Kind::Unavailable } else { error.kind },
                message,
            )
        })?;
        match is_same(meta, &got.meta) {
            Some(true) => Ok(got.into_stream()),
            Some(false) => Err(Error::new(
                Kind::Changed,
                format!(
                    "{} has changed while it was read; run the job again when the object is complete",
                    self.name
                ),
            )),
            None => Err(Error::new(
                Kind::Unavailable,
                format!(
                    "{}: the connection broke after {offset} bytes and cannot be resumed, since the server sends neither \
                     ETag nor Last-Modified to identify the object; try again",
                    self.name
                ),
            )),
        }
    }
}

/// Whether two responses are about the same object; `None` if the store does not identify it.
fn is_same(before: &ObjectMeta, after: &ObjectMeta) -> Option<bool> {
    if before.size != after.size {
        return Some(false);
    }
    match (&before.e_tag, &after.e_tag) {
        (Some(before), Some(after)) => Some(before == after),
        // A missing header is the epoch.
        (None, None) if before.last_modified.timestamp() == 0 => None,
        (None, None) => Some(before.last_modified == after.last_modified),
        _ => Some(false),
    }
}
