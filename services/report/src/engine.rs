//! The report engine in this process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anomal_core::{
    Code, Download, Error, PublishRequest, ReportEngine, Result, blocking,
    proto::{ExportFormat, ExportReportRequest, ListReportsRequest, ListReportsResponse, Report},
};
use async_trait::async_trait;
use jiff::{Timestamp, Unit};
use tokio::sync::Semaphore;

use crate::{
    contents,
    exports::{self, download, table},
    listing,
    open::{Files, OpenReport},
    store::{self, Store},
    view::Whole,
};

/// Bytes that open reports may take in memory; those not asked for the longest go first.
const OPEN_BYTES: usize = 96 << 20;
/// Reads of tables at once: each takes some megabytes.
const READS: usize = 2;
/// How often expired reports are looked for.
const SWEEP: Duration = Duration::from_mins(10);

/// Keeps reports in a store.
#[derive(Clone)]
pub struct LocalReportEngine(Arc<Inner>);

struct Inner {
    store: Store,
    /// Where reports are served, such as `https://anomal.example`; empty: nowhere.
    address: String,
    /// From the one that was not asked for the longest.
    open: Mutex<Vec<Arc<OpenReport>>>,
    reads: Semaphore,
    /// Documents are made one at a time: each takes hundreds of megabytes for a second or two.
    documents: Semaphore,
}

impl LocalReportEngine {
    pub fn new(store: Store, address: impl Into<String>) -> Self {
        let address = address.into().trim_end_matches('/').to_owned();
        let (open, reads) = (Mutex::default(), Semaphore::new(READS));
        let documents = Semaphore::new(1);
        Self(Arc::new(Inner { store, address, open, reads, documents }))
    }

    /// A report, open for reading.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` if the store can't be read.
    pub async fn open(&self, id: &str) -> Result<Arc<OpenReport>> {
        self.opened(self.manifest(id).await?).await
    }

    /// As [`LocalReportEngine::open`], of a report that was just asked for.
    pub(crate) async fn opened(&self, report: Report) -> Result<Arc<OpenReport>> {
        let id = &report.id.clone();
        if let Some(known) = self.known(id) {
            return Ok(known);
        }
        let _slot = self.slot().await?;
        if let Some(known) = self.known(id) {
            return Ok(known);
        }
        let store = &self.0.store;
        let files = Files {
            contents: store.file(id, contents::CONTENTS).await?,
            rows: store.file(id, contents::ROWS).await?,
            suspects: store.file(id, contents::SUSPECTS).await?,
            hits: store.file(id, contents::HITS).await?,
        };
        let open = Arc::new(blocking(move |_| OpenReport::read(report, files)).await?);
        let mut all = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::clone(&open));
        while all.len() > 1 && all.iter().map(|open| open.size()).sum::<usize>() > OPEN_BYTES {
            all.remove(0);
        }
        Ok(open)
    }

    /// Reads from an open report, on a thread for that.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        open: &Arc<OpenReport>,
        read: impl FnOnce(&OpenReport) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let open = Arc::clone(open);
        let _slot = self.slot().await?;
        blocking(move |_| read(&open)).await
    }

    async fn whole(&self, id: &str, suspects: usize, hits: usize) -> Result<Whole> {
        let open = self.open(id).await?;
        self.read(&open, move |open| open.whole(suspects, hits)).await
    }

    async fn slot(&self) -> Result<tokio::sync::SemaphorePermit<'_>> {
        self.0.reads.acquire().await.map_err(|_| Error::cancelled())
    }

    fn known(&self, id: &str) -> Option<Arc<OpenReport>> {
        let mut all = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let place = all.iter().position(|open| open.report.id == id)?;
        let open = all.remove(place);
        all.push(Arc::clone(&open));
        Some(open)
    }

    async fn manifest(&self, id: &str) -> Result<Report> {
        let report = self.0.store.manifest(id).await?;
        if store::expired(&report, Timestamp::now()) {
            return Err(store::missing(id));
        }
        Ok(self.addressed(&report))
    }

    fn addressed(&self, report: &Report) -> Report {
        let address = &self.0.address;
        let url = if address.is_empty() {
            String::new()
        } else {
            format!("{address}/reports/{}", report.id)
        };
        Report { url, ..report.clone() }
    }

    /// Removes what has expired, now and every few minutes, for as long as it is polled.
    pub async fn sweep(&self) {
        loop {
            match self.0.store.sweep(Timestamp::now()).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "expired reports are removed"),
                Err(error) => tracing::warn!("expired reports can't be removed: {error}"),
            }
            tokio::time::sleep(SWEEP).await;
        }
    }
}

/// A new report's id.
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[async_trait]
impl ReportEngine for LocalReportEngine {
    async fn publish(&self, request: PublishRequest) -> Result<Report> {
        let time_to_live = request.time_to_live;
        let mut request = request;
        let report = &mut request.report;
        if report.id.is_empty() {
            report.id = new_id();
        } else if uuid::Uuid::parse_str(&report.id).is_err() {
            return Err(contents::invalid("its id is no UUID"));
        }
        let now = Timestamp::now().round(Unit::Second);
        let now = now.map_err(|error| Error::internal(error.to_string()))?;
        report.create_time = now.to_string();
        report.expire_time = match time_to_live {
            Some(keep) => now
                .checked_add(keep)
                .map_err(|_| contents::invalid("it is to be kept for longer than there are years"))?
                .to_string(),
            None => String::new(),
        };
        let made = blocking(move |_| contents::make(request)).await?;
        let stored = self.0.store.put(&made.report, made.files).await?;
        Ok(self.addressed(&stored))
    }

    async fn list(&self, request: ListReportsRequest) -> Result<ListReportsResponse> {
        let wanted = request.search.to_lowercase();
        let fits = |report: &Report| {
            let flags = report.flags.iter().filter(|flag| flag.rows > 0).map(|flag| &flag.name);
            let texts = [&report.job, &report.input, &report.title, &report.engine];
            (request.namespace.is_empty() || report.namespace == request.namespace)
                && (wanted.is_empty()
                    || texts
                        .into_iter()
                        .chain(flags)
                        .any(|text| text.to_lowercase().contains(&wanted)))
        };
        let all = self.0.store.manifests().await?;
        let all: Vec<_> = all.into_iter().filter(|report| fits(report)).collect();
        let start = match request.page_token.as_str() {
            "" => 0,
            token => token.parse().map_err(|_| {
                Error::new(Code::InvalidRequest, "PAGE_TOKEN", "the page token is none of ours")
            })?,
        };
        Ok(listing::page(&all, start, request.page_size, |report| self.addressed(report)))
    }

    async fn get(&self, id: &str) -> Result<Report> {
        self.manifest(id).await
    }

    async fn export(&self, request: ExportReportRequest) -> Result<Download> {
        let id = request.id.as_str();
        let report = self.manifest(id).await?;
        match request.format() {
            ExportFormat::Pdf => {
                let whole = self.whole(id, exports::PDF_SUSPECTS, exports::PDF_HITS).await?;
                let _alone = self.0.documents.acquire().await.map_err(|_| Error::cancelled())?;
                let bytes = blocking(move |_| exports::pdf(&whole)).await?;
                Ok(download::bytes(bytes))
            }
            ExportFormat::Html => {
                let whole = self.whole(id, exports::HTML_SUSPECTS, exports::HTML_HITS).await?;
                let text = blocking(move |_| exports::html(&whole)).await?;
                Ok(download::bytes(text.into_bytes()))
            }
            format @ (ExportFormat::Csv | ExportFormat::Parquet) => {
                let rows = self.0.store.file(id, contents::ROWS).await?;
                let choice = exports::Choice::new(&report, request.suspects_only, &request.flag)?;
                match format {
                    ExportFormat::Csv => Ok(table::csv(rows, choice)),
                    _ => table::parquet(rows, choice).await,
                }
            }
            ExportFormat::Unspecified => {
                let message = "an export has a format: pdf, html, csv or parquet";
                Err(Error::new(Code::InvalidRequest, "EXPORT_FORMAT", message))
            }
        }
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.0.store.delete(id).await?;
        self.0
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|open| open.report.id != id);
        Ok(())
    }
}
