//! Long computations in asynchronous code: off the executor's threads, and stopped when no caller waits.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{Error, Result};

/// Whether the work is still wanted. Long loops check it for each block, so that a client that disconnects or a
/// deadline that passes frees the processor within a second.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// # Errors
    /// `Cancelled` once no caller waits for the result.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Runs `work` on a thread for blocking work. Dropping the future cancels it.
///
/// # Errors
/// What `work` returns; `Internal` if it panicked.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&Cancel) -> Result<T> + Send + 'static,
) -> Result<T> {
    let cancel = Cancel::default();
    let guard = CancelOnDrop(cancel.clone());
    let result = tokio::task::spawn_blocking(move || work(&cancel)).await;
    drop(guard);
    result.unwrap_or_else(|error| Err(Error::internal(format!("a computation failed: {error}"))))
}
