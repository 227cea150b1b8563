//! The first records of topics whose partitions are shared: their types are those of all partitions, in all processes, and reading
//! begins where the topics were then.

use std::{path::PathBuf, sync::Arc};

use anomal_connectors::Sample;
use anomal_core::{Code, Error, Result, blocking};
use anomal_stream::{Cause, Checkpoints, Log, Store};
use serde::{Deserialize, Serialize};

use super::{StreamControl, StreamRun, failure, log::StreamLog, open_log, sample, setup};

/// The object with them.
const NAME: &str = "first-records";
/// The place of refusals.
const REPLICAS: &str = "stream.replicas";

/// The first records, and the positions behind which all records are read.
#[derive(Clone)]
pub(super) struct FirstRecords {
    pub sample: Sample,
    pub place: Vec<u8>,
}

/// What precedes the text of the records, in a line.
#[derive(Serialize, Deserialize)]
struct Head {
    name: PathBuf,
    place: String,
}

/// Those that the store has; else those that the topics have now, of which all processes take those of the first one. None: the
/// stream was stopped before there were any.
///
/// # Errors
/// `InvalidSettings` if the store has the checkpoints of one stream for all partitions; those of the store and the input.
pub(super) async fn find(
    run: &StreamRun<'_>,
    store: Arc<dyn Store>,
    control: &StreamControl,
) -> Result<Option<FirstRecords>> {
    let (store, known) = blocking(move |_| {
        if Checkpoints::newest(&*store).map_err(failure)?.is_some() {
            let message = "the folder of the checkpoints has those of one stream for all partitions, as it is without `replicas`: \
                           remove this to continue it, or name another folder to begin anew";
            return Err(Error::settings(REPLICAS, "OTHER_LAYOUT", message));
        }
        let known = read(&*store)?;
        Ok((store, known))
    })
    .await?;
    if known.is_some() {
        return Ok(known);
    }
    let mut log = open_log(run.job, run.stream, run.options, false)?;
    let sample = sample(&mut log, control, setup::sample_wait(&run.job.spec)).await;
    let place = log.place();
    log.close().await;
    let Some(sample) = sample? else { return Ok(None) };
    let first = FirstRecords { sample, place: place.map_err(|error| unusable(&error))? };
    let bytes = first.encode()?;
    blocking(move |_| {
        // Another process may have been faster.
        store.create(NAME, &bytes).map_err(|error| away(&error))?;
        read(&*store)
    })
    .await
}

/// A store for one stream that reads all partitions.
///
/// # Errors
/// `InvalidSettings` if it has a stream for each; those of the store.
pub(super) async fn refuse_shared(store: Arc<dyn Store>) -> Result<Arc<dyn Store>> {
    blocking(move |_| {
        if read(&*store)?.is_some() {
            let message = "the folder of the checkpoints has a stream for each partition: set this, as `replicas: 1`, to continue them, \
                           or name another folder to begin anew";
            return Err(Error::settings(REPLICAS, "OTHER_LAYOUT", message));
        }
        Ok(store)
    })
    .await
}

fn read(store: &dyn Store) -> Result<Option<FirstRecords>> {
    let bytes = store.read(NAME).map_err(|error| away(&error))?;
    bytes.map(|bytes| FirstRecords::decode(&bytes)).transpose()
}

fn away(error: &Cause) -> Error {
    Error::new(Code::Output, "STATE", format!("the store of checkpoints: {error}"))
}

fn unusable(error: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("{NAME} of the state can't be used: {error}"))
}

impl FirstRecords {
    fn encode(&self) -> Result<Vec<u8>> {
        let place = String::from_utf8(self.place.clone()).map_err(|error| unusable(&error))?;
        let head = Head { name: self.sample.name.clone(), place };
        let head = serde_json::to_vec(&head).map_err(|error| unusable(&error))?;
        Ok([head.as_slice(), b"\n", &self.sample.text].concat())
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| unusable(&"it has no head"))?;
        let (head, text) = bytes.split_at(end + 1);
        let head: Head = serde_json::from_slice(head).map_err(|error| unusable(&error))?;
        let sample = Sample { name: head.name, text: text.into() };
        Ok(Self { sample, place: head.place.into_bytes() })
    }

    /// Lets a log of one partition begin where the topics were.
    ///
    /// # Errors
    /// `Internal` if the positions are damaged.
    pub fn begin(&self, log: &mut StreamLog) -> Result<()> {
        log.restore(&self.place).map_err(|error| unusable(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_as_they_were_written() {
        let sample = Sample { name: "a, b".into(), text: b"{}\n\xff\n".as_slice().into() };
        let first = FirstRecords { sample, place: b"{\"begun\":true}".to_vec() };
        let read = FirstRecords::decode(&first.encode().unwrap()).unwrap();
        assert_eq!((read.sample, read.place), (first.sample, first.place));
        for damaged in [b"".as_slice(), b"{}", b"{}\nx"] {
            assert!(FirstRecords::decode(damaged).is_err());
        }
    }
}
