//! The source on a separate thread, a bounded number of batches ahead.

use anomal_core::{Element, Error, Result};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{sink::Sink, source::Source};

/// Batches that wait for an operator.
const PREFETCH: usize = 2;

pub(super) struct Input {
    elements: mpsc::Receiver<Element>,
    task: JoinHandle<Result<Box<dyn Sink>>>,
}

impl Input {
    /// Rejected records go to `dead_letters`.
    pub fn start(mut source: Box<dyn Source>, mut dead_letters: Box<dyn Sink>) -> Self {
        let (sender, elements) = mpsc::channel(PREFETCH);
        let task = tokio::task::spawn_blocking(move || {
            let send = |element| sender.blocking_send(element).map_err(|_| Error::cancelled());
            for split in source.splits() {
                let mut reader = source.open(&split, None)?;
                loop {
                    let element = reader.next()?;
                    match &element {
                        Element::End => break,
                        Element::Batch(batch) if !batch.rejected.is_empty() => {
                            dead_letters.write(batch)?;
                        }
                        _ => {}
                    }
                    send(element)?;
                }
            }
            send(Element::End)?;
            Ok(dead_letters)
        });
        Self { elements, task }
    }

    /// The next element in input order; nothing if reading has failed ([`Input::finish`] returns the error).
    pub async fn next(&mut self) -> Option<Element> {
        self.elements.recv().await
    }

    /// The dead letters, once there are no more elements.
    ///
    /// # Errors
    /// What stopped the reading.
    pub async fn finish(self) -> Result<Box<dyn Sink>> {
        drop(self.elements);
        self.task.await.map_err(|error| Error::internal(format!("reading failed: {error}")))?
    }
}
