//! Files on their way.

use std::{fs::File, io::Read};

use anomal_core::{Download, Result, blocking};
use anomal_rpc::chunks::pieces;
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::contents::full;

/// Bytes of a piece.
const PIECE: usize = 1 << 20;

/// Bytes that are there already.
pub(crate) fn bytes(bytes: Vec<u8>) -> Download {
    stream::iter(pieces(bytes.into()).map(Ok)).boxed()
}

/// A file's bytes, read as they are taken.
pub(crate) fn file(file: File) -> Download {
    let pieces = stream::try_unfold(file, |file| async move {
        blocking(move |_| {
            let piece = piece(&file, PIECE)?;
            Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
        })
        .await
    });
    pieces.fuse().boxed()
}

/// At most so many of the next bytes of a file; none at its end.
///
/// # Errors
/// `Output` if it can't be read.
pub(crate) fn piece(file: &File, size: usize) -> Result<Vec<u8>> {
    let mut piece = Vec::new();
    file.take(size as u64).read_to_end(&mut piece).map_err(|error| full(&error))?;
    Ok(piece)
}

/// Bytes that `make` sends, on a thread of its own, as fast as they are taken. It is told when nobody does
/// any more.
pub(super) fn made(
    make: impl FnOnce(&mut dyn FnMut(Vec<u8>) -> Result<()>) -> Result<()> + Send + 'static,
) -> Download {
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        let mut send = |piece: Vec<u8>| {
            sender
                .blocking_send(Ok(Bytes::from(piece)))
                .map_err(|_| anomal_core::Error::cancelled())
        };
        if let Err(error) = make(&mut send) {
            // Whoever waited may have gone.
            let _ = sender.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    })
    // Who compresses asks once more behind the end.
    .fuse()
    .boxed()
}
