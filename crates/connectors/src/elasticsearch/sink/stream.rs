//! The documents of a stream, each once: what is sent again has the same ids.
//!
//! Nothing here waits. Requests are on their way while the stream goes on, and a write counts as durable once each of its
//! documents is created, exists, or is refused for a reason of its own. Whatever else a cluster answers is an outage: the
//! results stay in the outbox of the stream, which begins again behind what is durable.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anomal_core::{Error, Result};
use anomal_spec::ElasticsearchOutput;
use anomal_storage::{Secrets, cancelled, handle};
use anomal_stream::{Cause, Flushed, StreamSink};
use futures::executor::block_on;
use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, JoinSet};

use super::{
    acknowledgements::Acknowledgements,
    buffer::BulkBuffer,
    bulk::BulkBody,
    connect::Patience,
    dead_letter,
    delivery::Delivery,
    index,
    outcome::{DeliveryOutcome, RejectedDocument},
    projection,
};
use crate::{
    dead_letters::DeadLetters,
    elasticsearch::{
        client::{Client, truncate},
        document::{DocumentIds, DocumentWriter},
    },
    remote::Access,
    run_info::RunInfo,
    sink::Projection,
    stream_sink::StreamResults,
};

pub(crate) struct ElasticsearchStream {
    output: ElasticsearchOutput,
    secrets: Secrets,
    place: String,
    index: String,
    run: RunInfo,
    projection: Projection,
    ids: DocumentIds,
    link: Link,
    buffer: BulkBuffer,
    /// Requests that wait until there is room for them on the way.
    full: VecDeque<BulkBody>,
    sending: JoinSet<Sent>,
    acknowledgements: Acknowledgements,
    /// Documents that are still looked up before they are created, since an earlier attempt may have sent them.
    doubtful: u64,
    /// By the writes before, and the documents that are refused by then.
    refused: DeadLetters<(u64, u64)>,
    refused_count: u64,
}

enum Link {
    Closed,
    Opening(JoinHandle<Result<Delivery>>),
    Open(Arc<Delivery>),
}

/// A request that has ended.
struct Sent {
    number: u64,
    documents: u64,
    delivered: Result<DeliveryOutcome>,
}

/// Where a stream is.
#[derive(Serialize, Deserialize)]
struct Mark {
    /// The id of the stream, of which those of documents are made.
    run: String,
    /// Refused documents.
    refused: u64,
    /// As of their file.
    file: String,
}

impl ElasticsearchStream {
    /// # Errors
    /// `InvalidSettings` if the secret is unusable. The cluster may be away.
    pub fn new(output: &ElasticsearchOutput, access: &Access<'_>, run: &RunInfo) -> Result<Self> {
        Client::open(&output.connection(), access, 0)?;
        let (refused, auth) = match &output.dead_letter {
            Some(file) => (PathBuf::from(&file.path), file.auth.clone()),
            None => (run.refused.clone(), run.refused_auth.clone()),
        };
        let index = index(output, run);
        Ok(Self {
            output: output.clone(),
            secrets: access.secrets.clone(),
            place: access.place.to_owned(),
            run: run.clone(),
            projection: projection(output),
            ids: DocumentIds::new(run),
            link: Link::Closed,
            buffer: BulkBuffer::new(output.bulk),
            full: VecDeque::new(),
            sending: JoinSet::new(),
            acknowledgements: Acknowledgements::default(),
            doubtful: 0,
            refused: DeadLetters::new(
                refused,
                auth,
                access.secrets,
                (format!("set {}.deadLetter.path", access.place), run.moves),
                (0, 0),
            ),
            refused_count: 0,
            index,
        })
    }

    /// The index of an output.
    pub fn index(output: &ElasticsearchOutput, run: &RunInfo) -> String {
        index(output, run)
    }

    /// The documents that may have been on their way when an earlier attempt ended.
    fn most_on_their_way(&self) -> u64 {
        self.output.bulk.in_flight.saturating_mul(self.output.bulk.max_documents)
    }

    fn open(&self) -> Result<JoinHandle<Result<Delivery>>> {
        let (output, secrets) = (self.output.clone(), self.secrets.clone());
        let (place, index) = (self.place.clone(), self.index.clone());
        let runtime = handle().map_err(|error| Error::internal(error.message))?;
        Ok(runtime.spawn_blocking(move || {
            let access = Access { place: &place, auth: output.auth.as_ref(), secrets: &secrets };
            Delivery::connect(&output, &access, &index, output.data_stream, Patience::Stream)
        }))
    }

    /// Goes on with what is on its way. Whether there is a connection.
    fn advance(&mut self) -> Result<bool> {
        if let Link::Opening(task) = &mut self.link {
            if !task.is_finished() {
                return Ok(false);
            }
            let opened = block_on(task);
            self.link = Link::Closed;
            let opened =
                opened.map_err(|error| Error::internal(format!("a connection: {error}")))?;
            self.link = Link::Open(Arc::new(opened?));
        }
        let Link::Open(delivery) = &self.link else { return Ok(false) };
        let delivery = Arc::clone(delivery);
        while let Some(ended) = self.sending.try_join_next() {
            let sent =
                ended.map_err(|error| Error::internal(format!("a bulk request: {error}")))?;
            self.received(sent)?;
        }
        while self.sending.len() < usize::try_from(self.output.bulk.in_flight).unwrap_or(1) {
            let Some(body) = self.full.pop_front().or_else(|| self.buffer.take()) else { break };
            self.send(&delivery, body)?;
        }
        Ok(true)
    }

    fn send(&mut self, delivery: &Arc<Delivery>, body: BulkBody) -> Result<()> {
        let (number, documents) = (self.acknowledgements.begin(&body), body.items.len() as u64);
        let (delivery, doubtful) = (Arc::clone(delivery), self.doubtful > 0);
        let task = async move {
            let delivered = tokio::select! {
                delivered = delivery.deliver(body, doubtful) => delivered,
                () = cancelled() => Err(Error::cancelled()),
            };
            Sent { number, documents, delivered }
        };
        let handle = handle().map_err(|error| Error::internal(error.message))?;
        self.sending.spawn_on(task, handle);
        Ok(())
    }

    fn received(&mut self, sent: Sent) -> Result<()> {
        let outcome = sent.delivered?;
        self.doubtful = match outcome.existing {
            0 => self.doubtful.saturating_sub(sent.documents),
            _ => self.most_on_their_way(),
        };
        self.acknowledgements.end(sent.number, outcome);
        Ok(())
    }

    /// Keeps documents that the server refuses.
    fn keep(&mut self, rejected: &[RejectedDocument]) -> Result<()> {
        let Some(first) = rejected.first() else { return Ok(()) };
        let mut lines = Vec::new();
        for document in rejected {
            lines.extend(dead_letter::line(&self.index, document)?);
        }
        self.refused.write(&lines)?;
        self.refused_count += rejected.len() as u64;
        tracing::warn!(
            "{} refuses {} documents, the first because: {}; they are in {}",
            self.index,
            rejected.len(),
            truncate(&first.reason),
            self.refused.path().display()
        );
        Ok(())
    }
}

impl StreamSink for ElasticsearchStream {
    type Results = StreamResults;

    fn ready(&mut self) -> Result<bool, Cause> {
        Ok(self.advance()? && self.full.is_empty())
    }

    fn write(&mut self, results: &StreamResults) -> Result<(), Cause> {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO);
        // When it was judged, which for records without a time is their own.
        let started = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        let run = RunInfo { started, ..self.run.clone() };
        let writer = DocumentWriter::new(&run, &self.output.include);
        for batch in results.0.iter() {
            let projected = self.projection.project(batch)?;
            let documents = writer.columns(&projected)?;
            for (place, row) in documents.rows().iter().enumerate() {
                let id = self.ids.record(batch.partition, *row).to_owned();
                let put = |out: &mut Vec<u8>| documents.put(place, &id, out);
                self.full.extend(self.buffer.push(Some(batch.partition), *row, &id, put));
            }
        }
        self.acknowledgements.written(self.buffer.documents());
        self.advance()?;
        Ok(())
    }

    fn flush(&mut self, _: bool) -> Result<Flushed, Cause> {
        self.advance()?;
        let (writes, rejected) = self.acknowledgements.settle();
        self.keep(&rejected)?;
        let ((writes, refused), file) = self.refused.flush((writes, self.refused_count))?;
        let mark = Mark { run: self.run.run.clone(), refused, file: String::from_utf8(file)? };
        Ok(Flushed { writes: Some(writes), mark: serde_json::to_vec(&mark)? })
    }

    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), Cause> {
        // What is on its way may arrive still.
        self.sending = JoinSet::new();
        self.full.clear();
        self.buffer = BulkBuffer::new(self.output.bulk);
        self.acknowledgements = Acknowledgements::default();
        self.link = Link::Closed;
        match mark {
            Some(mark) => {
                let mark: Mark = serde_json::from_slice(mark)?;
                self.run.run = mark.run;
                self.refused.restore(Some(mark.file.as_bytes()), (0, mark.refused))?;
                self.refused_count = mark.refused;
                self.doubtful = self.most_on_their_way();
            }
            None => self.refused.restore(None, (0, 0))?,
        }
        self.ids = DocumentIds::new(&self.run);
        self.link = Link::Opening(self.open()?);
        Ok(())
    }

    fn refused(&self) -> u64 {
        self.refused_count
    }
}
