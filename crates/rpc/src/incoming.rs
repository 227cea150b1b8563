//! The connections of a listener, over TLS or not. Each handshake is a task with an end: a client that is slow
//! or silent holds up nobody, and many of them push out each other, the oldest first.

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

/// How long a handshake may take: a few round trips.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once.
const MOST: usize = 512;
/// What keeps a connection from being accepted, such as a lack of descriptors, may pass.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections that are ready to be served.
#[derive(Debug)]
pub struct Incoming {
    ready: Receiver<Stream>,
    address: Option<SocketAddr>,
}

impl Incoming {
    /// Accepts until it is dropped. `open` goes when the last connection is closed for good.
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

    /// Where it listens.
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
    // Dropped with this task, and all that are in it.
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
                // A connection without it is as good, only slower.
                let _ = stream.set_nodelay(true);
                Connection::new(stream, open.clone())
            }
            Err(error) => {
                tracing::debug!("a connection can't be accepted: {error}");
                tokio::time::sleep(PAUSE).await;
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

/// Whoever means it is through long before it is the oldest.
fn make_room(oldest: &mut VecDeque<AbortHandle>) {
    if oldest.len() < MOST {
        return;
    }
    oldest.retain(|handshake| !handshake.is_finished());
    if oldest.len() >= MOST
        && let Some(handshake) = oldest.pop_front()
    {
        handshake.abort();
    }
}

async fn handshake(acceptor: TlsAcceptor, connection: Connection, ready: Sender<Stream>) {
    let peer = connection.info().remote_addr;
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(connection)).await {
        // Where nobody takes it, the server has stopped.
        Ok(Ok(stream)) => drop(ready.send(Stream::secured(stream)).await),
        Ok(Err(error)) => tracing::info!(?peer, "a TLS handshake failed: {error}"),
        Err(_) => tracing::info!(?peer, "a TLS handshake took too long"),
    }
}
