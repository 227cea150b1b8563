//! Results as documents of an index, each exactly once.
//!
//! What is written is there at once, other than in a file: a run that breaks off leaves what it has written, and one
//! that is run again adds what is missing, since each row has an id of its own.

use std::sync::{Arc, atomic::AtomicBool};

use anomal_core::{Code, Error, Result};
use anomal_spec::{ElasticsearchOutput, Include};
use anomal_storage::{broken_off, handle};
use futures::executor::block_on;
use tokio::task::JoinSet;

use super::{
    bulk::{self, Body, FILTER, Item},
    client::{Client, short},
    deliver::{Delivered, Delivery},
    document::Writer,
    ids::Ids,
    refused::Letters,
    template,
};
use crate::{
    Access, RunInfo,
    sink::{Projection, ResultBatch, Sink, WriteOutcome},
};

/// Of a request that is begun.
const RESERVED: usize = 9 << 20;

pub(crate) struct ElasticsearchSink {
    projection: Projection,
    ids: Ids,
    writer: Arc<Writer>,
    delivery: Arc<Delivery>,
    /// Documents that wait for more.
    bytes: Vec<u8>,
    items: Vec<Item>,
    max_bytes: usize,
    max_documents: usize,
    /// Requests on their way; dropped, they are broken off.
    sending: JoinSet<Result<Delivered>>,
    in_flight: usize,
    written: u64,
    there: u64,
    letters: Letters,
    target: String,
}

impl ElasticsearchSink {
    /// Asks the cluster which server it is, and installs the templates.
    ///
    /// # Errors
    /// Those of [`Client::connect`].
    pub fn create(
        output: &ElasticsearchOutput,
        access: &Access<'_>,
        run: &RunInfo,
    ) -> Result<Self> {
        let bulk = output.bulk;
        let (client, server) = Client::connect(&output.connection(), access, bulk.retry_seconds)?;
        let index = index(output, run);
        if output.manage_template {
            template::install(&client, server, &index, output.data_stream)?;
        }
        let gzip = bulk.gzip.unwrap_or_else(|| !client.urls().iter().all(|url| is_here(url)));
        let mut path = format!("/{index}/_bulk?{FILTER}");
        if let Some(pipeline) = &output.pipeline {
            let pipeline: String =
                url::form_urlencoded::byte_serialize(pipeline.as_bytes()).collect();
            path.push_str("&pipeline=");
            path.push_str(&pipeline);
        }
        let (letters, auth) = match &output.dead_letter {
            Some(file) => (file.path.clone().into(), file.auth.clone()),
            None => (run.refused.clone(), run.refused_auth.clone()),
        };
        let first = client.urls().first().cloned().unwrap_or_default();
        Ok(Self {
            // Reasons tell the features' values even where those are not told themselves.
            projection: Projection::new(output.rows, &[Include::Features, Include::Contributions]),
            ids: Ids::new(run),
            writer: Arc::new(Writer::new(run, &output.include)),
            delivery: Arc::new(Delivery { client, path, gzip, waiting: AtomicBool::new(false) }),
            bytes: Vec::new(),
            items: Vec::new(),
            max_bytes: usize::try_from(bulk.max_bytes).unwrap_or(usize::MAX),
            max_documents: usize::try_from(bulk.max_documents).unwrap_or(usize::MAX),
            sending: JoinSet::new(),
            in_flight: usize::try_from(bulk.in_flight).unwrap_or(1).max(1),
            written: 0,
            there: 0,
            target: format!("{first}/{index}"),
            letters: Letters {
                path: letters,
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

    /// Sends what waits, up to the last document where that one is too much.
    fn send(&mut self, last: Option<Item>) -> Result<()> {
        let mut items = std::mem::take(&mut self.items);
        let mut bytes = std::mem::take(&mut self.bytes);
        if let Some(last) = last {
            items.pop();
            self.bytes.extend_from_slice(&bytes[last.start..]);
            self.items.push(Item { start: 0, end: self.bytes.len(), row: last.row });
            bytes.truncate(last.start);
        }
        if items.is_empty() {
            return Ok(());
        }
        while self.sending.len() >= self.in_flight {
            self.take_in()?;
        }
        let body = Body { bytes: bytes.into(), items };
        let delivery = Arc::clone(&self.delivery);
        let task = async move {
            tokio::select! {
                delivered = delivery.deliver(body) => delivered,
                () = broken_off() => Err(Error::cancelled()),
            }
        };
        let handle = handle().map_err(|error| Error::internal(error.message))?;
        self.sending.spawn_on(task, handle);
        Ok(())
    }

    /// Waits until a request has ended, and counts what came of it.
    fn take_in(&mut self) -> Result<()> {
        let Some(ended) = block_on(self.sending.join_next()) else { return Ok(()) };
        let ended = ended.map_err(|error| Error::internal(format!("a bulk request: {error}")))?;
        let delivered = ended?;
        self.written += delivered.written;
        self.there += delivered.there;
        delivered.refused.iter().try_for_each(|refused| self.letters.keep(refused))
    }
}

impl Sink for ElasticsearchSink {
    fn write(&mut self, batch: &ResultBatch) -> Result<()> {
        let chosen = self.projection.project(batch)?;
        let writer = Arc::clone(&self.writer);
        let batch = writer.batch(&chosen)?;
        for (place, row) in batch.rows().iter().enumerate() {
            if self.bytes.capacity() == 0 {
                self.bytes.reserve(self.max_bytes.min(RESERVED));
            }
            let start = self.bytes.len();
            let id = self.ids.of(*row);
            bulk::action(&mut self.bytes, id);
            batch.put(place, id, &mut self.bytes);
            self.bytes.push(b'\n');
            let item = Item { start, end: self.bytes.len(), row: *row };
            self.items.push(item);
            if self.bytes.len() > self.max_bytes && self.items.len() > 1 {
                self.send(Some(item))?;
            }
            if self.bytes.len() >= self.max_bytes || self.items.len() >= self.max_documents {
                self.send(None)?;
            }
        }
        Ok(())
    }

    fn prepare(&mut self) -> Result<()> {
        self.send(None)?;
        while !self.sending.is_empty() {
            self.take_in()?;
        }
        let Some(file) = &mut self.letters.file else { return Ok(()) };
        file.prepare()?;
        if self.written + self.there > 0 {
            return Ok(());
        }
        // An index that takes nothing at all is not about single documents.
        if let Some(file) = self.letters.file.take() {
            file.finish()?;
        }
        let first = self.letters.first.as_deref().unwrap_or_default();
        Err(Error::new(
            Code::Output,
            "ALL_REFUSED",
            format!(
                "{} refuses all {} documents, the first because: {}; they are kept in {}",
                self.target,
                self.letters.count,
                short(first),
                self.letters.path.display()
            ),
        ))
    }

    fn finish(mut self: Box<Self>) -> Result<WriteOutcome> {
        self.prepare()?;
        let mut written = WriteOutcome::new(self.target, self.written + self.there);
        written.existing = self.there;
        if let Some(file) = self.letters.file {
            file.finish()?;
            written.refused = self.letters.count;
            written.refused_in = Some(self.letters.path.display().to_string());
            tracing::warn!(
                "{} refuses {} documents, the first because: {}",
                written.target,
                written.refused,
                short(self.letters.first.as_deref().unwrap_or_default())
            );
        }
        Ok(written)
    }
}

/// `anomal-results-<job>` by default.
fn index(output: &ElasticsearchOutput, run: &RunInfo) -> String {
    output.index.clone().unwrap_or_else(|| format!("anomal-results-{}", run.job))
}

/// Whether a node is on this machine, where compressing costs more than it saves.
fn is_here(url: &str) -> bool {
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
    fn only_what_goes_over_a_network_is_compressed() {
        assert!(
            ["http://127.0.0.1:9200", "https://localhost/es", "http://[::1]:1"]
                .iter()
                .all(|url| is_here(url))
        );
        assert!(!["https://es:9200", "http://10.0.0.1:9200"].iter().any(|url| is_here(url)));
    }

    #[test]
    fn an_index_has_the_jobs_name_unless_it_is_named() {
        let run = RunInfo { job: "dns-hourly".into(), ..RunInfo::default() };
        let mut output = ElasticsearchOutput::new("http://h:9200");
        assert_eq!(index(&output, &run), "anomal-results-dns-hourly");
        output.index = Some("alerts".into());
        assert_eq!(index(&output, &run), "alerts");
    }
}
