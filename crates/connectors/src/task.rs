//! Work that runs on the pool's threads while the caller does something else.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, sync_channel},
};

use anomal_core::{Error, Result};

/// A task that was submitted to the pool and has not been waited for.
pub(crate) struct PendingTask<T>(Receiver<Result<T>>);

impl<T: Send + 'static> PendingTask<T> {
    /// Submits `work` to the pool.
    pub fn spawn(work: impl FnOnce() -> Result<T> + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(1);
        rayon::spawn(move || {
            // A panic here would end the process. Dropping the sender reports it as well.
            if let Ok(result) = catch_unwind(AssertUnwindSafe(work)) {
                // The receiver may have been dropped.
                let _ = sender.send(result);
            }
        });
        Self(receiver)
    }

    /// Blocks until the task is done. Must not be called on a thread of the pool, which would wait for itself.
    ///
    /// # Errors
    /// Those of the task; `Internal` if it panicked.
    pub fn wait(self) -> Result<T> {
        self.0.recv().unwrap_or_else(|_| Err(Error::internal("a task panicked")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_panics_belong_to_their_task() {
        let failed = PendingTask::<u8>::spawn(|| Err(Error::internal("its own")));
        let panicked = PendingTask::spawn(|| if true { panic!("on purpose") } else { Ok(2) });
        let done = PendingTask::spawn(|| Ok(3));
        assert_eq!(failed.wait().unwrap_err().message, "its own");
        assert_eq!(panicked.wait().unwrap_err().message, "a task panicked");
        assert_eq!(done.wait().unwrap(), 3);
    }
}
