//! A connection of a server, with or without TLS.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::connection::Connection;

/// The other end of a connection, in the extensions of each of its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    pub tcp: TcpConnectInfo,
    /// Its verified client certificates. None if they were not requested.
    pub certificates: Option<Arc<Vec<CertificateDer<'static>>>>,
}

impl Peer {
    /// Adds the extension in which tonic looks for the address of a request.
    pub fn add_tcp_info<B>(mut request: http::Request<B>) -> http::Request<B> {
        let tcp = request.extensions().get::<Self>().map(|peer| peer.tcp.clone());
        if let Some(tcp) = tcp {
            request.extensions_mut().insert(tcp);
        }
        request
    }
}

/// A server's side of a connection.
pub struct Stream {
    inner: Inner,
    peer: Peer,
}

enum Inner {
    Plain(Connection),
    Tls(Box<TlsStream<Connection>>),
}

impl Stream {
    pub(crate) fn plain(connection: Connection) -> Self {
        let peer = Peer { tcp: connection.info(), certificates: None };
        Self { inner: Inner::Plain(connection), peer }
    }

    pub(crate) fn tls(stream: TlsStream<Connection>) -> Self {
        let (connection, session) = stream.get_ref();
        let certificates = session.peer_certificates().map(|certificates| {
            Arc::new(certificates.iter().map(|one| one.clone().into_owned()).collect())
        });
        let peer = Peer { tcp: connection.info(), certificates };
        Self { inner: Inner::Tls(Box::new(stream)), peer }
    }

    /// The address of the peer, if it is still connected.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.peer.tcp.remote_addr
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Connected for Stream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Inner::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Inner::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
            Inner::Tls(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.inner {
            Inner::Plain(stream) => stream.is_write_vectored(),
            Inner::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_flush(context),
            Inner::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
