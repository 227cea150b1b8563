//! The documents as they are at one moment: a point in time of the server's, kept alive while it is read, and what
//! is in it, so that nothing can be missing from it unseen.
//!
//! A point in time is lost with the nodes that hold it. Another one may take its place only where it holds the same
//! documents: the same indices, and in each the same number of documents with the same sequence numbers, of which every
//! change of a document makes a new one.

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
    counted::{self, Counted, Part},
    path,
    refusal::{is_lost, partial, reason, types},
};
use crate::elasticsearch::{
    client::{Client, Request, Response},
    flavor::Server,
    query,
};

/// The server keeps it so long after a request that mentions it.
const KEPT: Duration = Duration::from_mins(5);
/// How long is waited until it is given back.
const CLOSING: Duration = Duration::from_secs(2);
/// How often a lost one is replaced in a run.
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
    /// The last known, for whoever has no time to wait.
    known: Shared<String>,
    renewals: AtomicU32,
}

struct State {
    id: String,
    generation: u32,
}

#[derive(Deserialize)]
struct Opened {
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
    /// `InvalidInput` if no index is meant; `InvalidSettings` if the query or the range of time is none; those of the
    /// server.
    pub async fn open(client: Client, server: Server, input: &ElasticsearchInput) -> Result<Self> {
        let kept = KEPT.max(client.patience() + Duration::from_secs(input.request_timeout_seconds));
        let mut snapshot = Self {
            client,
            server,
            index: input.index.clone(),
            keep: format!("{}s", kept.as_secs()),
            filters: query::filters(input),
            parts: Vec::new(),
            state: Mutex::new(State { id: String::new(), generation: 0 }),
            known: Shared::new(String::new()),
            renewals: AtomicU32::new(0),
        };
        let id = snapshot.begin().await?;
        snapshot.know(&id);
        snapshot.state.get_mut().id.clone_from(&id);
        if let Some(asked) = query::ask_range(input) {
            let answer = snapshot.once(&id, &asked).await?;
            let wrong = |told: String| {
                let ends = [&input.from, &input.to].map(|end| end.as_deref().unwrap_or("open"));
                let message =
                    format!("the range of time from {} to {} is none: {told}", ends[0], ends[1]);
                Error::settings("input.elasticsearch.from", "TIME_RANGE_UNKNOWN", message)
            };
            if answer.status == 400 {
                return Err(wrong(reason(&answer)));
            }
            let range = query::Range::of(&snapshot.answered(answer)?.body, input)?;
            tracing::info!("{} from {:?} to {:?} (ms)", input.time_field, range.from, range.to);
            snapshot.filters.extend(range.filter(&input.time_field));
        }
        snapshot.parts = snapshot.count(&id).await?;
        Ok(snapshot)
    }

    /// Documents in all.
    pub fn documents(&self) -> u64 {
        self.parts.iter().map(|part| part.documents).sum()
    }

    /// What tells these documents from others.
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

    fn know(&self, id: &str) {
        id.clone_into(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Searches the snapshot, of which another one may have taken the place.
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

    /// Several searches of it, of which none needs to be whole.
    pub async fn searches(&self, bodies: &[Value]) -> Result<Bytes> {
        let id = self.state.lock().await.id.clone();
        let mut lines = String::new();
        for body in bodies {
            // Writing to a string never fails.
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
        let (index, keep) = (path::encoded(&self.index), &self.keep);
        let path = match self.server {
            Server::Elasticsearch => format!("/{index}/_pit?keep_alive={keep}"),
            Server::OpenSearch => format!(
                "/{index}/_search/point_in_time?keep_alive={keep}&allow_partial_pit_creation=false"
            ),
        };
        let answer = self.client.send(&Request::post(path)).await?;
        let opened: Opened = self.answered(answer)?.json()?;
        match opened.shards {
            Some(shards) if shards.failed > 0 => Err(partial("some shards can't be read")),
            _ => Ok(opened.id),
        }
    }

    async fn count(&self, id: &str) -> Result<Vec<Part>> {
        let answer = self.once(id, &counted::ask(&self.filters)).await?;
        if answer.status == 400 && !is_lost(&answer) {
            let message = format!("the server does not take the query: {}", reason(&answer));
            return Err(Error::settings("input.elasticsearch.query", "QUERY_INVALID", message));
        }
        let answer: Counted = self.answered(answer)?.json()?;
        answer.parts()
    }

    /// Puts another point in time in place of that of `generation`, once.
    async fn renew(&self, generation: u32) -> Result<()> {
        let mut state = self.state.lock().await;
        if state.generation != generation {
            return Ok(());
        }
        if self.renewals.fetch_add(1, Ordering::Relaxed) >= MOST_RENEWALS {
            return Err(lost("it is lost again and again"));
        }
        let id = self.begin().await?;
        self.know(&id);
        let parts = self.count(&id).await?;
        if let Some(gone) =
            self.parts.iter().find(|part| !parts.iter().any(|p| p.index == part.index))
        {
            return Err(self.gone(&format!("the index {} is not there any more", gone.index)));
        }
        if parts != self.parts {
            return Err(lost("documents have changed since"));
        }
        tracing::warn!("the point in time was lost; another one has the same documents");
        let before = std::mem::replace(&mut *state, State { id, generation: generation + 1 });
        // Some of its shards may still have it.
        Self::close(self.client.clone(), self.server, before.id).await;
        Ok(())
    }

    /// # Errors
    /// What the server refuses.
    fn answered(&self, answer: Response) -> Result<Response> {
        if answer.is_success() {
            return Ok(answer);
        }
        let told = format!("{} {}", answer.status, reason(&answer));
        let types = types(&answer);
        if types
            .iter()
            .any(|kind| kind == "index_not_found_exception" || kind == "index_closed_exception")
        {
            return Err(self.gone(&told));
        }
        Err(Error::input(
            "SEARCH_REFUSED",
            format!("the server refuses to search {}: {told}", self.index),
        ))
    }

    fn gone(&self, told: &str) -> Error {
        if self.parts.is_empty() {
            return Error::input("INDEX_MISSING", format!("{} can't be read: {told}", self.index));
        }
        let message = format!(
            "an index of {} was deleted or closed while it was read ({told}); run again for what is there now",
            self.index
        );
        Error::input("INDEX_GONE", message)
    }

    /// Tells the server now and then that it is still needed, until it is dropped.
    pub fn keep_alive(self: &Arc<Self>) -> Result<KeptAlive> {
        let handle = handle().map_err(|error| Error::internal(error.message))?;
        let snapshot = Arc::downgrade(self);
        let task = handle.spawn(async move {
            loop {
                tokio::time::sleep(KEPT / 3).await;
                let Some(snapshot) = snapshot.upgrade() else { return };
                let body =
                    json!({"size": 0, "track_total_hits": false, "query": {"match_none": {}}});
                // Whoever reads from it hears of what is wrong.
                let _ = snapshot.search(&body).await;
            }
        });
        Ok(KeptAlive(task.abort_handle()))
    }

    /// Gives it back to the server, which would else keep it for a while.
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

/// Ends when dropped.
pub(super) struct KeptAlive(AbortHandle);

impl Drop for KeptAlive {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let id = std::mem::take(self.known.get_mut().unwrap_or_else(PoisonError::into_inner));
        let Ok(handle) = handle() else { return };
        if id.is_empty() {
            return;
        }
        let close = Self::close(self.client.clone(), self.server, id);
        let (sender, closed) = std::sync::mpsc::channel();
        handle.spawn(async move {
            close.await;
            // Who waited may have given up.
            let _ = sender.send(());
        });
        // The process may end right behind this; a server that is away does not hold it up.
        let _ = closed.recv_timeout(CLOSING);
    }
}

fn lost(why: &str) -> Error {
    Error::new(
        Code::Unavailable,
        "SNAPSHOT_LOST",
        format!(
            "the server no longer has the point in time that was read ({why}), so what is left can't be read as it was; \
             run again"
        ),
    )
}
