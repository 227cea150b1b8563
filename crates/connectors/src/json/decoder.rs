//! Reads chunks of a stream of JSON lines.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use anomal_core::{Batch, Result};
use anomal_dataflow::{ChunkDecoder, TextChunk};
use polars::prelude::DataFrame;

use super::{columns::Layout, reader::JsonReader, settings::JsonSettings};
use crate::{
    records::Records,
    source::OpenOptions,
    typing::{self, TypeRules, View},
};

/// The columns of a stream.
pub(super) struct JsonDecoder {
    pub layout: Arc<Layout>,
    pub rules: Arc<TypeRules>,
    pub views: Vec<View>,
    pub settings: Arc<JsonSettings>,
    pub options: OpenOptions,
    /// As [`JsonReader::reported`].
    pub reported: [HashSet<String>; 2],
}

impl ChunkDecoder for JsonDecoder {
    fn decode(&mut self, chunk: TextChunk) -> Result<Batch> {
        let partition = chunk.partition;
        let mut reader = JsonReader {
            records: Records::for_chunk(chunk, self.settings.driver, &self.options)?,
            settings: Arc::clone(&self.settings),
            layout: Arc::clone(&self.layout),
            rules: Arc::clone(&self.rules),
            views: self.views.clone(),
            years: typing::years(&[]),
            first: VecDeque::new(),
            reported: std::mem::take(&mut self.reported),
        };
        let batch = reader.read_batch();
        self.reported = reader.reported;
        let empty = || Batch::new(Vec::new(), self.layout.empty(), DataFrame::default());
        let mut batch = batch?.map_or_else(empty, Ok)?;
        batch.partition = partition;
        Ok(batch)
    }
}
