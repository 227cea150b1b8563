//! What doors share: a listener, TLS, a limit of connections, and an end.

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};

use anomal_listen::{Incoming, Stream, TlsFiles};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, watch},
    task::{JoinHandle, JoinSet},
};

/// How long connections may go on when a door closes.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// An address that connections wait at until the door opens.
#[derive(Debug)]
pub struct BoundListener {
    listener: StdListener,
    address: SocketAddr,
}

impl BoundListener {
    /// Takes an address, as `host:port` (port 0: a free one).
    ///
    /// # Errors
    /// It is in use, or not one of this machine.
    pub fn bind(address: &str) -> io::Result<Self> {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What is at a door.
pub(crate) struct DoorOptions {
    pub listener: BoundListener,
    pub tls: Option<TlsFiles>,
    /// The ALPN protocol over TLS; empty: none.
    pub protocol: &'static [u8],
    pub max_connections: usize,
}

/// A door that takes records until it is closed.
pub struct OpenDoor {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    address: SocketAddr,
}

impl OpenDoor {
    /// Serves each connection by `serve` until it is closed.
    ///
    /// # Errors
    /// The certificates can't be used, with the file.
    pub(crate) async fn open<F, S>(options: DoorOptions, serve: S) -> Result<Self, String>
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(Stream, watch::Receiver<bool>) -> F + Send + 'static,
    {
        let certificates = match options.tls {
            Some(files) => Some(files.watch(options.protocol).await?),
            None => None,
        };
        let address = options.listener.address;
        let listener = TcpListener::from_std(options.listener.listener)
            .map_err(|error| format!("{address}: {error}"))?;
        // The receiver is dropped: the grace period bounds the wait for open connections.
        let (open, _) = mpsc::channel(1);
        let incoming = Incoming::new(listener, certificates, open);
        let accept = |stopped| accept(incoming, options.max_connections, stopped, serve);
        Ok(Self::spawn(address, accept))
    }

    /// A door that is served by a future, until it has to stop.
    pub(crate) fn spawn<F>(
        address: SocketAddr,
        serve: impl FnOnce(watch::Receiver<bool>) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(serve(stopped)), address }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and waits a moment for those that are open.
    pub async fn close(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(2 * GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Drop for OpenDoor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<F, S>(
    mut incoming: Incoming,
    max_connections: usize,
    mut stopped: watch::Receiver<bool>,
    serve: S,
) where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(Stream, watch::Receiver<bool>) -> F + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(max_connections));
    let mut connections = JoinSet::new();
    let mut warned = false;
    let stop = stopped.clone();
    let ended = stopped.wait_for(|stop| *stop);
    tokio::pin!(ended);
    loop {
        let stream = tokio::select! {
            _ = &mut ended => break,
            Some(_) = connections.join_next() => continue,
            stream = incoming.accept() => stream,
        };
        let Some(stream) = stream else { break };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            if !std::mem::replace(&mut warned, true) {
                tracing::warn!(
                    "there are {max_connections} connections, as many as `maxConnections` allows: more are closed at once"
                );
            }
            continue;
        };
        let serving = serve(stream, stop.clone());
        connections.spawn(async move {
            serving.await;
            drop(slot);
        });
    }
    drop(incoming);
    let rest = async { while connections.join_next().await.is_some() {} };
    // Those that are left are aborted.
    let _ = tokio::time::timeout(GRACE, rest).await;
}
