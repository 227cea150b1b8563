//! When a run is asked to stop.

/// Comes with Ctrl-C, and with what Kubernetes and service managers send. A process that is the first of a
/// container has no other way to end early: there, a signal that nobody waits for does nothing.
pub async fn stop() {
    let interrupt = async {
        // Without signals there is only the end of the process.
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
