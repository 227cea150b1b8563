//! The report engine in this process.

mod exporting;
pub(crate) mod judging;
pub(crate) mod listing;

use std::{
    fs::File,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anomal_core::{
    Code, Download, Error, PublishRequest, ReportEngine, Result, blocking,
    proto::{
        ExportReportRequest, JudgeRequest, JudgeResponse, ListReportsRequest, ListReportsResponse,
        Report, Verdict,
    },
};
use async_trait::async_trait;
use jiff::{Timestamp, Unit};
use tokio::sync::Semaphore;

use crate::{
    contents,
    open_report::{IncidentFiles, OpenReport, ReportFiles},
    store::{self, Store},
};

/// Bytes of open reports in memory; the least recently used are closed first.
const OPEN_BYTES: usize = 96 << 20;
/// Concurrent reads of tables: each takes a few megabytes.
const READS: usize = 2;
/// The interval of the search for expired reports.
const SWEEP: Duration = Duration::from_mins(10);

/// A report engine over a store. Cheap to clone.
#[derive(Clone)]
pub struct LocalReportEngine(Arc<Inner>);

struct Inner {
    store: Store,
    /// The URL of the pages, such as `https://anomal.example`; empty: they are not served.
    base_url: String,
    /// The least recently used first.
    open: Mutex<Vec<Arc<OpenReport>>>,
    reads: Semaphore,
    /// PDFs are laid out one at a time: each takes hundreds of megabytes for a second or two.
    pdf: Semaphore,
}

impl LocalReportEngine {
    /// `base_url`: that of the pages; empty if they are not served.
    pub fn new(store: Store, base_url: impl Into<String>) -> Self {
        let base_url = base_url.into().trim_end_matches('/').to_owned();
        let (reads, pdf) = (Semaphore::new(READS), Semaphore::new(1));
        Self(Arc::new(Inner { store, base_url, open: Mutex::default(), reads, pdf }))
    }

    /// Opens a report for reading.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` if the store can't be read.
    pub async fn open(&self, id: &str) -> Result<Arc<OpenReport>> {
        self.open_report(self.manifest(id).await?).await
    }

    /// As [`LocalReportEngine::open`], for a report whose manifest was just read.
    pub(crate) async fn open_report(&self, report: Report) -> Result<Arc<OpenReport>> {
        let id = &report.id.clone();
        if let Some(open) = self.cached(id) {
            return Ok(open);
        }
        let _slot = self.read_slot().await?;
        if let Some(open) = self.cached(id) {
            return Ok(open);
        }
        let store = &self.0.store;
        let files = ReportFiles {
            contents: store.file(id, contents::CONTENTS).await?,
            rows: store.file(id, contents::ROWS).await?,
            suspects: store.file(id, contents::SUSPECTS).await?,
            hits: store.file(id, contents::HITS).await?,
            incidents: match &report.incidents {
                Some(_) => Some(IncidentFiles {
                    incidents: store.file(id, contents::INCIDENTS).await?,
                    entities: store.file(id, contents::ENTITIES).await?,
                    groups: store.file(id, contents::GROUPS).await?,
                    entity_rows: self.entity_rows(id).await?,
                }),
                None => None,
            },
        };
        let open = Arc::new(blocking(move |_| OpenReport::read(report, files)).await?);
        let mut all = self.open_reports();
        all.push(Arc::clone(&open));
        while all.len() > 1 && all.iter().map(|open| open.size()).sum::<usize>() > OPEN_BYTES {
            all.remove(0);
        }
        Ok(open)
    }

    /// The tables of the rows of entities, which reports of older versions do not have.
    async fn entity_rows(&self, id: &str) -> Result<Option<(File, File)>> {
        let store = &self.0.store;
        match store.file(id, contents::ENTITY_ROWS).await {
            Ok(rows) => Ok(Some((rows, store.file(id, contents::ENTITY_VALUES).await?))),
            Err(error) if error.code == Code::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads from an open report on a blocking thread.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        open: &Arc<OpenReport>,
        read: impl FnOnce(&OpenReport) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let open = Arc::clone(open);
        let _slot = self.read_slot().await?;
        blocking(move |_| read(&open)).await
    }

    async fn read_slot(&self) -> Result<tokio::sync::SemaphorePermit<'_>> {
        self.0.reads.acquire().await.map_err(|_| Error::cancelled())
    }

    fn open_reports(&self) -> MutexGuard<'_, Vec<Arc<OpenReport>>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cached(&self, id: &str) -> Option<Arc<OpenReport>> {
        let mut all = self.open_reports();
        let index = all.iter().position(|open| open.report.id == id)?;
        let open = all.remove(index);
        all.push(Arc::clone(&open));
        Some(open)
    }

    async fn manifest(&self, id: &str) -> Result<Report> {
        let report = self.0.store.manifest(id).await?;
        if store::is_expired(&report, Timestamp::now()) {
            return Err(store::not_found(id));
        }
        Ok(self.with_url(&report))
    }

    fn with_url(&self, report: &Report) -> Report {
        let url = match self.0.base_url.as_str() {
            "" => String::new(),
            base => format!("{base}/reports/{}", report.id),
        };
        let mut report = Report { url, ..report.clone() };
        if let Some(counts) = &mut report.incidents {
            counts.keys.clear();
        }
        report
    }

    /// The report of the same job before a report, with the keys of its incidents.
    ///
    /// # Errors
    /// `Unavailable` if the store can't be read.
    pub(crate) async fn earlier(&self, report: &Report) -> Result<Option<Arc<Report>>> {
        let order = |report: &Report| (report.create_time.clone(), report.id.clone());
        let is_earlier = |other: &Arc<Report>| {
            other.namespace == report.namespace
                && other.job == report.job
                && order(other) < order(report)
        };
        // The newest are first.
        Ok(self.0.store.manifests().await?.into_iter().find(is_earlier))
    }

    /// Removes expired reports, and makes snapshots of many verdicts, now and every few minutes. Never returns.
    pub async fn sweep(&self) {
        loop {
            match self.0.store.sweep(Timestamp::now()).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "removed expired reports"),
                Err(error) => tracing::warn!("cannot remove expired reports: {error}"),
            }
            match self.0.store.sweep_verdicts(Timestamp::now()).await {
                Ok((0, 0)) => {}
                Ok((written, deleted)) => {
                    tracing::info!(
                        written,
                        deleted,
                        "wrote snapshots of verdicts, and deleted what they hold"
                    );
                }
                Err(error) => tracing::warn!("cannot make snapshots of verdicts: {error}"),
            }
            tokio::time::sleep(SWEEP).await;
        }
    }
}

/// The id of a new report: a UUID of version 7.
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
            return Err(contents::invalid("its id is not a UUID"));
        }
        let now = Timestamp::now().round(Unit::Second);
        let now = now.map_err(|error| Error::internal(error.to_string()))?;
        report.create_time = now.to_string();
        report.expire_time = match time_to_live {
            Some(time_to_live) => now
                .checked_add(time_to_live)
                .map_err(|_| contents::invalid("its time to live is too long"))?
                .to_string(),
            None => String::new(),
        };
        let prepared = blocking(move |_| contents::prepare(request)).await?;
        let stored = self.0.store.put(&prepared.report, prepared.files).await?;
        Ok(self.with_url(&stored))
    }

    async fn list(&self, request: ListReportsRequest) -> Result<ListReportsResponse> {
        let search = request.search.to_lowercase();
        let matches = |report: &Report| {
            let flags = report.flags.iter().filter(|flag| flag.rows > 0).map(|flag| &flag.name);
            let texts = [&report.job, &report.input, &report.title, &report.engine];
            (request.namespace.is_empty() || report.namespace == request.namespace)
                && (search.is_empty()
                    || texts
                        .into_iter()
                        .chain(flags)
                        .any(|text| text.to_lowercase().contains(&search)))
        };
        let all = self.0.store.manifests().await?;
        let all: Vec<_> = all.into_iter().filter(|report| matches(report)).collect();
        let start = match request.page_token.as_str() {
            "" => 0,
            token => token.parse().map_err(|_| {
                Error::new(Code::InvalidRequest, "PAGE_TOKEN", "unknown page token")
            })?,
        };
        Ok(listing::page(&all, start, request.page_size, |report| self.with_url(report)))
    }

    async fn get(&self, id: &str) -> Result<Report> {
        self.manifest(id).await
    }

    async fn export(&self, request: ExportReportRequest) -> Result<Download> {
        self.export_report(request).await
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.0.store.delete(id).await?;
        self.open_reports().retain(|open| open.report.id != id);
        Ok(())
    }

    async fn judge(&self, request: JudgeRequest) -> Result<JudgeResponse> {
        self.store_verdicts(request).await
    }

    async fn list_verdicts(&self, namespace: &str, job: &str) -> Result<Vec<Verdict>> {
        Ok(self.0.store.verdicts(namespace, job).await?.as_ref().clone())
    }

    async fn delete_verdicts(&self, namespace: &str, job: &str) -> Result<u64> {
        self.0.store.delete_verdicts(namespace, job).await
    }
}
