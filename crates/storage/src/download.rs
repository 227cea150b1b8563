//! An object as a stream of bytes for a thread that blocks.
//!
//! One request for the whole object, some pieces ahead of whoever reads them. Where the connection breaks, which
//! one that waits for a slow reader will, the rest is asked for from where it broke; what then comes must be of
//! the same object.

use std::{
    fmt,
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures::{StreamExt, executor::block_on, stream::BoxStream};
use object_store::{GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, path::Path};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    error::{Error, Kind, Result},
    runtime::{broken_off, wait},
    store::Object,
};

/// A connection on which nothing comes for so long is a broken one.
pub(crate) const SILENCE: Duration = Duration::from_mins(1);
/// Pieces that wait to be read; a piece is what the network gives at once, some hundred kilobytes at most.
const AHEAD: usize = 32;
/// How often a connection may break without that anything came.
const BREAKS: usize = 3;

pub struct Download {
    size: u64,
    /// Bytes that are still to come.
    left: u64,
    pieces: mpsc::Receiver<Result<Bytes>>,
    current: Bytes,
}

impl Download {
    pub(crate) fn start(store: Arc<dyn ObjectStore>, object: &Object) -> Result<Self> {
        let fetch = Fetch { store, path: object.path.clone(), name: object.name.clone() };
        wait(async move {
            let got = fetch.get(0).await?;
            let size = got.meta.size;
            let (sender, pieces) = mpsc::channel(AHEAD);
            tokio::spawn(async move {
                tokio::select! {
                    () = fetch.pump(got, &sender) => {}
                    () = broken_off() => {}
                }
            });
            Ok(Self { size, left: size, pieces, current: Bytes::new() })
        })
    }

    /// All its bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match block_on(self.pieces.recv()) {
                Some(piece) => self.current = piece.map_err(io::Error::other)?,
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

type Pieces = BoxStream<'static, object_store::Result<Bytes>>;

impl Fetch {
    async fn get(&self, offset: u64) -> Result<GetResult> {
        let range = (offset > 0).then_some(GetRange::Offset(offset));
        let asked = self.store.get_opts(&self.path, GetOptions { range, ..GetOptions::default() });
        let got = timeout(2 * SILENCE, asked).await.map_err(|_| Error::silent(&self.name))?;
        got.map_err(|error| Error::unreadable(&self.name, &error))
    }

    /// Sends piece after piece, and then nothing or why there is no more.
    async fn pump(&self, got: GetResult, pieces: &mpsc::Sender<Result<Bytes>>) {
        let meta = got.meta.clone();
        let (mut offset, mut breaks) = (0, 0);
        let mut stream: Pieces = got.into_stream();
        loop {
            let broken = match timeout(SILENCE, stream.next()).await {
                Ok(Some(Ok(piece))) => {
                    offset += piece.len() as u64;
                    breaks = 0;
                    if pieces.send(Ok(piece)).await.is_err() {
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
                Err(_) => Error::silent(&self.name),
            };
            breaks += 1;
            let again = if breaks > BREAKS { Err(broken) } else { self.again(&meta, offset).await };
            match again {
                Ok(more) => stream = more,
                Err(error) => {
                    // Who reads may have gone.
                    let _ = pieces.send(Err(error)).await;
                    return;
                }
            }
        }
    }

    /// The rest of the same object.
    async fn again(&self, meta: &ObjectMeta, offset: u64) -> Result<Pieces> {
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
        match same(meta, &got.meta) {
            Some(true) => Ok(got.into_stream()),
            Some(false) => Err(Error::new(
                Kind::Changed,
                format!("{} has changed while it was read; run again when it is whole", self.name),
            )),
            None => Err(Error::new(
                Kind::Unavailable,
                format!(
                    "{}: the connection broke after {offset} bytes, and the server gives neither ETag nor \
                     Last-Modified by which the rest could be known to be of the same object; try again",
                    self.name
                ),
            )),
        }
    }
}

/// Whether two answers are about the same bytes, as far as the store tells.
fn same(before: &ObjectMeta, after: &ObjectMeta) -> Option<bool> {
    if before.size != after.size {
        return Some(false);
    }
    match (&before.e_tag, &after.e_tag) {
        (Some(before), Some(after)) => Some(before == after),
        // What is not told is the beginning of time.
        (None, None) if before.last_modified.timestamp() == 0 => None,
        (None, None) => Some(before.last_modified == after.last_modified),
        _ => Some(false),
    }
}
