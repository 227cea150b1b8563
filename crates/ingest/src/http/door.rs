//! What requests share: limits, credentials, and the journal.

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName},
};
use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    answer::Refusal,
    body::{self, ROOM},
    guard,
};
use crate::{
    journal::{AppendError, Appended, Appender},
    record::{Batch, NewRecord},
    record_key,
    token::Credentials,
};

/// KiB of bodies in memory, of all requests together.
const BODIES: usize = 256 << 10;

/// What senders may do.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Bytes of a body, as it is sent and as it is decompressed.
    pub max_body: usize,
    pub max_connections: usize,
    /// What requests have to have. None: nothing.
    pub credentials: Option<Credentials>,
    /// How records are known that are sent again.
    pub dedupe: Option<Dedupe>,
}

/// Where the id of a record is.
#[derive(Clone, Debug)]
pub enum Dedupe {
    /// In a member: names with dots between.
    Field(String),
    /// In a header of the request, for all its records.
    Header(HeaderName),
}

impl Dedupe {
    /// By a header, if there can be one of that name.
    pub fn header(name: &str) -> Option<Self> {
        name.parse().ok().map(Self::Header)
    }
}

pub(super) struct Door {
    pub options: HttpOptions,
    journal: Appender,
    bodies: Arc<Semaphore>,
}

/// A request whose body is there.
pub(super) struct Received {
    pub headers: HeaderMap,
    pub body: Bytes,
    _room: OwnedSemaphorePermit,
}

/// The address of a sender.
#[derive(Clone)]
pub(super) struct Sender(pub Arc<str>);

impl Door {
    pub fn new(options: HttpOptions, journal: Appender) -> Self {
        // A body that is larger than all of them waits for all.
        let bodies = BODIES.max(2 * options.max_body.div_ceil(1024));
        Self { options, journal, bodies: Arc::new(Semaphore::new(bodies)) }
    }

    /// # Errors
    /// `Unauthorized`.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        guard::check(self.options.credentials.as_ref(), headers)
    }

    /// The body of a request of a sender that may send.
    ///
    /// # Errors
    /// It may not, or those of [`body::read`].
    pub async fn receive(&self, request: Request) -> Result<Received, Refusal> {
        let (head, body) = request.into_parts();
        self.check(&head.headers)?;
        let max = self.options.max_body;
        let (body, room) = body::read(&head.headers, body, max, &self.bodies).await?;
        Ok(Received { headers: head.headers, body, _room: room })
    }

    /// Room for a body that others read.
    ///
    /// # Errors
    /// `TooMany`.
    pub async fn room(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let kibibytes = u32::try_from(self.options.max_body.div_ceil(1024)).unwrap_or(u32::MAX);
        let room = timeout(ROOM, Arc::clone(&self.bodies).acquire_many_owned(kibibytes)).await;
        room.ok().and_then(Result::ok).ok_or(Refusal::TooMany)
    }

    /// Appends the records of a request; when it returns they are on disk.
    ///
    /// # Errors
    /// `TooLarge`, `Full` and `Later`: none is taken.
    pub async fn append(
        &self,
        Sender(sender): Sender,
        headers: &HeaderMap,
        mut records: Vec<NewRecord>,
    ) -> Result<Appended, Refusal> {
        match &self.options.dedupe {
            None => {}
            Some(Dedupe::Field(field)) => record_key::by_field(&mut records, field),
            Some(Dedupe::Header(name)) => {
                if let Some(value) = headers.get(name) {
                    record_key::by_request(&mut records, value.as_bytes());
                }
            }
        }
        self.journal.append(Batch::now(sender, records)).await.map_err(|error| match error {
            AppendError::TooLarge => Refusal::TooLarge,
            AppendError::Full => Refusal::Full,
            AppendError::Failed(_) => Refusal::Later(error.to_string()),
        })
    }

    pub fn is_full(&self) -> bool {
        self.journal.is_full()
    }
}
