//! Runs asynchronous work for threads that block, which may belong to another runtime.

use std::{future::Future, io, sync::LazyLock, time::Duration};

use futures::executor::block_on;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::watch,
};

use crate::error::{Error, Kind, Result};

/// Few, since the work mostly waits for the network.
const THREADS: usize = 2;
/// A connection without data for this long is considered broken.
pub(crate) const SILENCE: Duration = Duration::from_mins(1);

/// Lives as long as the process: an upload may have to be aborted after its owner was dropped.
static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(THREADS).thread_name("objects").enable_all().build()
});

static CANCELLED: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// Cancels all transfers of this process, present and future: reading fails, and incomplete uploads are aborted. For a
/// program that was asked to stop.
pub fn cancel_transfers() {
    CANCELLED.send_replace(true);
}

/// Completes when [`cancel_transfers`] is called.
pub async fn cancelled() {
    let mut asked = CANCELLED.subscribe();
    if asked.wait_for(|asked| *asked).await.is_err() {
        // The sender lives as long as the process.
        std::future::pending::<()>().await;
    }
}

pub(crate) fn runtime() -> Result<&'static Runtime> {
    RUNTIME.as_ref().map_err(|error| {
        Error::new(Kind::Other, format!("cannot start threads for the network: {error}"))
    })
}

/// The runtime for all network work, including drivers for other servers than stores.
///
/// # Errors
/// `Other` if no threads can be started.
pub fn handle() -> Result<&'static Handle> {
    runtime().map(Runtime::handle)
}

/// Blocks until the work is done.
pub(crate) fn wait<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let task = runtime()?.spawn(async {
        tokio::select! {
            done = work => done,
            () = cancelled() => Err(Error::cancelled()),
        }
    });
    block_on(task).unwrap_or_else(|_| Err(defect()))
}

pub(crate) fn defect() -> Error {
    Error::new(Kind::Other, "internal error: a transfer ended without a result")
}
