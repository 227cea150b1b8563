//! Signals that ask a run to stop.

/// Completes when standard input is closed: the process that started this one is gone. What it has until then is not used.
pub async fn input_closed() {
    let (closed, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = closed.send(());
    });
    let _ = wait.await;
}

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
