//! The connections of a listener, with or without TLS. Each handshake is a task with a timeout, so that slow clients do
//! not block others. If there are too many handshakes, the oldest is aborted.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::mpsc::{self, Receiver, Sender},
    task::{AbortHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::{certificates::Certificates, connection::Connection, stream::Stream};

/// A handshake needs a few round trips.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HANDSHAKES: usize = 512;
/// The delay after an error of the listener, such as a lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Connections after their handshake.
#[derive(Debug)]
pub struct Incoming {
    ready: Receiver<Stream>,
    address: Option<SocketAddr>,
}

impl Incoming {
    /// Accepts connections until it is dropped. `open` is dropped when the last connection is completely closed.
    pub fn new(listener: TcpListener, tls: Option<Certificates>, open: Sender<()>) -> Self {
        let address = listener.local_addr().ok();
        let (sender, ready) = mpsc::channel(16);
        tokio::spawn(accept(listener, tls, open, sender));
        Self { ready, address }
    }

    /// The next connection.
    pub async fn accept(&mut self) -> Option<Stream> {
        self.ready.recv().await
    }

    /// The address of the listener.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

impl tokio_stream::Stream for Incoming {
    type Item = io::Result<Stream>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.ready.poll_recv(context).map(|stream| stream.map(Ok))
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<Certificates>,
    open: Sender<()>,
    ready: Sender<Stream>,
) {
    // All handshakes are aborted when this task ends.
    let mut handshakes = JoinSet::new();
    let mut oldest = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = ready.closed() => return,
            Some(_) = handshakes.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let connection = match accepted {
            Ok((stream, _)) => {
                // Without it, the connection is only slower.
                let _ = stream.set_nodelay(true);
                Connection::new(stream, open.clone())
            }
            Err(error) => {
                tracing::debug!("cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            }
        };
        match &tls {
            None => {
                if ready.send(Stream::plain(connection)).await.is_err() {
                    return;
                }
            }
            Some(tls) => {
                make_room(&mut oldest);
                let acceptor = TlsAcceptor::from(tls.borrow().clone());
                oldest.push_back(handshakes.spawn(handshake(acceptor, connection, ready.clone())));
            }
        }
    }
}

/// Aborts the oldest handshake if there are too many. Honest clients finish long before theirs is the oldest.
fn make_room(oldest: &mut VecDeque<AbortHandle>) {
    if oldest.len() < MAX_HANDSHAKES {
        return;
    }
    oldest.retain(|handshake| !handshake.is_finished());
    if oldest.len() >= MAX_HANDSHAKES
        && let Some(handshake) = oldest.pop_front()
    {
        handshake.abort();
    }
}

async fn handshake(acceptor: TlsAcceptor, connection: Connection, ready: Sender<Stream>) {
    let peer = connection.info().remote_addr;
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(connection)).await {
        // It fails only when the server has stopped.
        Ok(Ok(stream)) => drop(ready.send(Stream::tls(stream)).await),
        Ok(Err(error)) => tracing::info!(?peer, "a TLS handshake failed: {error}"),
        Err(_) => tracing::info!(?peer, "a TLS handshake took too long"),
    }
}
