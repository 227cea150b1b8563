//! The outputs, on a thread of their own.

use anomal_connectors::{DeadLetter, Known, ResultBatch, Sink, WriteOutcome};
use anomal_core::{Error, Result};
use polars::prelude::DataFrame;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// Batches that wait to be written.
const AHEAD: usize = 2;

enum Message {
    Known(Known),
    Write(ResultBatch),
    Recall {
        places: Vec<u64>,
        columns: Vec<String>,
        answer: oneshot::Sender<Result<DataFrame>>,
    },
    /// All is written: make it visible, the dead-letter file too.
    Finish(Box<DeadLetter>),
}

/// What is there in the end: an item for each sink, and the dead-letter file if anything was rejected.
#[derive(Default)]
pub(crate) struct Finished {
    pub outputs: Vec<WriteOutcome>,
    pub dead_letter: Option<WriteOutcome>,
}

pub(crate) struct Writer {
    early: bool,
    messages: mpsc::Sender<Message>,
    task: JoinHandle<Result<Finished>>,
}

impl Writer {
    pub fn start(mut sinks: Vec<Box<dyn Sink>>) -> Self {
        let early = !sinks.is_empty() && sinks.iter_mut().all(|sink| sink.early().is_some());
        let (messages, mut receiver) = mpsc::channel(AHEAD);
        let task = tokio::task::spawn_blocking(move || {
            while let Some(message) = receiver.blocking_recv() {
                let mut early = sinks.iter_mut().filter_map(|sink| sink.early());
                match message {
                    Message::Known(rows) => early.try_for_each(|sink| sink.known(rows.clone()))?,
                    Message::Recall { places, columns, answer } => {
                        let rows = early.next().map(|sink| sink.recall(&places, &columns));
                        // Whoever asked may have gone.
                        let _ = answer.send(rows.unwrap_or_else(|| Err(Error::cancelled())));
                    }
                    Message::Write(batch) => {
                        sinks.iter_mut().try_for_each(|sink| sink.write(&batch))?;
                    }
                    Message::Finish(dead_letter) => return finish(sinks, *dead_letter),
                }
            }
            // The run broke off: the sinks take their temporary files with them.
            Err(Error::cancelled())
        });
        Self { early, messages, task }
    }

    /// Whether all outputs take rows before their results.
    pub fn is_early(&self) -> bool {
        self.early
    }

    /// Rows whose results follow later.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub async fn known(&mut self, rows: Known) -> Result<()> {
        self.send(Message::Known(rows)).await
    }

    /// # Errors
    /// `Output`, possibly of an earlier batch.
    pub async fn write(&mut self, batch: ResultBatch) -> Result<()> {
        self.send(Message::Write(batch)).await
    }

    /// Columns of rows that were known early, by their place among all that were written.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub async fn recall(&mut self, places: Vec<u64>, columns: Vec<String>) -> Result<DataFrame> {
        let (answer, answered) = oneshot::channel();
        self.send(Message::Recall { places, columns, answer }).await?;
        match answered.await {
            Ok(rows) => rows,
            Err(_) => self.outcome().await.map(|_| DataFrame::default()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<()> {
        match self.messages.send(message).await {
            Ok(()) => Ok(()),
            Err(_) => self.outcome().await.map(drop),
        }
    }

    /// Makes what was written visible.
    ///
    /// # Errors
    /// `Output`.
    pub async fn finish(mut self, dead_letter: DeadLetter) -> Result<Finished> {
        // If this can't be sent, the outcome says why.
        let _ = self.messages.send(Message::Finish(Box::new(dead_letter))).await;
        self.outcome().await
    }

    async fn outcome(&mut self) -> Result<Finished> {
        let outcome = (&mut self.task).await;
        outcome.map_err(|error| Error::internal(format!("writing failed: {error}")))?
    }
}

/// All that can fail is done for each before the first is made visible, in their order.
fn finish(mut sinks: Vec<Box<dyn Sink>>, mut dead_letter: DeadLetter) -> Result<Finished> {
    sinks.iter_mut().try_for_each(|sink| sink.prepare())?;
    dead_letter.prepare()?;
    // What is rejected is told first: results beside which it is missing would be taken for all there is.
    let dead_letter = dead_letter.finish()?;
    let outputs = sinks.into_iter().map(Sink::finish).collect::<Result<_>>()?;
    Ok(Finished { outputs, dead_letter })
}
