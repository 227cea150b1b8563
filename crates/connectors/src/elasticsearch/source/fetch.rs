//! Fetches and parses slices of the snapshot in the background.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anomal_core::{Error, Result};
use anomal_storage::{cancelled, handle};
use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinHandle};

use super::slices::{Pace, Slice};
use super::{
    page::Page,
    plan::{ColumnPlan, Plan},
    search_error::partial,
    snapshot::Snapshot,
};

/// How incomplete responses are retried.
const INCOMPLETE: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(400)).with_max_times(4);
/// Documents with the same sequence number at most; each shard has one.
const MOST_EQUAL: u64 = 10_000;

pub(super) struct SliceFetcher {
    snapshot: Arc<Snapshot>,
    pub plan: Plan,
    /// The columns whose values are requested from the server besides the document.
    asked: Mutex<Vec<bool>>,
    at_once: Semaphore,
}

/// A fetched slice.
pub(super) struct FetchedSlice {
    pub part: usize,
    pub page: Page,
    /// The number of documents that was requested.
    pub size: u64,
    pub filtered: bool,
    /// The rest of the slice, which did not fit into the page.
    pub rest: Option<Slice>,
}

/// A request in flight. Dropping it cancels it.
pub(super) struct SliceRequest(Result<JoinHandle<Result<FetchedSlice>>>);

impl SliceRequest {
    pub fn wait(mut self) -> Result<FetchedSlice> {
        let task = std::mem::replace(&mut self.0, Err(Error::cancelled()))?;
        let ended = futures::executor::block_on(task);
        ended
            .map_err(|error| Error::internal(format!("a page ended without an outcome: {error}")))?
    }
}

impl Drop for SliceRequest {
    fn drop(&mut self) {
        if let Ok(task) = &self.0 {
            task.abort();
        }
    }
}

impl SliceFetcher {
    /// `at_once`: parallel requests.
    pub fn new(snapshot: Arc<Snapshot>, plan: Plan, at_once: usize) -> Self {
        let asked = plan.columns.iter().map(|column| column.field.derived).collect();
        let at_once = Semaphore::new(at_once.min(Semaphore::MAX_PERMITS));
        Self { snapshot, plan, asked: Mutex::new(asked), at_once }
    }

    pub fn ask(self: &Arc<Self>, slice: Slice, pace: Pace) -> SliceRequest {
        let fetch = Arc::clone(self);
        let task = async move {
            tokio::select! {
                fetched = fetch.slice(slice, pace) => fetched,
                () = cancelled() => Err(Error::cancelled()),
            }
        };
        SliceRequest(
            handle()
                .map(|handle| handle.spawn(task))
                .map_err(|error| Error::internal(error.message)),
        )
    }

    async fn slice(self: Arc<Self>, slice: Slice, pace: Pace) -> Result<FetchedSlice> {
        let mut size = pace.size();
        loop {
            let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let body = self.body(slice, size, pace.filtered, &asked);
            let fetch = || self.page(&body, &asked, size);
            let page = fetch
                .retry(INCOMPLETE)
                .when(|error| error.reason == "ANSWER_PARTIAL")
                .notify(|error, _| tracing::debug!("{error}; retrying"))
                .await?;
            if !page.unclear.is_empty() {
                let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
                page.unclear.iter().for_each(|column| asked[*column] = true);
            } else if page.rows.is_empty() && page.end.is_some() {
                if size >= MOST_EQUAL {
                    return Err(partial("too many documents have the same sequence number"));
                }
                size = (size * 4).min(MOST_EQUAL);
            } else {
                let rest = page.end.and_then(|end| slice.behind(end, page.rows.len()));
                let filtered = pace.filtered;
                return Ok(FetchedSlice { part: slice.part, page, size, filtered, rest });
            }
        }
    }

    /// Searches once and parses the response.
    async fn page(self: &Arc<Self>, body: &Value, asked: &[bool], size: u64) -> Result<Page> {
        let answer = {
            let permit = self.at_once.acquire().await;
            let _permit = permit.map_err(|_| Error::cancelled())?;
            self.snapshot.search(body).await?
        };
        self.parse(answer, asked.to_vec(), size).await
    }

    /// Parses a response on a thread for blocking work: it has megabytes.
    async fn parse(self: &Arc<Self>, answer: Bytes, asked: Vec<bool>, size: u64) -> Result<Page> {
        let fetch = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || fetch.plan.page(&answer, &asked, size));
        read.await.map_err(|error| Error::internal(format!("reading a page failed: {error}")))?
    }

    fn body(&self, slice: Slice, size: u64, filtered: bool, asked: &[bool]) -> Value {
        let mut filters = self.snapshot.filters().to_vec();
        if self.snapshot.parts.len() > 1 {
            filters.push(json!({"term": {"_index": self.snapshot.parts[slice.part].index}}));
        }
        filters.push(json!({"range": {"_seq_no": {"gte": slice.from, "lt": slice.to}}}));
        let columns = || self.plan.columns.iter().zip(asked);
        let name = |(column, _): (&ColumnPlan, &bool)| column.field.name.clone();
        let mut body = json!({
            "size": size,
            "track_total_hits": false,
            "query": {"bool": {"filter": filters}},
            "sort": [{"_seq_no": "asc"}],
        });
        if filtered {
            let names: Vec<String> =
                columns().filter(|(column, _)| !column.field.derived).map(name).collect();
            body["_source"] = if names.is_empty() { false.into() } else { names.into() };
        }
        let served: Vec<Value> = columns()
            .filter(|(_, asked)| **asked)
            .map(|(column, _)| {
                let field = &column.field;
                if field.is_date() {
                    json!({"field": field.name, "format": "strict_date_optional_time_nanos"})
                } else {
                    json!({"field": field.name})
                }
            })
            .collect();
        if !served.is_empty() {
            body["fields"] = served.into();
        }
        body
    }
}
