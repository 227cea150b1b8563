//! Results of a stream as CSV files, each with its header line.

use std::path::PathBuf;

use anomal_core::Result;
use anomal_spec::{CsvOutput, Rotation};
use anomal_stream::{Cause, Flushed, StreamSink};
use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::StreamResults;
use crate::{
    append_file::{AppendFile, Records},
    csv::{CsvText, result_frame},
    sink::Projection,
};

pub(super) struct CsvStream {
    file: AppendFile,
    text: CsvText,
    projection: Projection,
    /// The hash of the header of the file that is written; none in one that has no record yet.
    header: Option<u64>,
    /// Whether the file knows it.
    set: bool,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    file: String,
    header: Option<u64>,
}

impl CsvStream {
    pub fn new(output: &CsvOutput) -> Self {
        let rotation = output.rotate.as_deref().and_then(Rotation::parse);
        let file = AppendFile::new(PathBuf::from(&output.path), rotation);
        Self {
            file: file.with_records(Records::QuotedLines),
            text: CsvText::of_rows(output.separator.bytes().next().unwrap_or(b',')),
            projection: Projection::new(output.rows, &output.include),
            header: None,
            set: false,
        }
    }

    /// Begins another file where the columns have changed, as they do with the settings of the output.
    fn begin(&mut self, frame: &DataFrame) -> Result<()> {
        let names = self.text.names(frame);
        let header = xxh3_64(names.as_bytes());
        if self.header == Some(header) && self.set {
            return Ok(());
        }
        if self.header.is_some_and(|before| before != header) && !self.file.is_empty() {
            self.file.next_part()?;
        }
        self.file.set_header(names.into_bytes());
        (self.header, self.set) = (Some(header), true);
        Ok(())
    }
}

impl StreamSink for CsvStream {
    type Results = StreamResults;

    fn write(&mut self, results: &StreamResults) -> Result<(), Cause> {
        for batch in results.0.iter() {
            let frame = result_frame(&self.projection, batch)?;
            if frame.height() == 0 {
                continue;
            }
            self.begin(&frame)?;
            let mut rows = Vec::new();
            self.text.append(&frame, |piece| {
                rows.extend_from_slice(piece);
                Ok(())
            })?;
            self.file.write(&rows)?;
        }
        Ok(())
    }

    fn flush(&mut self, _: bool) -> Result<Flushed, Cause> {
        let file = String::from_utf8(self.file.flush()?)?;
        let mark = Mark { file, header: self.header };
        Ok(Flushed::all(serde_json::to_vec(&mark)?))
    }

    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), Cause> {
        let mark: Option<Mark> = mark.map(serde_json::from_slice).transpose()?;
        self.file.restore(mark.as_ref().map(|mark| mark.file.as_bytes()))?;
        self.header = mark.and_then(|mark| mark.header);
        Ok(())
    }
}
