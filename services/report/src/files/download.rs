//! Byte streams of files on their way to a client.

use std::{fs::File, io::Read};

use anomal_core::{Download, Error, Result, blocking};
use anomal_rpc::chunks::pieces;
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::sync::mpsc;

use super::temporary::no_space;

/// Bytes of a chunk.
const CHUNK: usize = 1 << 20;

/// Bytes in memory.
pub(crate) fn from_bytes(bytes: Vec<u8>) -> Download {
    stream::iter(pieces(bytes.into()).map(Ok)).boxed()
}

/// A file's bytes from its position on, read on demand.
pub(crate) fn from_file(file: File) -> Download {
    let chunks = stream::try_unfold(file, |file| async move {
        blocking(move |_| {
            let chunk = read_chunk(&file, CHUNK)?;
            Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), file)))
        })
        .await
    });
    chunks.fuse().boxed()
}

/// At most `size` bytes from a file's position on; empty at its end.
///
/// # Errors
/// `Output` if it can't be read.
pub(crate) fn read_chunk(file: &File, size: usize) -> Result<Vec<u8>> {
    let mut chunk = Vec::new();
    file.take(size as u64).read_to_end(&mut chunk).map_err(|error| no_space(&error))?;
    Ok(chunk)
}

/// Bytes that `write` sends, on a separate thread, at the client's pace. Sending fails with `Cancelled` once
/// the client is gone.
pub(crate) fn from_writer(
    write: impl FnOnce(&mut dyn FnMut(Vec<u8>) -> Result<()>) -> Result<()> + Send + 'static,
) -> Download {
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        let mut send = |chunk: Vec<u8>| {
            sender.blocking_send(Ok(Bytes::from(chunk))).map_err(|_| Error::cancelled())
        };
        if let Err(error) = write(&mut send) {
            // The client may be gone.
            let _ = sender.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((chunk, receiver))
    })
    // The compression layer polls again after the end.
    .fuse()
    .boxed()
}
