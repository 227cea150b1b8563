//! Reads a cluster in a separate task, ahead of the stream.

mod session;
mod topics;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anomal_stream::{Chunk, Message, MessageOptions, Messages, Positions};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use self::session::Session;
pub(crate) use self::{
    session::{ANSWER, key},
    topics::topics_now,
};
use crate::{
    connect,
    event::Event,
    message,
    places::{Places, TopicNow},
};

/// The wait before the first attempt to reach a cluster again; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a record takes beside its value, roughly.
const RECORD_BYTES: usize = 128;

/// Why a session with a cluster ends.
pub(crate) enum End {
    /// The stream ends.
    Closed,
    /// The cluster can't be read; it is tried again.
    Failed(String),
    /// Reading ends, with the reason.
    Lost(String),
}

/// The topics of a cluster as they are now.
///
/// # Errors
/// Why they can't be listed, for people.
pub(crate) async fn describe(
    options: &MessageOptions,
) -> Result<BTreeMap<String, TopicNow>, String> {
    let kafka = connect::connect(options).await.map_err(|error| message::describe(&error))?;
    let admin = kafka.admin().default_api_timeout(ANSWER).metrics_push(false);
    topics_now(&admin, options).await
}

/// Room for so many bytes; each permit is a kibibyte.
pub(crate) struct Room {
    free: Arc<Semaphore>,
    all: u32,
}

impl Room {
    pub fn new(bytes: u32) -> Self {
        let all = bytes >> 10;
        Self { free: Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(0))), all }
    }

    /// Waits for room, of which something larger takes all.
    pub async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let permits =
            u32::try_from(bytes >> 10).map_or(self.all, |kibibytes| kibibytes.min(self.all));
        Arc::clone(&self.free).acquire_many_owned(permits).await.ok()
    }
}

pub(crate) struct Reader {
    pub options: MessageOptions,
    /// Behind the records that were sent.
    pub places: Places,
    pub events: mpsc::Sender<Event>,
    /// For records that wait.
    pub room: Room,
    /// The positions of the last checkpoint.
    pub saved: watch::Receiver<Positions>,
    pub closed: watch::Receiver<bool>,
    /// The ends of the partitions, once they are known.
    pub ends: watch::Sender<Option<Positions>>,
}

impl Reader {
    /// Reads until the stream ends.
    pub async fn run(mut self) {
        let mut wait = FIRST_WAIT;
        loop {
            match self.session(&mut wait).await {
                End::Closed => return,
                End::Failed(message) => {
                    if self.events.send(Event::Failed(message)).await.is_err() {
                        return;
                    }
                }
                End::Lost(message) => {
                    // The stream ends with it, or has ended.
                    let _ = self.events.send(Event::Ended(message)).await;
                    return;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = self.closed.wait_for(|closed| *closed) => return,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn session(&mut self, wait: &mut Duration) -> End {
        let mut closed = self.closed.clone();
        let connected = tokio::select! {
            connected = connect::connect(&self.options) => connected,
            _ = closed.wait_for(|closed| *closed) => return End::Closed,
        };
        let kafka = match connected {
            Ok(kafka) => kafka,
            Err(error) => {
                return End::Failed(message::describe(&error));
            }
        };
        let session = match Session::new(self, &kafka).await {
            Ok(session) => session,
            Err(error) => return End::Failed(message::describe(&error)),
        };
        session.run(wait, FIRST_WAIT).await
    }

    /// Sends records; waits while those before take the room.
    async fn send_records(&mut self, chunk: Chunk<Messages>) -> Result<(), End> {
        let bytes = chunk.records.messages.iter().map(size).sum();
        let taken = tokio::select! {
            taken = self.room.take(bytes) => taken,
            _ = self.closed.wait_for(|closed| *closed) => return Err(End::Closed),
        };
        self.send(Event::Records(chunk, taken)).await
    }

    /// Sends an event; waits while the stream is behind.
    async fn send(&mut self, event: Event) -> Result<(), End> {
        tokio::select! {
            sent = self.events.send(event) => sent.map_err(|_| End::Closed),
            _ = self.closed.wait_for(|closed| *closed) => Err(End::Closed),
        }
    }
}

fn size(message: &Message) -> usize {
    RECORD_BYTES + value_bytes(message)
}

pub(crate) fn value_bytes(message: &Message) -> usize {
    message.value.as_ref().map_or(0, Bytes::len)
}
