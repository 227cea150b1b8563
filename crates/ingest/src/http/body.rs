//! The body of a request, within limits of size, time and memory.

use std::{io::Read, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use futures::StreamExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use zstd::stream::read::Decoder as ZstdDecoder;

use super::answer::Refusal;

/// How long a body may pause, and how long it may take.
const PAUSE: Duration = Duration::from_secs(30);
pub(super) const WHOLE: Duration = Duration::from_mins(5);
/// How long a request waits for others to leave room.
pub(super) const ROOM: Duration = Duration::from_secs(5);
/// The window of a decompressor, as a power of two: what memory it may need.
const WINDOW: u32 = 27;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// The decompressed body, and the room that it takes.
///
/// # Errors
/// It is too large, too slow, encoded otherwise or damaged; there is no room.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    max: usize,
    bodies: &Arc<Semaphore>,
) -> Result<(Bytes, OwnedSemaphorePermit), Refusal> {
    let encoding = encoding(headers)?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = length.and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > max as u64) {
        return Err(Refusal::TooLarge);
    }
    let length = length.and_then(|length| usize::try_from(length).ok());
    let bytes = match encoding {
        Encoding::Identity => length.unwrap_or(max),
        Encoding::Gzip | Encoding::Zstd => length.unwrap_or(max) + max,
    };
    let kibibytes = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
    let room = timeout(ROOM, Arc::clone(bodies).acquire_many_owned(kibibytes)).await;
    let room = room.ok().and_then(Result::ok).ok_or(Refusal::TooMany)?;
    let sent = timeout(WHOLE, whole(body, max)).await.map_err(|_| Refusal::TooSlow)??;
    if encoding == Encoding::Identity {
        return Ok((sent, room));
    }
    let decoded = tokio::task::spawn_blocking(move || decompress(&sent, encoding, max)).await;
    let decoded = decoded.map_err(|_| Refusal::Bad("it can't be decompressed".to_owned()))?;
    Ok((decoded?, room))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(Encoding::Identity) };
    match value.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "zstd" => Ok(Encoding::Zstd),
        _ => Err(Refusal::UnknownEncoding),
    }
}

async fn whole(body: Body, max: usize) -> Result<Bytes, Refusal> {
    let mut parts = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(part) = timeout(PAUSE, parts.next()).await.map_err(|_| Refusal::TooSlow)? {
        let part = part.map_err(|error| Refusal::Bad(format!("the body is broken: {error}")))?;
        if bytes.len() + part.len() > max {
            return Err(Refusal::TooLarge);
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.freeze())
}

fn decompress(sent: &[u8], encoding: Encoding, max: usize) -> Result<Bytes, Refusal> {
    let mut decoded = Vec::new();
    let most = max as u64 + 1;
    let read = match encoding {
        Encoding::Zstd => ZstdDecoder::new(sent).and_then(|mut decoder| {
            decoder.window_log_max(WINDOW)?;
            decoder.take(most).read_to_end(&mut decoded)
        }),
        Encoding::Identity | Encoding::Gzip => {
            MultiGzDecoder::new(sent).take(most).read_to_end(&mut decoded)
        }
    };
    read.map_err(|error| Refusal::Bad(format!("the body can't be decompressed: {error}")))?;
    if decoded.len() > max {
        return Err(Refusal::TooLarge);
    }
    Ok(decoded.into())
}
