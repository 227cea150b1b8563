//! A bulk request until each of its documents is written, was there before, or is refused.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anomal_core::{Code, Error, Result};
use bytes::Bytes;

use super::{
    bulk::{self, Body, Item, Outcome},
    client::{Attempt, Client, Request, Response, short},
    retry::{Fate, Verdict, chance, never_fits, of_item, of_request, pause},
};

/// A server or gateway may break a connection on a request that is too large for it, or call itself busy, without
/// saying why: one of this size that failed so often is halved.
const LARGE: usize = 1 << 20;
const FAILURES: u32 = 3;
/// One document that is so large and was broken off so often is given up, if the cluster answers otherwise.
const HUGE: usize = 10 << 20;
const HUGE_BREAKS: u32 = 6;
/// A standstill that is longer is told.
const TELL: Duration = Duration::from_secs(2);

/// How documents are sent.
pub(super) struct Delivery {
    pub client: Client,
    /// Of the bulk requests.
    pub path: String,
    pub gzip: bool,
    /// Whether it was told that nothing is taken, since something was.
    pub waiting: AtomicBool,
}

/// What came of a bulk request.
#[derive(Default)]
pub(super) struct Delivered {
    pub written: u64,
    /// Were there before.
    pub there: u64,
    pub refused: Vec<Refused>,
}

/// A document that the server does not take.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Refused {
    pub row: u64,
    pub status: u16,
    #[serde(rename = "type")]
    pub kind: String,
    pub reason: String,
    #[serde(skip)]
    pub document: Vec<u8>,
}

/// A body that is to be sent, with what is known of it.
struct Pending {
    body: Body,
    /// What goes over the wire.
    packed: Option<Bytes>,
    /// How often it failed as a whole, and how often of these its connection broke.
    failures: u32,
    breaks: u32,
}

impl Pending {
    fn new(body: Body) -> Self {
        Self { body, packed: None, failures: 0, breaks: 0 }
    }
}

/// What is done after a try.
enum Next {
    /// These are still to be sent, after a pause if something is wrong, and then what.
    Send(Vec<Pending>, Option<Trouble>),
    Done,
}

struct Trouble {
    why: String,
    /// What the server asks for.
    asked: Option<Duration>,
}

/// Since when nothing was taken.
#[derive(Default)]
struct Standstill {
    since: Option<Instant>,
    failures: u32,
}

impl Delivery {
    /// # Errors
    /// `Unavailable` if nothing is taken for too long; `Unauthenticated`, `PermissionDenied`.
    pub async fn deliver(&self, body: Body) -> Result<Delivered> {
        let mut delivered = Delivered::default();
        let mut standstill = Standstill::default();
        let mut queue = vec![Pending::new(body)];
        while let Some(pending) = queue.pop() {
            let before = delivered.count();
            let next = self.attempt(pending, &mut delivered).await?;
            if delivered.count() > before {
                standstill = Standstill::default();
                self.waiting.store(false, Ordering::Relaxed);
            }
            let Next::Send(pending, trouble) = next else { continue };
            queue.extend(pending);
            if let Some(trouble) = trouble {
                self.rest(&mut standstill, trouble).await?;
            }
        }
        Ok(delivered)
    }

    async fn rest(&self, standstill: &mut Standstill, trouble: Trouble) -> Result<()> {
        let since = *standstill.since.get_or_insert_with(Instant::now);
        let pause = pause(standstill.failures, chance(), trouble.asked);
        standstill.failures += 1;
        if since.elapsed() + pause > self.client.patience() {
            return Err(self.given_up(&trouble.why));
        }
        // People are told once, not by each request and each try.
        if since.elapsed() > TELL && !self.waiting.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "{} takes no documents now ({}); trying again for up to {} s",
                self.client.name(),
                trouble.why,
                self.client.patience().as_secs()
            );
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    async fn attempt(&self, mut pending: Pending, delivered: &mut Delivered) -> Result<Next> {
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

    async fn pack(&self, body: &Body) -> Result<Bytes> {
        if !self.gzip {
            return Ok(body.bytes.clone());
        }
        let bytes = body.bytes.clone();
        let packed = tokio::task::spawn_blocking(move || bulk::compressed(&bytes)).await;
        match packed {
            Ok(Ok(packed)) => Ok(packed),
            Ok(Err(error)) => Err(Error::internal(format!("compression: {error}"))),
            Err(_) => Err(Error::cancelled()),
        }
    }

    async fn broken(
        &self,
        mut pending: Pending,
        why: String,
        delivered: &mut Delivered,
    ) -> Result<Next> {
        pending.breaks += 1;
        let (size, single) = (pending.body.bytes.len(), pending.body.items.len() == 1);
        if single && size > HUGE && pending.breaks >= HUGE_BREAKS && self.answers().await {
            let reason =
                format!("the connection breaks each time that its {size} bytes are sent ({why})");
            delivered.refuse(&pending.body, 0, 413, "", reason);
            return Ok(Next::Done);
        }
        Ok(failed(pending, Trouble { why, asked: None }))
    }

    async fn answers(&self) -> bool {
        matches!(self.client.once(&Request::get("/")).await, Attempt::Answered(response) if response.status < 500)
    }

    fn answered(
        &self,
        mut pending: Pending,
        response: &Response,
        delivered: &mut Delivered,
    ) -> Result<Next> {
        pending.breaks = 0;
        let never = || never_fits(&String::from_utf8_lossy(&response.body));
        if response.status == 413 || (response.status == 429 && never()) {
            if pending.body.items.len() == 1 {
                let reason = format!(
                    "its {} bytes are more than the server, or a gateway before it, takes at once ({})",
                    pending.body.bytes.len(),
                    response.told()
                );
                delivered.refuse(&pending.body, 0, response.status, "", reason);
                return Ok(Next::Done);
            }
            let halves = pending.body.halves().map(Pending::new);
            return Ok(Next::Send(halves.into(), None));
        }
        if response.is_success() {
            return self.outcomes(pending, response, delivered);
        }
        // A cluster that takes nothing for now, whatever its status says.
        let blocked = response.error_type().as_deref() == Some("cluster_block_exception");
        match if blocked { Verdict::Again } else { of_request(response.status) } {
            Verdict::Again => {
                let trouble = Trouble { why: response.told(), asked: response.retry_after };
                Ok(failed(pending, trouble))
            }
            Verdict::Denied => Err(self.client.denied(response)),
            Verdict::Answered => Err(Error::new(
                Code::Incompatible,
                "BULK_REFUSED",
                format!("{} takes no bulk requests ({})", self.client.name(), response.told()),
            )),
        }
    }

    /// An answer for each document.
    fn outcomes(
        &self,
        pending: Pending,
        response: &Response,
        delivered: &mut Delivered,
    ) -> Result<Next> {
        let body = &pending.body;
        let Some(outcomes) = bulk::outcomes(&response.body, body.items.len()) else {
            let why = "an answer that is none for what was sent".to_owned();
            return Ok(Next::Send(vec![pending], Some(Trouble { why, asked: None })));
        };
        let (mut again, mut large) = (Vec::new(), false);
        let mut why = String::new();
        for (place, outcome) in outcomes.iter().enumerate() {
            match of_item(outcome.status, outcome.kind()) {
                Fate::Written => delivered.written += 1,
                Fate::There => delivered.there += 1,
                Fate::Refused => {
                    let (status, reason) = (outcome.status, outcome.reason());
                    delivered.refuse(body, place, status, outcome.kind(), reason);
                }
                Fate::Again if outcomes.len() == 1 && never_fits(&outcome.reason()) => {
                    let (status, reason) = (outcome.status, outcome.reason());
                    delivered.refuse(body, place, status, outcome.kind(), reason);
                }
                Fate::Again => {
                    if again.is_empty() {
                        why = told(outcome);
                    }
                    large |= never_fits(&outcome.reason());
                    again.push(place);
                }
                Fate::Stopped => return Err(self.stopped(outcome)),
            }
        }
        if again.is_empty() {
            return Ok(Next::Done);
        }
        let rest = body.only(&again);
        let rest = if large && again.len() > 1 { rest.halves().into() } else { vec![rest] };
        let rest = rest.into_iter().map(Pending::new).collect();
        Ok(Next::Send(rest, Some(Trouble { why, asked: response.retry_after })))
    }

    /// No document would be taken.
    fn stopped(&self, outcome: &Outcome<'_>) -> Error {
        if matches!(outcome.status, 401 | 403) {
            return self.client.refused(outcome.status, &told(outcome));
        }
        let remedy = match outcome.kind() {
            "index_not_found_exception" => {
                "make the index first, or let the cluster make it (action.auto_create_index, and the privilege \
                 auto_configure)"
            }
            "index_closed_exception" => "open the index, or write to another",
            _ => "mend what it says, or write to another index",
        };
        let message =
            format!("{} takes no document ({}); {remedy}", self.client.name(), told(outcome));
        Error::new(Code::Unavailable, "INDEX_UNUSABLE", message)
    }

    fn given_up(&self, why: &str) -> Error {
        let remedy = if why.contains("cluster_block_exception") {
            "free space on its disks or remove the index's block, then run the job again"
        } else {
            "run the job again when it does"
        };
        let message = format!(
            "{} does not take documents ({why}), tried for {} s; {remedy}: what is written stays, and only what is \
             missing is added",
            self.client.name(),
            self.client.patience().as_secs()
        );
        Error::new(Code::Unavailable, "CLUSTER_UNAVAILABLE", message)
    }
}

/// A request that failed as a whole, or its halves.
fn failed(mut pending: Pending, trouble: Trouble) -> Next {
    pending.failures += 1;
    let body = &pending.body;
    let halved = body.items.len() > 1 && body.bytes.len() > LARGE && pending.failures >= FAILURES;
    let pending =
        if halved { pending.body.halves().map(Pending::new).into() } else { vec![pending] };
    Next::Send(pending, Some(trouble))
}

fn told(outcome: &Outcome<'_>) -> String {
    format!("{} {}: {}", outcome.status, outcome.kind(), short(&outcome.reason()))
}

impl Delivered {
    fn count(&self) -> u64 {
        self.written + self.there + self.refused.len() as u64
    }

    fn refuse(&mut self, body: &Body, place: usize, status: u16, kind: &str, reason: String) {
        let Some(item): Option<&Item> = body.items.get(place) else { return };
        self.refused.push(Refused {
            row: item.row,
            status,
            kind: kind.to_owned(),
            reason,
            document: body.document(item).to_vec(),
        });
    }
}
