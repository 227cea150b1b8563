//! Writes results as documents of an index, each exactly once.
//!
//! Unlike rows in a file, documents are visible at once. An aborted run leaves the documents that it has written, and the
//! next attempt adds the missing ones, since each row has its own id.

mod acknowledgements;
mod buffer;
mod bulk;
mod connect;
mod dead_letter;
mod delivery;
pub mod incidents;
mod outcome;
mod rollover;
mod stream;
pub mod template;

use std::sync::Arc;

use anomal_core::{Batch, Code, Error, Result};
use anomal_dataflow::{PreparedEpoch, Sink, WriteOutcome};
use anomal_spec::{ElasticsearchOutput, Include};
use anomal_storage::{cancelled, handle};
use futures::executor::block_on;
use tokio::task::JoinSet;

pub(crate) use self::stream::ElasticsearchStream;
use self::{
    buffer::BulkBuffer, bulk::BulkBody, connect::Patience, dead_letter::RejectedDocumentFile,
    delivery::Delivery, outcome::DeliveryOutcome,
};
use super::{
    client::truncate,
    document::{DocumentIds, DocumentWriter},
};
use crate::{remote::Access, run_info::RunInfo, sink::Projection};

pub(crate) struct ElasticsearchSink {
    projection: Projection,
    ids: DocumentIds,
    writer: Arc<DocumentWriter>,
    delivery: Arc<Delivery>,
    buffer: BulkBuffer,
    /// Requests in flight. Dropping them cancels them.
    sending: JoinSet<Result<DeliveryOutcome>>,
    in_flight: usize,
    written: u64,
    existing: u64,
    dead_letters: RejectedDocumentFile,
    target: String,
}

impl ElasticsearchSink {
    /// Connects to the cluster and installs the templates.
    ///
    /// # Errors
    /// Those of a connection to it: `Unavailable`, `Unauthenticated`, `PermissionDenied`, `Incompatible`.
    pub fn create(
        output: &ElasticsearchOutput,
        access: &Access<'_>,
        run: &RunInfo,
    ) -> Result<Self> {
        Self::open(output, access, run, index(output, run), output.data_stream)
    }

    /// The output for an index, or for a data stream.
    fn open(
        output: &ElasticsearchOutput,
        access: &Access<'_>,
        run: &RunInfo,
        index: String,
        data_stream: bool,
    ) -> Result<Self> {
        let patience = Patience::Run { retry_seconds: output.bulk.retry_seconds };
        let delivery = Delivery::connect(output, access, &index, data_stream, patience)?;
        let (dead_letters, auth) = match &output.dead_letter {
            Some(file) => (file.path.clone().into(), file.auth.clone()),
            None => (run.refused.clone(), run.refused_auth.clone()),
        };
        Ok(Self {
            projection: projection(output).with_incidents(),
            ids: DocumentIds::new(run),
            writer: Arc::new(DocumentWriter::new(run, &output.include)),
            target: target(&delivery, &index),
            delivery: Arc::new(delivery),
            buffer: BulkBuffer::new(output.bulk),
            sending: JoinSet::new(),
            in_flight: usize::try_from(output.bulk.in_flight).unwrap_or(1).max(1),
            written: 0,
            existing: 0,
            dead_letters: RejectedDocumentFile {
                path: dead_letters,
                auth,
                secrets: access.secrets.clone(),
                place: format!("{}.deadLetter", access.place),
                index,
                file: None,
                count: 0,
                first: None,
            },
        })
    }

    /// Adds a document, and sends those before it where they are enough for a request.
    fn push(&mut self, row: u64, id: &str, put: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let full = self.buffer.push(None, row, id, put);
        full.into_iter().try_for_each(|body| self.send(body))
    }

    fn send(&mut self, body: BulkBody) -> Result<()> {
        while self.sending.len() >= self.in_flight {
            self.collect_response()?;
        }
        let delivery = Arc::clone(&self.delivery);
        let task = async move {
            tokio::select! {
                delivered = delivery.deliver(body, false) => delivered,
                () = cancelled() => Err(Error::cancelled()),
            }
        };
        let handle = handle().map_err(|error| Error::internal(error.message))?;
        self.sending.spawn_on(task, handle);
        Ok(())
    }

    /// Waits for a request to end and counts its documents.
    fn collect_response(&mut self) -> Result<()> {
        let Some(ended) = block_on(self.sending.join_next()) else { return Ok(()) };
        let ended = ended.map_err(|error| Error::internal(format!("a bulk request: {error}")))?;
        let delivered = ended?;
        self.written += delivered.written;
        self.existing += delivered.existing;
        delivered.rejected.iter().try_for_each(|document| self.dead_letters.write(document))
    }
}

impl Sink for ElasticsearchSink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let projected = self.projection.project(batch)?;
        let writer = Arc::clone(&self.writer);
        let batch = writer.columns(&projected)?;
        for (place, row) in batch.rows().iter().enumerate() {
            let id = self.ids.id(*row).to_owned();
            self.push(*row, &id, |out| batch.put(place, &id, out))?;
        }
        Ok(())
    }

    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch> {
        if let Some(body) = self.buffer.take() {
            self.send(body)?;
        }
        while !self.sending.is_empty() {
            self.collect_response()?;
        }
        let Some(file) = &mut self.dead_letters.file else { return Ok(PreparedEpoch { epoch }) };
        file.prepare()?;
        if self.written + self.existing > 0 {
            return Ok(PreparedEpoch { epoch });
        }
        // If all documents are rejected, the index is at fault, not single documents.
        if let Some(file) = self.dead_letters.file.take() {
            file.finish()?;
        }
        let first = self.dead_letters.first.as_deref().unwrap_or_default();
        Err(Error::new(
            Code::Output,
            "ALL_REFUSED",
            format!(
                "{} rejects all {} documents, the first because: {}; they are in {}",
                self.target,
                self.dead_letters.count,
                truncate(first),
                self.dead_letters.path.display()
            ),
        ))
    }

    fn commit(&mut self, _: PreparedEpoch) -> Result<WriteOutcome> {
        let mut outcome = WriteOutcome::new(self.target.clone(), self.written + self.existing);
        outcome.existing = self.existing;
        if let Some(file) = &mut self.dead_letters.file {
            file.commit()?;
            outcome.refused = self.dead_letters.count;
            outcome.refused_in = Some(self.dead_letters.path.display().to_string());
            tracing::warn!(
                "{} rejects {} documents, the first because: {}",
                outcome.target,
                outcome.refused,
                truncate(self.dead_letters.first.as_deref().unwrap_or_default())
            );
        }
        Ok(outcome)
    }
}

/// `anomal-results-<job>` by default.
fn index(output: &ElasticsearchOutput, run: &RunInfo) -> String {
    output.index.clone().unwrap_or_else(|| format!("anomal-results-{}", run.job))
}

/// The rows and columns from which documents are made: reasons contain features' values even if the features themselves are
/// not included.
fn projection(output: &ElasticsearchOutput) -> Projection {
    let columns = [Include::Features, Include::Contributions, Include::Strays, Include::Details];
    Projection::new(output.rows, &columns)
}

/// The name of an index, for messages.
fn target(delivery: &Delivery, index: &str) -> String {
    let first = delivery.client.urls().first().cloned().unwrap_or_default();
    format!("{first}/{index}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_defaults_to_the_jobs_name() {
        let run = RunInfo { job: "dns-hourly".into(), ..RunInfo::default() };
        let mut output = ElasticsearchOutput::new("http://h:9200");
        assert_eq!(index(&output, &run), "anomal-results-dns-hourly");
        output.index = Some("alerts".into());
        assert_eq!(index(&output, &run), "alerts");
    }
}
