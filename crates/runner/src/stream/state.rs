//! What a stream knows beside its position, as a checkpoint has it.

use std::{io::Cursor, path::PathBuf};

use anomal_connectors::Sample;
use anomal_core::{Error, Result};
use anomal_stream::JudgeState;
use polars::prelude::DataFrame;
use polars_io::{
    SerReader, SerWriter,
    ipc::{IpcStreamReader, IpcStreamWriter},
};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// The first part of the bytes of a state; the rest is the table of the warm-up, as an Arrow IPC stream.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StateHead {
    /// A hash of the settings that results depend on.
    pub settings: u64,
    /// The object with the first records, and the file that they are from.
    pub sample: String,
    pub sample_file: PathBuf,
    /// The object with the model that was fitted at the end of the warm-up.
    pub model: Option<String>,
    pub counts: StreamCounts,
}

/// Rows since the beginning of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamCounts {
    pub read: u64,
    pub rejected: u64,
    pub filtered: u64,
    pub results: u64,
    pub suspicious: u64,
    pub flagged: u64,
}

/// The name of an object with these bytes.
pub(super) fn object_name(bytes: &[u8]) -> String {
    format!("{:032x}.object", xxh3_128(bytes))
}

/// The first records of a stream that continues.
///
/// # Errors
/// `Internal` if the state is damaged.
pub(super) fn sample(state: &JudgeState) -> Result<Sample> {
    let (head, _) = decode(&state.bytes)?;
    let object = state.objects.iter().find(|(name, _)| *name == head.sample);
    let (_, text) = object.ok_or_else(damaged)?;
    Ok(Sample { name: head.sample_file, text: text.as_slice().into() })
}

/// # Errors
/// `Internal`.
pub(super) fn encode(head: &StateHead, table: Option<&DataFrame>) -> Result<Vec<u8>> {
    let head = serde_json::to_vec(head).map_err(|error| Error::internal(error.to_string()))?;
    let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
    bytes.extend(head);
    if let Some(table) = table {
        IpcStreamWriter::new(&mut bytes).finish(&mut table.clone())?;
    }
    Ok(bytes)
}

/// # Errors
/// `Internal` if the bytes are damaged.
pub(super) fn decode(bytes: &[u8]) -> Result<(StateHead, Option<DataFrame>)> {
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
    let (head, table) = rest.split_at_checked(length).ok_or_else(damaged)?;
    let head = serde_json::from_slice(head).map_err(|_| damaged())?;
    let table = match table {
        [] => None,
        bytes => Some(IpcStreamReader::new(Cursor::new(bytes)).finish()?),
    };
    Ok((head, table))
}

fn damaged() -> Error {
    Error::internal("the state of the stream is damaged, or was written by another version")
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let counts = StreamCounts { read: 3, ..StreamCounts::default() };
        let head = StateHead {
            settings: 7,
            sample: object_name(b"x"),
            sample_file: "a.log".into(),
            model: None,
            counts,
        };
        let table = df!("a" => [1.5, 2.5], "b" => [Some("x"), None]).unwrap();
        let bytes = encode(&head, Some(&table)).unwrap();
        let (read, rows) = decode(&bytes).unwrap();
        assert_eq!((read.settings, read.counts), (7, counts));
        assert!(rows.unwrap().equals_missing(&table));
        for end in 0..40 {
            assert!(decode(&bytes[..end]).is_err(), "{end}");
        }
        let objects = vec![(head.sample.clone(), b"x".to_vec())];
        let bytes = encode(&head, None).unwrap();
        let sample = sample(&JudgeState { bytes, objects }).unwrap();
        assert_eq!(&*sample.text, b"x");
    }
}
