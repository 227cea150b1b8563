//! Writes an object from a thread that blocks. The write is atomic: readers see the complete object or none.
//!
//! Parts are uploaded in the background, a few at a time. A task owns the upload, so that it is aborted in every case:
//! when the writer is dropped, when a part can't be sent, and when the process is asked to stop.

use std::{fmt, io, sync::Arc, time::Duration};

use futures::executor::block_on;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use crate::{
    error::{Error, Result},
    runtime::{cancelled, defect, runtime},
};

/// Bytes of a part; S3 requires at least 5 MiB.
const PART: usize = 8 << 20;
/// S3 allows 10,000 parts. Parts after these are larger, so that an object may have 350 GB.
const SMALL_PARTS: usize = 5_000;
const LARGE_PART: usize = 64 << 20;
/// Parts in flight, which determine the memory of an upload.
const AT_ONCE: usize = 3;
/// The timeout for aborting an upload.
const ABORT: Duration = Duration::from_secs(5);

enum Message {
    Part(PutPayload),
    /// Answered when all parts are uploaded.
    Flush(oneshot::Sender<()>),
    Complete,
}

/// A writer of an object's bytes.
pub struct Upload {
    name: String,
    buffer: Vec<u8>,
    parts: usize,
    messages: Option<mpsc::Sender<Message>>,
    driver: Option<JoinHandle<Result<()>>>,
}

impl Upload {
    /// Creates the upload at once, so that a missing bucket is reported before any work.
    pub(crate) fn start(store: Arc<dyn ObjectStore>, path: Path, name: String) -> Result<Self> {
        let (messages, receiver) = mpsc::channel(1);
        let (started, has_started) = oneshot::channel();
        let task = drive(store, path, name.clone(), receiver, started);
        let driver = Some(runtime()?.spawn(task));
        let mut upload =
            Self { name, buffer: Vec::new(), parts: 0, messages: Some(messages), driver };
        match block_on(has_started) {
            Ok(()) => Ok(upload),
            Err(_) => Err(upload.failure()),
        }
    }

    /// The URL, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Uploads all bytes written so far, so that only [`Upload::finish`] can fail.
    ///
    /// # Errors
    /// As writing.
    pub fn flush_parts(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.send_part()?;
        }
        let (flushed, has_flushed) = oneshot::channel();
        self.send(Message::Flush(flushed))?;
        block_on(has_flushed).map_err(|_| self.failure())
    }

    /// Makes the object visible, replacing an existing one.
    ///
    /// # Errors
    /// As writing; an existing object stays then.
    pub fn finish(mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.send_part()?;
        }
        self.send(Message::Complete)?;
        match self.driver.take() {
            Some(driver) => block_on(driver).unwrap_or_else(|_| Err(defect())),
            None => Err(defect()),
        }
    }

    fn send_part(&mut self) -> Result<()> {
        self.parts += 1;
        let bytes = std::mem::take(&mut self.buffer);
        self.send(Message::Part(bytes.into()))
    }

    fn send(&mut self, message: Message) -> Result<()> {
        let Some(messages) = &self.messages else { return Err(Error::cancelled()) };
        if block_on(messages.send(message)).is_ok() { Ok(()) } else { Err(self.failure()) }
    }

    /// The reason why the upload has ended.
    fn failure(&mut self) -> Error {
        self.messages = None;
        let ended = self.driver.take().map(block_on);
        match ended {
            Some(Ok(Err(error))) => error,
            Some(_) => defect(),
            None => Error::cancelled(),
        }
    }
}

impl io::Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = part_size(self.parts) - self.buffer.len();
        let count = bytes.len().min(room);
        self.buffer.extend_from_slice(&bytes[..count]);
        if count == room {
            self.send_part().map_err(io::Error::other)?;
        }
        Ok(count)
    }

    /// Does nothing: parts are sent when they are full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Aborts an incomplete upload, and waits for that, since the process may be about to end.
impl Drop for Upload {
    fn drop(&mut self) {
        self.messages = None;
        if let Some(driver) = self.driver.take() {
            // There is no one to report an error to.
            let _ = block_on(driver);
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upload({}, {} parts)", self.name, self.parts)
    }
}

fn part_size(parts: usize) -> usize {
    if parts < SMALL_PARTS { PART } else { LARGE_PART }
}

async fn drive(
    store: Arc<dyn ObjectStore>,
    path: Path,
    name: String,
    mut messages: mpsc::Receiver<Message>,
    started: oneshot::Sender<()>,
) -> Result<()> {
    // Not cancellable: an upload whose id is unknown could not be aborted.
    let upload = store.put_multipart(&path).await;
    let mut upload = upload.map_err(|error| Error::unwritable(&name, &error))?;
    // The receiver may have been dropped; then the messages end as well.
    let _ = started.send(());
    let mut parts = JoinSet::new();
    let done = tokio::select! {
        done = send_parts(upload.as_mut(), &mut parts, &mut messages) => match done {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::cancelled()),
            Err(error) => Err(Error::unwritable(&name, &error)),
        },
        () = cancelled() => Err(Error::cancelled()),
    };
    if done.is_err() {
        // No part may arrive after the abort.
        parts.shutdown().await;
        match timeout(ABORT, upload.abort()).await {
            Ok(Ok(())) => {}
            _ => tracing::warn!(
                "the upload of {name} could not be aborted; the store's lifecycle rule for incomplete uploads has to \
                 remove it"
            ),
        }
    }
    done
}

/// Uploads the parts that arrive. Returns whether the upload was completed.
async fn send_parts(
    upload: &mut dyn MultipartUpload,
    parts: &mut JoinSet<object_store::Result<()>>,
    messages: &mut mpsc::Receiver<Message>,
) -> object_store::Result<bool> {
    while let Some(message) = messages.recv().await {
        match message {
            Message::Part(bytes) => {
                wait_for_parts(parts, AT_ONCE - 1).await?;
                parts.spawn(upload.put_part(bytes));
            }
            Message::Flush(flushed) => {
                wait_for_parts(parts, 0).await?;
                // The receiver may have been dropped.
                let _ = flushed.send(());
            }
            Message::Complete => {
                wait_for_parts(parts, 0).await?;
                upload.complete().await?;
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Waits until at most `most` parts are in flight.
async fn wait_for_parts(
    parts: &mut JoinSet<object_store::Result<()>>,
    most: usize,
) -> object_store::Result<()> {
    while parts.len() > most {
        match parts.join_next().await {
            Some(Ok(sent)) => sent?,
            Some(Err(error)) => return Err(error.into()),
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use object_store::memory::InMemory;

    use super::*;

    fn stored(store: &InMemory) -> Option<Vec<u8>> {
        let got = block_on(store.get(&Path::from("k"))).ok()?;
        Some(block_on(got.bytes()).unwrap().to_vec())
    }

    #[test]
    fn an_object_appears_whole_or_not_at_all() {
        let store = Arc::new(InMemory::new());
        let start = || {
            let objects: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(&store);
            Upload::start(objects, Path::from("k"), "s3://b/k".into()).unwrap()
        };
        let bytes: Vec<u8> =
            (0..(PART + PART / 2)).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
        let mut upload = start();
        upload.write_all(&bytes).unwrap();
        upload.flush_parts().unwrap();
        drop(upload);
        assert_eq!(stored(&store), None);
        let mut upload = start();
        upload.write_all(&bytes).unwrap();
        upload.flush_parts().unwrap();
        assert_eq!(stored(&store), None);
        upload.finish().unwrap();
        assert_eq!(stored(&store).unwrap(), bytes);
        // It can be replaced, even by an empty object.
        start().finish().unwrap();
        assert_eq!(stored(&store).unwrap(), b"");
    }

    #[test]
    fn parts_fit_the_limits_of_s3() {
        let most: usize = (0..10_000).map(part_size).sum();
        assert!(most > 350_000_000_000);
        assert!((0..10_000).map(part_size).all(|size| size >= 5 << 20));
    }
}
