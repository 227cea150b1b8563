//! Asynchronous work for threads that block, which may belong to another runtime.

use std::{future::Future, io, sync::LazyLock};

use futures::executor::block_on;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::watch,
};

use crate::error::{Error, Kind, Result};

/// It waits for the network most of its time.
const THREADS: usize = 2;

/// Lives as long as the process: an upload may have to be taken back after whoever began it has gone.
static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(THREADS).thread_name("objects").enable_all().build()
});

static BROKEN_OFF: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// Ends all transfers of this process, now and later: reading fails, and uploads that are not complete are
/// taken back. For a program that was asked to stop.
pub fn break_off() {
    BROKEN_OFF.send_replace(true);
}

/// Comes when nobody waits any more.
pub async fn broken_off() {
    let mut asked = BROKEN_OFF.subscribe();
    if asked.wait_for(|asked| *asked).await.is_err() {
        // Who could ask is gone with the process.
        std::future::pending::<()>().await;
    }
}

pub(crate) fn runtime() -> Result<&'static Runtime> {
    RUNTIME.as_ref().map_err(|error| {
        Error::new(Kind::Other, format!("no threads can be had for the network: {error}"))
    })
}

/// The threads of all that waits for the network, also of drivers that speak to other servers than stores.
///
/// # Errors
/// `Other` if no threads can be had.
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
            () = broken_off() => Err(Error::cancelled()),
        }
    });
    block_on(task).unwrap_or_else(|_| Err(defect()))
}

pub(crate) fn defect() -> Error {
    Error::new(Kind::Other, "a transfer ended without an outcome, which is a defect of Anomal")
}
