//! Sends a bulk request until each of its documents is created, exists already, or is rejected.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anomal_core::{Code, Error, Result};
use backon::{BackoffBuilder, ExponentialBackoff};
use bytes::Bytes;

use super::{
    bulk::{self, BulkBody, ItemResponse},
    outcome::{DeliveryOutcome, DocumentOutcome, exceeds_limit},
    rollover::Rollover,
};
use crate::elasticsearch::client::{
    Attempt, Client, Request, Response,
    retry::{RequestOutcome, backoff, pause_within},
    truncate,
};

/// A server or gateway may close the connection on a request that is too large, or report that it is busy. A request
/// of this size is halved after this many failures.
const LARGE: usize = 1 << 20;
const FAILURES: u32 = 3;
/// A document of this size is rejected after this many broken connections, if the cluster answers other requests.
const HUGE_DOCUMENT: usize = 10 << 20;
const HUGE_BREAKS: u32 = 6;
/// A longer stall is logged.
const WARN_AFTER: Duration = Duration::from_secs(2);

/// Sends documents.
pub(super) struct Delivery {
    pub client: Client,
    /// The path of the bulk requests.
    pub path: String,
    pub gzip: bool,
    /// Whether the current stall has been logged.
    pub stalled: AtomicBool,
    /// Whether it is tried again by its owner, without an end.
    pub endless: bool,
    /// Where documents that may be written already are looked up before they are created.
    pub rollover: Option<Rollover>,
}

/// A body to send, and its failures so far.
struct PendingRequest {
    body: BulkBody,
    /// Whether an earlier attempt may have written it.
    doubtful: bool,
    /// The bytes that are sent, once they are compressed.
    packed: Option<Bytes>,
    /// Failures of the whole request, and broken connections among them.
    failures: u32,
    breaks: u32,
}

impl PendingRequest {
    fn new(body: BulkBody, doubtful: bool) -> Self {
        Self { body, doubtful, packed: None, failures: 0, breaks: 0 }
    }
}

/// The next step after an attempt.
enum NextStep {
    /// Send these, after a pause if there is a cause for one.
    Send(Vec<PendingRequest>, Option<RetryCause>),
    Done,
}

struct RetryCause {
    why: String,
    /// The pause that the server asks for.
    asked: Option<Duration>,
}

/// A period in which no document was accepted.
struct Stall {
    started: Instant,
    pauses: ExponentialBackoff,
}

impl Default for Stall {
    fn default() -> Self {
        Self { started: Instant::now(), pauses: backoff().build() }
    }
}

impl Delivery {
    /// `doubtful`: an earlier process or attempt may have written documents of the body.
    ///
    /// # Errors
    /// `Unavailable` if no document is accepted for too long; `Unauthenticated`, `PermissionDenied`.
    pub async fn deliver(&self, body: BulkBody, doubtful: bool) -> Result<DeliveryOutcome> {
        let mut delivered = DeliveryOutcome::default();
        let mut stall = None;
        let mut queue = vec![PendingRequest::new(body, doubtful)];
        while let Some(pending) = queue.pop() {
            let before = delivered.count();
            let next = self.attempt(pending, &mut delivered).await?;
            if delivered.count() > before {
                stall = None;
                self.stalled.store(false, Ordering::Relaxed);
            }
            let NextStep::Send(pending, cause) = next else { continue };
            queue.extend(pending);
            if let Some(cause) = cause {
                self.back_off(&mut stall, cause).await?;
            }
        }
        Ok(delivered)
    }

    /// Pauses before the next attempt.
    ///
    /// # Errors
    /// `Unavailable` if the stall lasts too long.
    async fn back_off(&self, stall: &mut Option<Stall>, cause: RetryCause) -> Result<()> {
        let Stall { started, pauses } = stall.get_or_insert_default();
        let limit = self.client.retry_timeout();
        let Some(pause) = pause_within(limit, *started, pauses.next(), cause.asked) else {
            return Err(self.given_up(&cause.why));
        };
        // Logged once, not for each request and attempt.
        if started.elapsed() > WARN_AFTER && !self.stalled.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "{} does not accept documents ({}); retrying for up to {} s",
                self.client.name(),
                cause.why,
                limit.as_secs()
            );
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    async fn attempt(
        &self,
        mut pending: PendingRequest,
        delivered: &mut DeliveryOutcome,
    ) -> Result<NextStep> {
        if pending.doubtful
            && let Some(rollover) = &self.rollover
        {
            let missing = rollover.missing(&self.client, &pending.body).await?;
            delivered.existing += (pending.body.items.len() - missing.len()) as u64;
            if missing.is_empty() {
                return Ok(NextStep::Done);
            }
            pending = PendingRequest::new(pending.body.select(&missing), false);
        }
        let packed = match pending.packed.take() {
            Some(packed) => packed,
            None => self.pack(&pending.body).await?,
        };
        pending.packed = Some(packed.clone());
        let request = Request::post(&self.path).lines(packed, self.gzip);
        match self.client.once(&request).await {
            Attempt::Untrusted(why) => Err(self.client.untrusted(&why)),
            Attempt::Broken(why) => self.broken(pending, why, delivered).await,
            Attempt::Answered(response) => self.answered(pending, &response, delivered),
        }
    }

    async fn pack(&self, body: &BulkBody) -> Result<Bytes> {
        if !self.gzip {
            return Ok(body.bytes.clone());
        }
        let bytes = body.bytes.clone();
        let packed = tokio::task::spawn_blocking(move || bulk::compress(&bytes)).await;
        match packed {
            Ok(Ok(packed)) => Ok(packed),
            Ok(Err(error)) => Err(Error::internal(format!("compression: {error}"))),
            Err(_) => Err(Error::cancelled()),
        }
    }

    async fn broken(
        &self,
        mut pending: PendingRequest,
        why: String,
        delivered: &mut DeliveryOutcome,
    ) -> Result<NextStep> {
        pending.breaks += 1;
        pending.doubtful = true;
        let (size, single) = (pending.body.bytes.len(), pending.body.items.len() == 1);
        if single && size > HUGE_DOCUMENT && pending.breaks >= HUGE_BREAKS && self.answers().await {
            let reason =
                format!("the connection breaks whenever its {size} bytes are sent ({why})");
            delivered.reject(&pending.body, 0, 413, "", reason);
            return Ok(NextStep::Done);
        }
        Ok(failed(pending, RetryCause { why, asked: None }))
    }

    async fn answers(&self) -> bool {
        matches!(self.client.once(&Request::get("/")).await, Attempt::Answered(response) if response.status < 500)
    }

    fn answered(
        &self,
        mut pending: PendingRequest,
        response: &Response,
        delivered: &mut DeliveryOutcome,
    ) -> Result<NextStep> {
        pending.breaks = 0;
        pending.doubtful = response.status >= 500;
        let never = || exceeds_limit(&String::from_utf8_lossy(&response.body));
        if response.status == 413 || (response.status == 429 && never()) {
            if pending.body.items.len() == 1 {
                let reason = format!(
                    "its {} bytes exceed the limit of the server or of a gateway ({})",
                    pending.body.bytes.len(),
                    response.describe()
                );
                delivered.reject(&pending.body, 0, response.status, "", reason);
                return Ok(NextStep::Done);
            }
            let halves = pending.body.halves().map(|half| PendingRequest::new(half, false));
            return Ok(NextStep::Send(halves.into(), None));
        }
        if response.is_success() {
            return self.outcomes(pending, response, delivered);
        }
        // Temporary, with any status.
        let blocked = response.error_type().as_deref() == Some("cluster_block_exception");
        match if blocked {
            RequestOutcome::Retry
        } else {
            RequestOutcome::from_status(response.status)
        } {
            RequestOutcome::Retry => {
                let cause = RetryCause { why: response.describe(), asked: response.retry_after };
                Ok(failed(pending, cause))
            }
            RequestOutcome::Denied => Err(self.client.denied(response)),
            RequestOutcome::Answered => Err(Error::new(
                Code::Incompatible,
                "BULK_REFUSED",
                format!("{} refuses bulk requests ({})", self.client.name(), response.describe()),
            )),
        }
    }

    /// Handles the response to each document.
    fn outcomes(
        &self,
        mut pending: PendingRequest,
        response: &Response,
        delivered: &mut DeliveryOutcome,
    ) -> Result<NextStep> {
        let body = &pending.body;
        let Some(outcomes) = bulk::item_responses(&response.body, body.items.len()) else {
            let why = "the response does not match the request".to_owned();
            pending.doubtful = true;
            return Ok(NextStep::Send(vec![pending], Some(RetryCause { why, asked: None })));
        };
        let (mut retry, mut large, mut doubtful) = (Vec::new(), false, false);
        let mut why = String::new();
        for (place, outcome) in outcomes.iter().enumerate() {
            let reason = outcome.reason();
            match DocumentOutcome::from_response(outcome.status, outcome.kind(), &reason) {
                DocumentOutcome::Created => delivered.written += 1,
                DocumentOutcome::Exists => delivered.existing += 1,
                DocumentOutcome::Rejected => {
                    delivered.reject(body, place, outcome.status, outcome.kind(), reason);
                }
                DocumentOutcome::Retry if outcomes.len() == 1 && exceeds_limit(&reason) => {
                    delivered.reject(body, place, outcome.status, outcome.kind(), reason);
                }
                DocumentOutcome::Retry => {
                    if retry.is_empty() {
                        why = describe(outcome);
                    }
                    large |= exceeds_limit(&reason);
                    doubtful |= outcome.status >= 500;
                    retry.push(place);
                }
                DocumentOutcome::Fatal => return Err(self.stopped(outcome)),
            }
        }
        if retry.is_empty() {
            return Ok(NextStep::Done);
        }
        let rest = body.select(&retry);
        let rest = if large && retry.len() > 1 { rest.halves().into() } else { vec![rest] };
        let rest = rest.into_iter().map(|body| PendingRequest::new(body, doubtful)).collect();
        Ok(NextStep::Send(rest, Some(RetryCause { why, asked: response.retry_after })))
    }

    /// The index accepts no document.
    fn stopped(&self, outcome: &ItemResponse<'_>) -> Error {
        if matches!(outcome.status, 401 | 403) {
            return self.client.refused(outcome.status, &describe(outcome));
        }
        let remedy = match outcome.kind() {
            "index_not_found_exception" => {
                "create the index, or let the cluster create it (action.auto_create_index, and the privilege \
                 auto_configure)"
            }
            "index_closed_exception" => "open the index, or write to another",
            "illegal_argument_exception" => {
                "create the pipeline, or give the alias an index to write to"
            }
            _ => "fix the cause, or write to another index",
        };
        let message = format!(
            "{} rejects all documents ({}); {remedy}",
            self.client.name(),
            describe(outcome)
        );
        Error::new(Code::Unavailable, "INDEX_UNUSABLE", message)
    }

    fn given_up(&self, why: &str) -> Error {
        let blocked = why.contains("cluster_block_exception");
        let unblock = "free space on its disks or remove the index's block";
        let message = if self.endless {
            let remedy = if blocked { format!(": {unblock}") } else { String::new() };
            format!("{} does not accept documents ({why}){remedy}", self.client.name())
        } else {
            let remedy = if blocked {
                format!("{unblock}, then run the job again")
            } else {
                "run the job again later".to_owned()
            };
            format!(
                "{} does not accept documents ({why}), tried for {} s; {remedy}: documents that are written stay, and only \
                 missing ones are added",
                self.client.name(),
                self.client.retry_timeout().as_secs()
            )
        };
        Error::new(Code::Unavailable, "CLUSTER_UNAVAILABLE", message)
    }
}

/// The next step for a request that failed as a whole.
fn failed(mut pending: PendingRequest, cause: RetryCause) -> NextStep {
    pending.failures += 1;
    let body = &pending.body;
    let halved = body.items.len() > 1 && body.bytes.len() > LARGE && pending.failures >= FAILURES;
    let pending = if halved {
        let doubtful = pending.doubtful;
        pending.body.halves().map(|half| PendingRequest::new(half, doubtful)).into()
    } else {
        vec![pending]
    };
    NextStep::Send(pending, Some(cause))
}

fn describe(outcome: &ItemResponse<'_>) -> String {
    format!("{} {}: {}", outcome.status, outcome.kind(), truncate(&outcome.reason()))
}
