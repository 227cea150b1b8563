//! The outputs of streams.

mod csv;
mod ndjson;
mod parquet;
mod rejected;

use std::{path::PathBuf, sync::Arc};

use anomal_core::{Batch, Error, Result};
use anomal_spec::{Auth, Output, OutputDriver, is_url};
use anomal_storage::Secrets;
use anomal_stream::{Cause, NamedSink, Results, StreamSink};

use self::{
    csv::CsvStream, ndjson::NdjsonStream, parquet::ParquetStream, rejected::RejectedRecords,
};
use crate::{elasticsearch::ElasticsearchStream, remote::Access, run_info::RunInfo};

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

/// What the outputs of a stream are opened with.
pub struct StreamOutputs<'a> {
    pub outputs: &'a [Output],
    /// The file of rejected records, or the folder in an object store, with its credentials.
    pub dead_letter: (PathBuf, Option<Auth>),
    /// For each output, the same of documents that a server refuses.
    pub refused: Vec<(PathBuf, Option<Auth>)>,
    pub secrets: &'a Secrets,
    /// The stream as it is if it begins now.
    pub run: &'a RunInfo,
}

/// The sinks of a stream: its outputs, and the file of rejected records.
///
/// # Errors
/// `InvalidSettings` for an output that can't continue at a mark, or whose secret is unusable.
pub fn stream_sinks(stream: &StreamOutputs<'_>) -> Result<Vec<NamedSink<StreamResults>>> {
    let mut sinks: Vec<NamedSink<StreamResults>> = Vec::with_capacity(stream.outputs.len() + 1);
    for (index, output) in stream.outputs.iter().enumerate() {
        let (name, sink) = stream_sink(stream, index, output)?;
        // Of the same index of two clusters, in their order.
        let same = sinks.iter().filter(|sink| sink.name.split(" #").next() == Some(&name)).count();
        let name = if same > 0 { format!("{name} #{}", same + 1) } else { name };
        sinks.push(NamedSink { name, sink });
    }
    // On another machine it may have another path.
    let path = stream.dead_letter.0.display().to_string();
    let name = if stream.run.moves && !is_url(&path) {
        "deadLetter".to_owned()
    } else {
        format!("deadLetter {path}")
    };
    sinks.push(NamedSink { name, sink: Box::new(RejectedRecords::new(stream)) });
    Ok(sinks)
}

type Sink = Box<dyn StreamSink<Results = StreamResults>>;

/// A sink and its name: by its path or index, so that the order of outputs and the address of a cluster may change.
fn stream_sink(
    stream: &StreamOutputs<'_>,
    index: usize,
    output: &Output,
) -> Result<(String, Sink)> {
    match output.driver() {
        Some(OutputDriver::Ndjson(output)) => {
            let sink = NdjsonStream::new(output, &stream.run.null_values);
            Ok((format!("ndjson {}", output.path), Box::new(sink)))
        }
        Some(OutputDriver::Csv(output)) => {
            Ok((format!("csv {}", output.path), Box::new(CsvStream::new(output))))
        }
        Some(OutputDriver::Parquet(output)) => {
            Ok((format!("parquet {}", output.path), Box::new(ParquetStream::new(output))))
        }
        Some(OutputDriver::Elasticsearch(output)) => {
            let place = format!("outputs[{index}].elasticsearch");
            let (auth, secrets) = (output.auth.as_ref(), stream.secrets);
            let access = Access { place: &place, auth, secrets };
            let (refused, refused_auth) = stream.refused.get(index).cloned().unwrap_or_default();
            let run = RunInfo { refused, refused_auth, ..stream.run.clone() };
            let sink = ElasticsearchStream::new(output, &access, &run)?;
            let name = ElasticsearchStream::index(output, &run);
            Ok((format!("elasticsearch {name}"), Box::new(sink)))
        }
        _ => {
            let place = format!("outputs[{index}]");
            let message = "a stream writes `ndjson`, `csv`, `parquet` or `elasticsearch`";
            Err(Error::settings(place, "NO_STREAM", message))
        }
    }
}
