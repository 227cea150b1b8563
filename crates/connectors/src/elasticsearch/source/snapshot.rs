//! A point-in-time snapshot of the documents, which is kept alive while it is read, and the counts that prove that nothing
//! is missing.
//!
//! A point in time is lost with the nodes that hold it. Another one may replace it only if it has the same documents: the
//! same indices, each with the same number of documents and the same sequence numbers, since every change of a document
//! assigns a new number.

use std::{
    fmt::Write as _,
    sync::{
        Arc, Mutex as Shared, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anomal_core::{Code, Error, Result};
use anomal_spec::ElasticsearchInput;
use anomal_storage::handle;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::Mutex, task::AbortHandle};

use super::{
    count::{self, CountResponse, Part},
    query,
    search_error::{is_lost, partial, reason, types},
    url_path,
};
use crate::elasticsearch::client::{Client, Request, Response, Server};

/// How long the server keeps the point in time after each request.
const KEEP_ALIVE: Duration = Duration::from_mins(5);
/// How long closing may take.
const CLOSING: Duration = Duration::from_secs(2);
/// How often a lost point in time is replaced in a run.
const MOST_RENEWALS: u32 = 20;

pub(super) struct Snapshot {
    client: Client,
    server: Server,
    index: String,
    keep: String,
    filters: Vec<Value>,
    /// In the order of the indices' names.
    pub parts: Vec<Part>,
    state: Mutex<State>,
    /// The id of the current point in time, for `drop`, which cannot wait for `state`.
    last_id: Shared<String>,
    renewals: AtomicU32,
}

struct State {
    id: String,
    generation: u32,
}

#[derive(Deserialize)]
struct OpenResponse {
    #[serde(alias = "pit_id")]
    id: String,
    #[serde(rename = "_shards", default)]
    shards: Option<Shards>,
}

#[derive(Deserialize)]
struct Shards {
    failed: u64,
}

impl Snapshot {
    /// # Errors
    /// `InvalidInput` if no index matches; `InvalidSettings` if the query or the time range is invalid; those of the
    /// server.
    pub async fn open(client: Client, server: Server, input: &ElasticsearchInput) -> Result<Self> {
        let keep_alive = KEEP_ALIVE
            .max(client.retry_timeout() + Duration::from_secs(input.request_timeout_seconds));
        let mut snapshot = Self {
            client,
            server,
            index: input.index.clone(),
            keep: format!("{}s", keep_alive.as_secs()),
            filters: query::filters(input),
            parts: Vec::new(),
            state: Mutex::new(State { id: String::new(), generation: 0 }),
            last_id: Shared::new(String::new()),
            renewals: AtomicU32::new(0),
        };
        let id = snapshot.begin().await?;
        snapshot.remember(&id);
        snapshot.state.get_mut().id.clone_from(&id);
        if let Some(asked) = query::range_request(input) {
            let answer = snapshot.once(&id, &asked).await?;
            let wrong = |reason: String| {
                let ends = [&input.from, &input.to].map(|end| end.as_deref().unwrap_or("open"));
                let message =
                    format!("the range of time from {} to {} is none: {reason}", ends[0], ends[1]);
                Error::settings("input.elasticsearch.from", "TIME_RANGE_UNKNOWN", message)
            };
            if answer.status == 400 {
                return Err(wrong(reason(&answer)));
            }
            let range = query::Range::from_response(&snapshot.answered(answer)?.body, input)?;
            tracing::info!("{} from {:?} to {:?} (ms)", input.time_field, range.from, range.to);
            snapshot.filters.extend(range.filter(&input.time_field));
        }
        snapshot.parts = snapshot.count(&id).await?;
        Ok(snapshot)
    }

    /// The number of documents.
    pub fn documents(&self) -> u64 {
        self.parts.iter().map(|part| part.documents).sum()
    }

    /// A text that is equal for equal documents.
    pub fn identity(&self) -> String {
        let part = |part: &Part| {
            let Part { index, documents, first, last, sum } = part;
            format!("{index} {documents} {first} {last} {sum}\n")
        };
        self.parts.iter().map(part).collect()
    }

    pub fn filters(&self) -> &[Value] {
        &self.filters
    }

    fn remember(&self, id: &str) {
        id.clone_into(&mut self.last_id.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Searches the snapshot, or the one that has replaced it.
    ///
    /// # Errors
    /// `InvalidInput` if an index is gone; `Unavailable` if the snapshot is lost; those of the server.
    pub async fn search(&self, body: &Value) -> Result<Bytes> {
        loop {
            let (id, generation) = {
                let state = self.state.lock().await;
                (state.id.clone(), state.generation)
            };
            let answer = self.once(&id, body).await?;
            if !is_lost(&answer) {
                return self.answered(answer).map(|answer| answer.body);
            }
            self.renew(generation).await?;
        }
    }

    /// Runs several searches, whose results may be incomplete.
    pub async fn searches(&self, bodies: &[Value]) -> Result<Bytes> {
        let id = self.state.lock().await.id.clone();
        let mut lines = String::new();
        for body in bodies {
            // Writing to a string cannot fail.
            let _ = write!(lines, "{{}}\n{}\n", self.within(&id, body));
        }
        let request = Request::post("/_msearch").lines(lines.into(), false);
        let answer = self.client.send(&request).await?;
        self.answered(answer).map(|answer| answer.body)
    }

    fn within(&self, id: &str, body: &Value) -> Value {
        let mut body = body.clone();
        body["pit"] = json!({"id": id, "keep_alive": self.keep});
        body
    }

    async fn once(&self, id: &str, body: &Value) -> Result<Response> {
        let path = "/_search?allow_partial_search_results=false";
        self.client.send(&Request::post(path).json(&self.within(id, body))).await
    }

    async fn begin(&self) -> Result<String> {
        let (index, keep) = (url_path::encode(&self.index), &self.keep);
        let path = match self.server {
            Server::Elasticsearch => format!("/{index}/_pit?keep_alive={keep}"),
            Server::OpenSearch => format!(
                "/{index}/_search/point_in_time?keep_alive={keep}&allow_partial_pit_creation=false"
            ),
        };
        let answer = self.client.send(&Request::post(path)).await?;
        let opened: OpenResponse = self.answered(answer)?.json()?;
        match opened.shards {
            Some(shards) if shards.failed > 0 => Err(partial("some shards are unavailable")),
            _ => Ok(opened.id),
        }
    }

    async fn count(&self, id: &str) -> Result<Vec<Part>> {
        let answer = self.once(id, &count::request(&self.filters)).await?;
        if answer.status == 400 && !is_lost(&answer) {
            let message = format!("the server refuses the query: {}", reason(&answer));
            return Err(Error::settings("input.elasticsearch.query", "QUERY_INVALID", message));
        }
        let answer: CountResponse = self.answered(answer)?.json()?;
        answer.parts()
    }

    /// Replaces the point in time of `generation`, once.
    async fn renew(&self, generation: u32) -> Result<()> {
        let mut state = self.state.lock().await;
        if state.generation != generation {
            return Ok(());
        }
        if self.renewals.fetch_add(1, Ordering::Relaxed) >= MOST_RENEWALS {
            return Err(lost("it was lost too often"));
        }
        let id = self.begin().await?;
        self.remember(&id);
        let parts = self.count(&id).await?;
        if let Some(gone) =
            self.parts.iter().find(|part| !parts.iter().any(|p| p.index == part.index))
        {
            return Err(self.gone(&format!("the index {} no longer exists", gone.index)));
        }
        if parts != self.parts {
            return Err(lost("documents have changed since"));
        }
        tracing::warn!("the point in time was lost and replaced by one with the same documents");
        let before = std::mem::replace(&mut *state, State { id, generation: generation + 1 });
        // Some shards may still hold it.
        Self::close(self.client.clone(), self.server, before.id).await;
        Ok(())
    }

    /// Checks a response.
    ///
    /// # Errors
    /// The server's error.
    fn answered(&self, answer: Response) -> Result<Response> {
        if answer.is_success() {
            return Ok(answer);
        }
        let reason = format!("{} {}", answer.status, reason(&answer));
        let types = types(&answer);
        if types
            .iter()
            .any(|kind| kind == "index_not_found_exception" || kind == "index_closed_exception")
        {
            return Err(self.gone(&reason));
        }
        Err(Error::input(
            "SEARCH_REFUSED",
            format!("the server refuses to search {}: {reason}", self.index),
        ))
    }

    fn gone(&self, reason: &str) -> Error {
        if self.parts.is_empty() {
            return Error::input("INDEX_MISSING", format!("cannot read {}: {reason}", self.index));
        }
        let message = format!(
            "an index of {} was deleted or closed while it was read ({reason}); run the job again to read the present state",
            self.index
        );
        Error::input("INDEX_GONE", message)
    }

    /// Extends the point in time periodically until the returned guard is dropped.
    pub fn keep_alive(self: &Arc<Self>) -> Result<KeepAlive> {
        let handle = handle().map_err(|error| Error::internal(error.message))?;
        let snapshot = Arc::downgrade(self);
        let task = handle.spawn(async move {
            loop {
                tokio::time::sleep(KEEP_ALIVE / 3).await;
                let Some(snapshot) = snapshot.upgrade() else { return };
                let body =
                    json!({"size": 0, "track_total_hits": false, "query": {"match_none": {}}});
                // Errors are reported by the reading searches.
                let _ = snapshot.search(&body).await;
            }
        });
        Ok(KeepAlive(task.abort_handle()))
    }

    /// Releases the point in time, which the server would otherwise keep for a while.
    async fn close(client: Client, server: Server, id: String) {
        let request = match server {
            Server::Elasticsearch => Request::delete("/_pit").json(&json!({"id": id})),
            Server::OpenSearch => {
                Request::delete("/_search/point_in_time").json(&json!({"pit_id": [id]}))
            }
        };
        client.once(&request).await;
    }
}

/// Stops extending the point in time when dropped.
pub(super) struct KeepAlive(AbortHandle);

impl Drop for KeepAlive {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let id = std::mem::take(self.last_id.get_mut().unwrap_or_else(PoisonError::into_inner));
        let Ok(handle) = handle() else { return };
        if id.is_empty() {
            return;
        }
        let close = Self::close(self.client.clone(), self.server, id);
        let (sender, closed) = std::sync::mpsc::channel();
        handle.spawn(async move {
            close.await;
            // The receiver may have timed out.
            let _ = sender.send(());
        });
        // The process may end right after this. A server that is down does not delay it further.
        let _ = closed.recv_timeout(CLOSING);
    }
}

fn lost(why: &str) -> Error {
    Error::new(
        Code::Unavailable,
        "SNAPSHOT_LOST",
        format!(
            "the server lost the point in time ({why}), and the remaining documents can't be read as they were; run the \
             job again"
        ),
    )
}
