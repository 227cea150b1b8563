//! Reads chunks of a stream of text records.

use std::collections::HashSet;

use anomal_core::{Batch, Result, proto::Diagnostic};
use anomal_dataflow::{ChunkDecoder, TextChunk};

use super::source::TextParser;
use crate::{records::Records, source::OpenOptions, typing::INFER_FROM};

/// The columns of a stream.
pub(super) struct TextDecoder {
    parser: TextParser,
    driver: &'static str,
    options: OpenOptions,
    /// Names without a column that have been reported.
    unknown: HashSet<String>,
}

impl TextDecoder {
    pub fn new(parser: TextParser, driver: &'static str, options: OpenOptions) -> Self {
        Self { parser, driver, options, unknown: HashSet::new() }
    }
}

impl ChunkDecoder for TextDecoder {
    fn decode(&mut self, chunk: TextChunk) -> Result<Batch> {
        let partition = chunk.partition;
        let mut records = Records::for_chunk(chunk, self.parser.policy.driver(), &self.options)?;
        self.parser.policy = records.policy.clone();
        let raw = records.read_batch(&mut |_| Ok(()));
        let (mut batch, unknown) = self.parser.batch(self.parser.split(raw)?, (0, None))?;
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
