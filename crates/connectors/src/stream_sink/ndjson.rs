//! Results of a stream as NDJSON.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anomal_core::{Code, Error};
use anomal_spec::{NdjsonOutput, Rotation};
use anomal_stream::{Cause, Flushed, StreamSink};

use super::StreamResults;
use crate::{append_file::AppendFile, ndjson::NdjsonText};

pub(super) struct NdjsonStream {
    text: NdjsonText,
    /// None: standard output.
    file: Option<AppendFile>,
}

impl NdjsonStream {
    pub fn new(output: &NdjsonOutput, null_values: &[String]) -> Self {
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

    fn flush(&mut self, _: bool) -> Result<Flushed, Cause> {
        match &mut self.file {
            Some(file) => Ok(Flushed::all(file.flush()?)),
            None => {
                io::stdout().flush().map_err(|error| stdout_error(&error))?;
                Ok(Flushed::all(Vec::new()))
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
