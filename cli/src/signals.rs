//! Signals that ask a run to stop.

/// Completes on Ctrl-C, and on SIGTERM, which Kubernetes and service managers send. The first process of a container
/// ignores signals without a handler, so it can't be stopped early otherwise.
pub async fn stop() {
    let interrupt = async {
        // Without signals, only the end of the process stops the run.
        let _ = tokio::signal::ctrl_c().await;
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    interrupt.await;
}
