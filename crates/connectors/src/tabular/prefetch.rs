//! Reads records on a separate thread, so that a batch is available as soon as its records have arrived, however
//! slowly the next ones come.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    thread::{self, JoinHandle},
};

use anomal_core::{Error, Result};

use crate::task::PendingTask;

/// Batches in input order, prepared before they are asked for.
pub(super) struct Prefetcher<T> {
    tasks: Receiver<PendingTask<T>>,
    /// The reading thread, until it has been joined.
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Prefetcher<T> {
    /// Starts the thread. `next` reads the records of the next batch and submits their parsing; `None` ends the input.
    ///
    /// # Errors
    /// `Internal` if no thread can be started.
    pub fn start(
        mut next: impl FnMut() -> Option<PendingTask<T>> + Send + 'static,
    ) -> Result<Self> {
        // As many tasks in flight as there are threads, counting the one that waits to be sent.
        let (sender, tasks) = sync_channel(rayon::current_num_threads().saturating_sub(1).max(1));
        let read = move || {
            while let Some(task) = next() {
                if sender.send(task).is_err() {
                    // The prefetcher was dropped.
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("records".into()).spawn(read);
        let thread =
            thread.map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
        Ok(Self { tasks, thread: Some(thread) })
    }

    /// The next batch in order; `None` at the end.
    ///
    /// # Errors
    /// Those of the batch; `Internal` if the reading thread panicked.
    pub fn next(&mut self) -> Result<Option<T>> {
        if let Ok(task) = self.tasks.recv() {
            return task.wait().map(Some);
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(Error::internal("the reading thread panicked")),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use anomal_core::Batch;
    use polars::prelude::DataFrame;

    use super::*;

    fn task(row: u64) -> PendingTask<Batch> {
        PendingTask::spawn(move || {
            Batch::new(vec![row], DataFrame::default(), DataFrame::default())
        })
    }

    #[test]
    fn a_batch_does_not_wait_for_the_next_one() {
        let (sender, receiver) = channel();
        let mut prefetcher = Prefetcher::start(move || receiver.recv().ok().map(task)).unwrap();
        for row in 0..20 {
            sender.send(row).unwrap();
            assert_eq!(prefetcher.next().unwrap().unwrap().offsets(), [row]);
        }
        drop(sender);
        assert!(prefetcher.next().unwrap().is_none());
    }

    #[test]
    fn a_panic_while_reading_is_an_error_and_not_the_end() {
        let mut prefetcher = Prefetcher::<Batch>::start(|| panic!("on purpose")).unwrap();
        assert_eq!(prefetcher.next().unwrap_err().message, "the reading thread panicked");
    }
}
