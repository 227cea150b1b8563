//! Reads chunks of a stream of text records.

use std::{collections::HashSet, path::Path, sync::Arc};

use anomal_core::{Batch, Result, proto::Diagnostic};
use anomal_dataflow::{ChunkDecoder, TextChunk};
use polars::prelude::{Column, DataFrame, DataType};

use super::{
    format::{CellBatch, TextFormat},
    source::TextParser,
};
use crate::{
    records::{RawBatch, Records},
    source::OpenOptions,
    typing::INFER_FROM,
};

/// The columns of a stream.
pub(super) struct TextDecoder {
    parser: TextParser,
    driver: &'static str,
    options: OpenOptions,
    /// Names without a column that have been reported.
    unknown: HashSet<String>,
    /// The last heading, and the format of the records behind it, if they have other columns than the first ones.
    heading: Option<Arc<str>>,
    other: Option<Arc<dyn TextFormat>>,
}

impl TextDecoder {
    pub fn new(parser: TextParser, driver: &'static str, options: OpenOptions) -> Self {
        Self { parser, driver, options, unknown: HashSet::new(), heading: None, other: None }
    }

    /// Takes the heading of the next records.
    fn begin(&mut self, heading: Option<Arc<str>>, file: &Path) {
        if heading == self.heading {
            return;
        }
        let before = self.other.take();
        self.other = heading.as_deref().and_then(|heading| self.parser.format.behind(heading));
        self.heading = heading;
        let columns = |format: &Option<Arc<dyn TextFormat>>| {
            format.as_ref().map(|format| format.columns().to_vec())
        };
        let (Some(found), before) = (columns(&self.other), columns(&before)) else { return };
        if before.as_ref() == Some(&found) {
            return;
        }
        let known = self.parser.format.columns();
        let others = |of: &[String], without: &[String]| {
            let names: Vec<&str> =
                of.iter().filter(|name| !without.contains(name)).map(String::as_str).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        tracing::warn!(
            "{}: its columns are not those of the first records; missing: {}; left out, since the first records do not \
             have them: {}",
            file.display(),
            others(known, &found),
            others(&found, known)
        );
    }

    fn split(&self, raw: RawBatch) -> Result<CellBatch> {
        let Some(format) = &self.other else { return self.parser.split(raw) };
        let mut batch = format.split(raw, &self.parser.policy)?;
        let height = batch.cells.height();
        let columns = self.parser.format.columns().iter().map(|name| {
            let found = batch.cells.column(name).cloned();
            found.unwrap_or_else(|_| Column::full_null(name.into(), height, &DataType::String))
        });
        batch.cells = DataFrame::new(height, columns.collect())?;
        Ok(batch)
    }
}

impl ChunkDecoder for TextDecoder {
    fn decode(&mut self, chunk: TextChunk) -> Result<Batch> {
        let partition = chunk.partition;
        self.begin(chunk.heading.clone(), &chunk.file);
        let mut records = Records::for_chunk(chunk, self.parser.policy.driver(), &self.options)?;
        if let Some(mut headers) = self.parser.format.header_lines() {
            self.heading.iter().flat_map(|heading| heading.lines()).for_each(|it| headers.read(it));
            records.headers = Some(headers);
        }
        self.parser.policy = records.policy.clone();
        let raw = records.read_batch(&mut |_| Ok(()));
        let (mut batch, unknown) = self.parser.batch(self.split(raw)?, (0, None))?;
        batch.partition = partition;
        Ok(batch.with_diagnostics(unknown_names(unknown, self.driver, &mut self.unknown)))
    }
}

/// Notes about names without a column that are not among those `reported`.
pub(super) fn unknown_names(
    names: Vec<String>,
    driver: &str,
    reported: &mut HashSet<String>,
) -> Vec<Diagnostic> {
    let new = names.into_iter().filter(|name| reported.insert(name.clone()));
    let note = |name: String| Diagnostic {
        path: driver.to_owned(),
        reason: "UNKNOWN_NAME".to_owned(),
        message: format!(
            "`{name}`: no column, since the first {INFER_FROM} records do not have it, and its values are dropped; name \
             it in types to read it"
        ),
        count: 0,
    };
    new.map(note).collect()
}
