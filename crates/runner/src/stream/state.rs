//! What a stream knows beside its position, as a checkpoint has it.

use std::{collections::BTreeMap, io::Cursor, path::PathBuf};

use anomal_connectors::Sample;
use anomal_core::{Batch, Error, Result};
use anomal_stream::{JudgeState, PartitionClock};
use polars::prelude::DataFrame;
use polars_io::{
    SerReader, SerWriter,
    ipc::{IpcStreamReader, IpcStreamWriter},
};
use serde::{Deserialize, Serialize};

use super::{judge::SavedMemory, learning::SavedLearning};

/// The first part of the bytes of a state. Behind it are the windows of each partition, the calibrations of the models, and the
/// table of the warm-up or, behind it, of the sample as an Arrow IPC stream.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct StateHead {
    /// A hash of the settings that results depend on.
    pub settings: u64,
    /// The object with the first records, and the file that they are from.
    pub sample: String,
    pub sample_file: PathBuf,
    /// The object with the model that was fitted at the end of the warm-up.
    pub model: Option<String>,
    pub counts: StreamCounts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<SavedMemory>,
    /// By partition.
    #[serde(default)]
    pub clocks: BTreeMap<u32, PartitionClock>,
    /// The bytes of the windows of each partition; set by [`encode`].
    #[serde(default)]
    pub windows: BTreeMap<u32, usize>,
    #[serde(default)]
    pub learning: Option<SavedLearning>,
    /// The bytes of the calibration of each model; set by [`encode`].
    #[serde(default)]
    pub calibrations: Vec<usize>,
}

/// A state that was saved.
pub(super) struct DecodedState {
    pub head: StateHead,
    pub windows: BTreeMap<u32, Vec<u8>>,
    pub calibrations: Vec<Vec<u8>>,
    pub table: Option<DataFrame>,
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
    #[serde(default)]
    pub late: u64,
    #[serde(default)]
    pub skewed: u64,
    /// Windows that were judged as a whole.
    #[serde(default)]
    pub windows: u64,
    /// Records from before the stream, which are in none of the other numbers.
    #[serde(default)]
    pub preloaded: u64,
}

impl StreamCounts {
    /// Counts rows with results.
    ///
    /// # Errors
    /// `Internal`.
    pub fn add(&mut self, batch: &Batch) -> Result<()> {
        let suspicious = batch.results.column("anomal.suspicious")?.bool()?.sum();
        let severity = batch.results.column("anomal.severity")?;
        let flagged = severity.len() - severity.null_count();
        self.add_rows(batch.height(), suspicious.unwrap_or(0) as usize, flagged);
        Ok(())
    }

    pub fn add_rows(&mut self, rows: usize, suspicious: usize, flagged: usize) {
        self.results += rows as u64;
        self.suspicious += suspicious as u64;
        self.flagged += flagged as u64;
    }
}

/// The first records of a stream that continues.
///
/// # Errors
/// `Internal` if the state is damaged.
pub(super) fn sample(state: &JudgeState) -> Result<Sample> {
    let head = decode(&state.bytes)?.head;
    let object = state.objects.iter().find(|object| object.name() == head.sample);
    let text = object.ok_or_else(damaged)?.bytes().into();
    Ok(Sample { name: head.sample_file, text })
}

/// # Errors
/// `Internal`.
pub(super) fn encode(
    mut head: StateHead,
    windows: &BTreeMap<u32, Vec<u8>>,
    calibrations: &[Vec<u8>],
    table: Option<&DataFrame>,
) -> Result<Vec<u8>> {
    head.windows = windows.iter().map(|(number, bytes)| (*number, bytes.len())).collect();
    head.calibrations = calibrations.iter().map(Vec::len).collect();
    let head = serde_json::to_vec(&head).map_err(|error| Error::internal(error.to_string()))?;
    let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
    bytes.extend(head);
    bytes.extend(windows.values().chain(calibrations).flatten());
    if let Some(table) = table {
        IpcStreamWriter::new(&mut bytes).finish(&mut table.clone())?;
    }
    Ok(bytes)
}

/// # Errors
/// `Internal` if the bytes are damaged.
pub(super) fn decode(bytes: &[u8]) -> Result<DecodedState> {
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
    let (head, mut rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
    let head: StateHead = serde_json::from_slice(head).map_err(|_| damaged())?;
    let mut windows = BTreeMap::new();
    for (number, length) in &head.windows {
        let (bytes, behind) = rest.split_at_checked(*length).ok_or_else(damaged)?;
        windows.insert(*number, bytes.to_vec());
        rest = behind;
    }
    let mut calibrations = Vec::with_capacity(head.calibrations.len());
    for length in &head.calibrations {
        let (bytes, behind) = rest.split_at_checked(*length).ok_or_else(damaged)?;
        calibrations.push(bytes.to_vec());
        rest = behind;
    }
    let table = match rest {
        [] => None,
        bytes => Some(IpcStreamReader::new(Cursor::new(bytes)).finish()?),
    };
    Ok(DecodedState { head, windows, calibrations, table })
}

fn damaged() -> Error {
    Error::internal("the state of the stream is damaged, or was written by another version")
}

#[cfg(test)]
mod tests {
    use anomal_stream::StateObject;
    use polars::prelude::df;

    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let counts = StreamCounts { read: 3, ..StreamCounts::default() };
        let head = || StateHead {
            settings: 7,
            sample: StateObject::new(*b"x").name().to_owned(),
            sample_file: "a.log".into(),
            model: None,
            counts,
            memory: None,
            clocks: [(3, PartitionClock::default())].into(),
            windows: BTreeMap::new(),
            learning: Some(SavedLearning::default()),
            calibrations: Vec::new(),
        };
        let calibrations = [b"one".to_vec(), b"two".to_vec()];
        let windows = BTreeMap::from([(0, b"one".to_vec()), (3, Vec::new()), (4, vec![0; 9])]);
        let table = df!("a" => [1.5, 2.5], "b" => [Some("x"), None]).unwrap();
        let bytes = encode(head(), &windows, &calibrations, Some(&table)).unwrap();
        let read = decode(&bytes).unwrap();
        assert_eq!((read.head.settings, read.head.counts), (7, counts));
        assert_eq!((read.head.clocks, read.windows), (head().clocks, windows.clone()));
        assert_eq!(
            (read.head.learning, read.calibrations),
            (head().learning, calibrations.to_vec())
        );
        assert!(read.table.unwrap().equals_missing(&table));
        for end in 0..40 {
            assert!(decode(&bytes[..end]).is_err(), "{end}");
        }
        let bytes = encode(head(), &windows, &calibrations, None).unwrap();
        assert!(decode(&bytes).unwrap().table.is_none());
        assert!(decode(&bytes[..bytes.len() - 1]).is_err());
        let objects = vec![StateObject::new(*b"x")];
        let sample = sample(&JudgeState { bytes, objects }).unwrap();
        assert_eq!(&*sample.text, b"x");
    }
}
