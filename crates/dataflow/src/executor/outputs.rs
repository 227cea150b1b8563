//! The sinks, on a separate thread.

use anomal_core::{Batch, Error, Result};
use polars::prelude::DataFrame;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::sink::{PreparedEpoch, Sink, WriteOutcome};

/// Batches that wait to be written.
const QUEUE: usize = 2;

enum Message {
    Write(Box<Batch>),
    /// All rows of an epoch are written, and more follow.
    Commit(u64),
    ReadBack {
        indices: Vec<u64>,
        columns: Vec<String>,
        answer: oneshot::Sender<Result<DataFrame>>,
    },
    /// All rows are written.
    Finish(Box<dyn Sink>),
}

type Outcomes = (Vec<WriteOutcome>, WriteOutcome);

pub(super) struct Outputs {
    rows_before_results: bool,
    messages: mpsc::Sender<Message>,
    task: JoinHandle<Result<Outcomes>>,
}

impl Outputs {
    pub fn start(mut sinks: Vec<Box<dyn Sink>>) -> Self {
        let all_take = sinks.iter().all(|sink| sink.capabilities().rows_before_results);
        let rows_before_results = all_take && !sinks.is_empty();
        let (messages, mut receiver) = mpsc::channel(QUEUE);
        let task = tokio::task::spawn_blocking(move || {
            while let Some(message) = receiver.blocking_recv() {
                match message {
                    Message::Write(batch) => {
                        sinks.iter_mut().try_for_each(|sink| sink.write(&batch))?;
                    }
                    Message::Commit(epoch) => commit(&mut sinks, epoch).map(drop)?,
                    Message::ReadBack { indices, columns, answer } => {
                        let rows = sinks.first_mut().map(|sink| sink.read_back(&indices, &columns));
                        // The caller may be gone.
                        let _ = answer.send(rows.unwrap_or_else(|| Err(Error::cancelled())));
                    }
                    Message::Finish(dead_letters) => return finish(sinks, dead_letters),
                }
            }
            // The run broke off: the sinks remove their temporary files.
            Err(Error::cancelled())
        });
        Self { rows_before_results, messages, task }
    }

    /// Whether all sinks take rows before their results.
    pub fn takes_rows_before_results(&self) -> bool {
        self.rows_before_results
    }

    /// # Errors
    /// `Output`, possibly of an earlier batch.
    pub async fn write(&mut self, batch: Batch) -> Result<()> {
        self.send(Message::Write(Box::new(batch))).await
    }

    /// Makes the rows of an epoch visible.
    ///
    /// # Errors
    /// As [`Outputs::write`].
    pub async fn commit(&mut self, epoch: u64) -> Result<()> {
        self.send(Message::Commit(epoch)).await
    }

    /// Columns of rows that were written before their results.
    ///
    /// # Errors
    /// As [`Outputs::write`].
    pub async fn read_back(
        &mut self,
        indices: Vec<u64>,
        columns: Vec<String>,
    ) -> Result<DataFrame> {
        let (answer, answered) = oneshot::channel();
        self.send(Message::ReadBack { indices, columns, answer }).await?;
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
    pub async fn finish(mut self, dead_letters: Box<dyn Sink>) -> Result<Outcomes> {
        // If this can't be sent, the outcome says why.
        let _ = self.messages.send(Message::Finish(dead_letters)).await;
        self.outcome().await
    }

    async fn outcome(&mut self) -> Result<Outcomes> {
        let outcome = (&mut self.task).await;
        outcome.map_err(|error| Error::internal(format!("writing failed: {error}")))?
    }
}

/// The dead letters become visible first: results without them would be taken for complete.
fn finish(sinks: Vec<Box<dyn Sink>>, dead_letters: Box<dyn Sink>) -> Result<Outcomes> {
    let mut all = vec![dead_letters];
    all.extend(sinks);
    let mut outcomes = commit(&mut all, 0)?.into_iter();
    let dead_letters = outcomes.next().ok_or_else(|| Error::internal("no dead letters"))?;
    Ok((outcomes.collect(), dead_letters))
}

/// Everything that can fail is done for each sink before the first is made visible, in their order.
fn commit(sinks: &mut [Box<dyn Sink>], epoch: u64) -> Result<Vec<WriteOutcome>> {
    let mut prepared: Vec<PreparedEpoch> = Vec::with_capacity(sinks.len());
    for index in 0..sinks.len() {
        match sinks[index].prepare(epoch) {
            Ok(ready) => prepared.push(ready),
            Err(error) => {
                for (sink, ready) in sinks.iter_mut().zip(prepared) {
                    if let Err(error) = sink.abort(ready) {
                        tracing::warn!("an output can't be given up: {error}");
                    }
                }
                return Err(error);
            }
        }
    }
    sinks.iter_mut().zip(prepared).map(|(sink, ready)| sink.commit(ready)).collect()
}
