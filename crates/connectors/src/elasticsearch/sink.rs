//! Writes results as documents of an index, each exactly once.
//!
//! Unlike rows in a file, documents are visible at once. An aborted run leaves the documents that it has written, and the
//! next attempt adds the missing ones, since each row has its own id.

mod bulk;
mod dead_letter;
mod delivery;
pub mod incidents;
mod outcome;
pub mod template;

use std::sync::{Arc, atomic::AtomicBool};

use anomal_core::{Batch, Code, Error, Result};
use anomal_dataflow::{PreparedEpoch, Sink, WriteOutcome};
use anomal_spec::{ElasticsearchOutput, Include};
use anomal_storage::{cancelled, handle};
use futures::executor::block_on;
use tokio::task::JoinSet;

use self::{
    bulk::{BulkBody, BulkItem, FILTER},
    dead_letter::RejectedDocumentFile,
    delivery::Delivery,
    outcome::DeliveryOutcome,
};
use super::{
    client::{Client, truncate},
    document::{DocumentIds, DocumentWriter},
};
use crate::{remote::Access, run_info::RunInfo, sink::Projection};

/// Bytes that are reserved for a new request.
const RESERVED: usize = 9 << 20;

pub(crate) struct ElasticsearchSink {
    projection: Projection,
    ids: DocumentIds,
    writer: Arc<DocumentWriter>,
    delivery: Arc<Delivery>,
    /// Documents for the next request.
    bytes: Vec<u8>,
    items: Vec<BulkItem>,
    max_bytes: usize,
    max_documents: usize,
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
    /// Those of [`Client::connect`].
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
        let bulk = output.bulk;
        let (client, server) = Client::connect(&output.connection(), access, bulk.retry_seconds)?;
        if output.manage_template {
            template::install(&client, server, &index, data_stream)?;
        }
        let gzip = bulk.gzip.unwrap_or_else(|| !client.urls().iter().all(|url| is_local(url)));
        let mut path = format!("/{index}/_bulk?{FILTER}");
        if let Some(pipeline) = &output.pipeline {
            let pipeline: String =
                url::form_urlencoded::byte_serialize(pipeline.as_bytes()).collect();
            path.push_str("&pipeline=");
            path.push_str(&pipeline);
        }
        let (dead_letters, auth) = match &output.dead_letter {
            Some(file) => (file.path.clone().into(), file.auth.clone()),
            None => (run.refused.clone(), run.refused_auth.clone()),
        };
        let first = client.urls().first().cloned().unwrap_or_default();
        Ok(Self {
            // Reasons contain features' values even if the features themselves are not included.
            projection: Projection::new(
                output.rows,
                &[Include::Features, Include::Contributions, Include::Strays, Include::Details],
            )
            .with_incidents(),
            ids: DocumentIds::new(run),
            writer: Arc::new(DocumentWriter::new(run, &output.include)),
            delivery: Arc::new(Delivery { client, path, gzip, stalled: AtomicBool::new(false) }),
            bytes: Vec::new(),
            items: Vec::new(),
            max_bytes: usize::try_from(bulk.max_bytes).unwrap_or(usize::MAX),
            max_documents: usize::try_from(bulk.max_documents).unwrap_or(usize::MAX),
            sending: JoinSet::new(),
            in_flight: usize::try_from(bulk.in_flight).unwrap_or(1).max(1),
            written: 0,
            existing: 0,
            target: format!("{first}/{index}"),
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
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(self.max_bytes.min(RESERVED));
        }
        let start = self.bytes.len();
        bulk::action(&mut self.bytes, id);
        put(&mut self.bytes);
        self.bytes.push(b'\n');
        let item = BulkItem { start, end: self.bytes.len(), row };
        self.items.push(item);
        if self.bytes.len() > self.max_bytes && self.items.len() > 1 {
            self.flush(Some(item))?;
        }
        if self.bytes.len() >= self.max_bytes || self.items.len() >= self.max_documents {
            self.flush(None)?;
        }
        Ok(())
    }

    /// Sends the buffered documents; `last`, if given, is kept for the next request.
    fn flush(&mut self, last: Option<BulkItem>) -> Result<()> {
        let mut items = std::mem::take(&mut self.items);
        let mut bytes = std::mem::take(&mut self.bytes);
        if let Some(last) = last {
            items.pop();
            self.bytes.extend_from_slice(&bytes[last.start..]);
            self.items.push(BulkItem { start: 0, end: self.bytes.len(), row: last.row });
            bytes.truncate(last.start);
        }
        if items.is_empty() {
            return Ok(());
        }
        while self.sending.len() >= self.in_flight {
            self.collect_response()?;
        }
        let body = BulkBody { bytes: bytes.into(), items };
        let delivery = Arc::clone(&self.delivery);
        let task = async move {
            tokio::select! {
                delivered = delivery.deliver(body) => delivered,
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
        self.flush(None)?;
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

/// Whether a node is on this machine, where compression costs more than it saves.
fn is_local(url: &str) -> bool {
    match url::Url::parse(url).ok().as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_remote_requests_are_compressed() {
        assert!(
            ["http://127.0.0.1:9200", "https://localhost/es", "http://[::1]:1"]
                .iter()
                .all(|url| is_local(url))
        );
        assert!(!["https://es:9200", "http://10.0.0.1:9200"].iter().any(|url| is_local(url)));
    }

    #[test]
    fn the_index_defaults_to_the_jobs_name() {
        let run = RunInfo { job: "dns-hourly".into(), ..RunInfo::default() };
        let mut output = ElasticsearchOutput::new("http://h:9200");
        assert_eq!(index(&output, &run), "anomal-results-dns-hourly");
        output.index = Some("alerts".into());
        assert_eq!(index(&output, &run), "alerts");
    }
}
