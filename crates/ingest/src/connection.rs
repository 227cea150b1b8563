//! A connection whose records are taken without an answer.
//!
//! A sender whose records do not fit is slowed down, since nothing is read from it.

use std::{sync::Arc, time::Duration};

use anomal_listen::Stream;
use serde::Deserialize;
use tokio::{
    io::AsyncReadExt,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

use crate::{
    journal::{AppendError, Appender},
    record::{Batch, NewRecord},
    splitter::Splitter,
    token::Credentials,
};

const READ: usize = 64 << 10;
/// How long a full journal is left alone.
const RETRY: Duration = Duration::from_millis(200);
/// Of all connections together, what waits for the rest of its record, in units of [`READ`].
const WAITING: usize = 4096;

/// What the connections of a door share.
pub(crate) struct Connections {
    journal: Appender,
    /// How long a connection may be silent.
    idle: Duration,
    /// What the first line of a connection has to have: `{"token": "..."}`.
    credentials: Option<Credentials>,
    /// Room for what waits for the rest of its record.
    waiting: Arc<Semaphore>,
}

impl Connections {
    pub fn new(journal: Appender, idle: Duration, credentials: Option<Credentials>) -> Self {
        Self { journal, idle, credentials, waiting: Arc::new(Semaphore::new(WAITING)) }
    }

    /// Serves a connection until it ends, is silent for too long, or the door closes.
    pub async fn serve(
        self: Arc<Self>,
        stream: Stream,
        splitter: impl Splitter,
        stopped: watch::Receiver<bool>,
    ) {
        let sender = sender(&stream);
        let connection = Connection { stream, sender, splitter, shared: self, held: None };
        connection.serve(stopped).await;
    }
}

/// The address of the other side.
pub(crate) fn sender(stream: &Stream) -> Arc<str> {
    stream.remote().map_or_else(|| Arc::from(""), |address| Arc::from(address.to_string()))
}

/// The first line of a connection.
#[derive(Deserialize)]
struct Hello {
    token: String,
}

struct Connection<S> {
    stream: Stream,
    sender: Arc<str>,
    splitter: S,
    shared: Arc<Connections>,
    held: Option<OwnedSemaphorePermit>,
}

impl<S: Splitter> Connection<S> {
    async fn serve(mut self, stopped: watch::Receiver<bool>) {
        let mut is_known = self.shared.credentials.is_none();
        let mut buffer = vec![0; READ];
        let reason = loop {
            let read = timeout(self.shared.idle, self.stream.read(&mut buffer));
            let read = tokio::select! {
                read = read => read,
                () = ended(&stopped) => break None,
            };
            let length = match read {
                // A connection that breaks has ended.
                Ok(Ok(0) | Err(_)) => break None,
                Ok(Ok(length)) => length,
                Err(_) => break Some("it was silent for too long"),
            };
            self.splitter.push(&buffer[..length]);
            let mut records = Vec::new();
            while let Some(record) = self.splitter.next().map(S::record) {
                if is_known {
                    records.push(record);
                } else if self.knows(&record) {
                    is_known = true;
                } else {
                    tracing::warn!(
                        "{}: the connection does not begin with a valid {{\"token\": \"...\"}}, and is closed",
                        self.sender
                    );
                    return;
                }
            }
            if !self.append(records, &stopped).await || !self.hold(self.splitter.waiting()).await {
                break Some("there was no room for its records");
            }
        };
        if let Some(reason) = reason {
            tracing::info!("{}: the connection is closed: {reason}", self.sender);
        }
        let rest = self.splitter.finish().map(S::record).filter(|_| is_known);
        self.append(rest.into_iter().collect(), &stopped).await;
    }

    fn knows(&self, record: &NewRecord) -> bool {
        let hello = serde_json::from_slice::<Hello>(&record.text);
        let known = self.shared.credentials.as_ref();
        hello.is_ok_and(|hello| known.is_some_and(|known| known.is_token(&hello.token)))
    }

    /// Appends records, however long that takes. False: the door closes before they fit.
    async fn append(&self, records: Vec<NewRecord>, stopped: &watch::Receiver<bool>) -> bool {
        let batch = Batch::now(Arc::clone(&self.sender), records);
        match self.append_batch(batch.clone(), stopped).await {
            Ok(()) => true,
            Err(AppendError::TooLarge) => {
                for record in batch.records {
                    let refused =
                        NewRecord::refused(&record.text, AppendError::TooLarge.to_string());
                    let one = |record| Batch::now(Arc::clone(&batch.sender), vec![record]);
                    let appended = match self.append_batch(one(record), stopped).await {
                        Err(AppendError::TooLarge) => {
                            self.append_batch(one(refused), stopped).await
                        }
                        appended => appended,
                    };
                    if appended.is_err() {
                        return false;
                    }
                }
                true
            }
            Err(_) => false,
        }
    }

    /// Appends a batch once it fits.
    ///
    /// # Errors
    /// `TooLarge`; the others if the door closes before.
    async fn append_batch(
        &self,
        batch: Batch,
        stopped: &watch::Receiver<bool>,
    ) -> Result<(), AppendError> {
        loop {
            let error = match self.shared.journal.append(batch.clone()).await {
                Err(error) if error != AppendError::TooLarge => error,
                appended => return appended.map(drop),
            };
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = ended(stopped) => return Err(error),
            }
        }
    }

    /// Takes room for what waits. False: there is none for so long as a connection may be silent.
    async fn hold(&mut self, bytes: usize) -> bool {
        let units = u32::try_from(bytes / READ).unwrap_or(u32::MAX);
        let held =
            self.held.as_ref().map_or(0, |held| u32::try_from(held.num_permits()).unwrap_or(0));
        if units <= held {
            let rest = self.held.as_mut().and_then(|it| it.split((held - units) as usize));
            drop(rest);
            return true;
        }
        let more = Arc::clone(&self.shared.waiting).acquire_many_owned(units - held);
        let Ok(Ok(more)) = timeout(self.shared.idle, more).await else { return false };
        match &mut self.held {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
        true
    }
}

/// Waits for the door to close.
async fn ended(stopped: &watch::Receiver<bool>) {
    // It is closed where nobody can close it any more.
    let _ = stopped.clone().wait_for(|stop| *stop).await;
}
