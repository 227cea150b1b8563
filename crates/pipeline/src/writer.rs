//! The outputs, on a thread of their own.

use anomal_connectors::{ResultBatch, Sink, Written};
use anomal_core::{Error, Result};
use tokio::{sync::mpsc, task::JoinHandle};

/// Batches that wait to be written.
const AHEAD: usize = 4;

#[expect(clippy::large_enum_variant, reason = "two of them wait at most")]
enum Message {
    Write(ResultBatch),
    /// All is written: make it visible.
    Finish,
}

pub(crate) struct Writer {
    messages: mpsc::Sender<Message>,
    task: JoinHandle<Result<Vec<Written>>>,
}

impl Writer {
    pub fn start(mut sinks: Vec<Box<dyn Sink>>) -> Self {
        let (messages, mut receiver) = mpsc::channel(AHEAD);
        let task = tokio::task::spawn_blocking(move || {
            while let Some(message) = receiver.blocking_recv() {
                match message {
                    Message::Write(batch) => {
                        sinks.iter_mut().try_for_each(|sink| sink.write(&batch))?;
                    }
                    Message::Finish => return sinks.into_iter().map(Sink::finish).collect(),
                }
            }
            // The run broke off: the sinks take their temporary files with them.
            Err(Error::cancelled())
        });
        Self { messages, task }
    }

    /// # Errors
    /// `Output`, possibly of an earlier batch.
    pub async fn write(&mut self, batch: ResultBatch) -> Result<()> {
        match self.messages.send(Message::Write(batch)).await {
            Ok(()) => Ok(()),
            Err(_) => self.outcome().await.map(drop),
        }
    }

    /// Makes what was written visible.
    ///
    /// # Errors
    /// `Output`.
    pub async fn finish(mut self) -> Result<Vec<Written>> {
        // If this can't be sent, the outcome says why.
        let _ = self.messages.send(Message::Finish).await;
        self.outcome().await
    }

    async fn outcome(&mut self) -> Result<Vec<Written>> {
        let outcome = (&mut self.task).await;
        outcome.map_err(|error| Error::internal(format!("writing failed: {error}")))?
    }
}
