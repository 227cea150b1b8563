//! The outputs of streams.

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
};

use anomal_core::{Batch, Code, Error, Result};
use anomal_spec::{NdjsonOutput, Output, Rotation};
use anomal_stream::{Cause, NamedSink, Results, StreamSink};

use crate::{append_file::AppendFile, ndjson::NdjsonText};

/// The results of a chunk.
#[derive(Clone, Debug, Default)]
pub struct StreamResults(pub Arc<Vec<Batch>>);

impl Results for StreamResults {
    fn bytes(&self) -> usize {
        let bytes = |batch: &Batch| {
            let parts = [&batch.raw, &batch.typed, &batch.results];
            let rejected: usize = batch.rejected.iter().map(|record| record.raw.len() + 200).sum();
            parts.iter().map(|part| part.estimated_size()).sum::<usize>() + rejected + 200
        };
        self.0.iter().map(bytes).sum()
    }

    fn starting_at(&self, offset: u64) -> Result<Self, Cause> {
        let batches = self.0.iter().map(|batch| batch.clone().from_offset(offset));
        Ok(Self(Arc::new(batches.collect::<Result<_>>()?)))
    }
}

/// The sinks of a stream: its outputs, and the file of rejected records. `null_values`: the texts that the input's settings
/// name as missing.
///
/// # Errors
/// `InvalidSettings` for an output that is no file of NDJSON.
pub fn stream_sinks(
    outputs: &[Output],
    dead_letter: PathBuf,
    null_values: &[String],
) -> Result<Vec<NamedSink<StreamResults>>> {
    let mut sinks = Vec::with_capacity(outputs.len() + 1);
    for (index, output) in outputs.iter().enumerate() {
        let Some(ndjson) = &output.ndjson else {
            let place = format!("outputs[{index}]");
            return Err(Error::settings(place, "NO_STREAM", "a stream writes `ndjson`"));
        };
        // By its path, so that the order of outputs may change.
        let name = format!("ndjson {}", ndjson.path);
        sinks.push(NamedSink { name, sink: Box::new(NdjsonStream::new(ndjson, null_values)) });
    }
    let name = format!("deadLetter {}", dead_letter.display());
    let rejected = RejectedRecords { path: dead_letter, file: None };
    sinks.push(NamedSink { name, sink: Box::new(rejected) });
    Ok(sinks)
}

/// Results as NDJSON.
struct NdjsonStream {
    text: NdjsonText,
    /// None: standard output.
    file: Option<AppendFile>,
}

impl NdjsonStream {
    fn new(output: &NdjsonOutput, null_values: &[String]) -> Self {
        let rotation = output.rotate.as_deref().and_then(Rotation::parse);
        let file =
            (output.path != "-").then(|| AppendFile::new(PathBuf::from(&output.path), rotation));
        Self { text: NdjsonText::new(output, null_values), file }
    }
}

impl StreamSink for NdjsonStream {
    type Results = StreamResults;

    fn write(&mut self, results: &StreamResults) -> Result<(), Cause> {
        let mut lines = Vec::new();
        for batch in results.0.iter() {
            self.text.append(batch, &mut lines)?;
        }
        match &mut self.file {
            Some(file) => file.write(&lines)?,
            None => io::stdout().write_all(&lines).map_err(|error| stdout_error(&error))?,
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<Vec<u8>, Cause> {
        match &mut self.file {
            Some(file) => Ok(file.flush()?),
            None => {
                io::stdout().flush().map_err(|error| stdout_error(&error))?;
                Ok(Vec::new())
            }
        }
    }

    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), Cause> {
        match &mut self.file {
            Some(file) => Ok(file.restore(mark)?),
            None => Ok(()),
        }
    }
}

fn stdout_error(error: &io::Error) -> Error {
    Error::new(Code::Output, "OUTPUT", format!("cannot write to standard output: {error}"))
}

/// Records that could not be read, in a file that is created with the first one.
struct RejectedRecords {
    path: PathBuf,
    file: Option<AppendFile>,
}

impl RejectedRecords {
    fn open(&mut self, mark: Option<&[u8]>) -> Result<&mut AppendFile> {
        let mut file = AppendFile::new(self.path.clone(), None);
        file.restore(mark)?;
        Ok(self.file.insert(file))
    }
}

impl StreamSink for RejectedRecords {
    type Results = StreamResults;

    fn write(&mut self, results: &StreamResults) -> Result<(), Cause> {
        let mut lines = Vec::new();
        for rejected in results.0.iter().flat_map(|batch| &batch.rejected) {
            serde_json::to_writer(&mut lines, rejected)?;
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.open(None)?,
        };
        Ok(file.write(&lines)?)
    }

    fn flush(&mut self) -> Result<Vec<u8>, Cause> {
        match &mut self.file {
            Some(file) => Ok(file.flush()?),
            None => Ok(Vec::new()),
        }
    }

    /// An empty mark: no record has been rejected yet.
    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), Cause> {
        self.file = None;
        match mark {
            Some(mark) if !mark.is_empty() => self.open(Some(mark)).map(|_| ())?,
            Some(_) => match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let message = format!("cannot write {}: {error}", self.path.display());
                    return Err(Error::new(Code::Output, "OUTPUT", message).into());
                }
                _ => {}
            },
            None if self.path.metadata().is_ok_and(|file| file.len() > 0) => {
                let message = format!(
                    "cannot write {}: it exists, and is not from this stream: move it away, or set deadLetter.path",
                    self.path.display()
                );
                return Err(Error::new(Code::Output, "OUTPUT", message).into());
            }
            None => {}
        }
        Ok(())
    }
}
