//! The input on a thread of its own, a bounded number of batches ahead.

use anomal_connectors::{Batch, DeadLetter, Source};
use anomal_core::{Error, Result};
use tokio::{sync::mpsc, task::JoinHandle};

/// Batches that wait for an engine.
const AHEAD: usize = 2;

/// A batch and how far the input has been read.
pub(crate) struct Read {
    pub batch: Batch,
    pub done: u64,
    pub total: Option<u64>,
}

pub(crate) struct Reader {
    batches: mpsc::Receiver<Read>,
    task: JoinHandle<Result<DeadLetter>>,
}

impl Reader {
    /// Rejected records go to `dead_letter`.
    pub fn start(mut source: Box<dyn Source>, mut dead_letter: DeadLetter) -> Self {
        let (sender, batches) = mpsc::channel(AHEAD);
        let task = tokio::task::spawn_blocking(move || {
            while let Some(batch) = source.next_batch()? {
                for rejected in &batch.rejected {
                    dead_letter.write(rejected)?;
                }
                let (done, total) = source.progress();
                if sender.blocking_send(Read { batch, done, total }).is_err() {
                    return Err(Error::cancelled());
                }
            }
            Ok(dead_letter)
        });
        Self { batches, task }
    }

    /// The next batch, in input order.
    pub async fn next(&mut self) -> Option<Read> {
        self.batches.recv().await
    }

    /// The dead-letter file, once there are no more batches; it is to be finished with the outputs.
    ///
    /// # Errors
    /// What stopped the reading.
    pub async fn finish(self) -> Result<DeadLetter> {
        drop(self.batches);
        self.task.await.map_err(|error| Error::internal(format!("reading failed: {error}")))?
    }
}
