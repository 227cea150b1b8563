//! Connections that are closed without losing what was sent.
//!
//! A socket that is closed while something of its peer's is unread resets the connection, and the peer loses
//! what it has not read yet: the end of an answer, where it has just made room for more. So a connection
//! is closed for writing first, and for good when the peer has closed its side.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    runtime::Handle,
    sync::mpsc::Sender,
};
use tonic::transport::server::{Connected, TcpConnectInfo};

/// A peer that does not close its side is waited for no longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A server's side of a connection.
pub(crate) struct Connection {
    /// There until it is dropped.
    stream: Option<TcpStream>,
    info: TcpConnectInfo,
    /// Goes when the connection is closed for good.
    open: Sender<()>,
}

impl Connection {
    pub fn new(stream: TcpStream, open: Sender<()>) -> Self {
        let info = stream.connect_info();
        Self { stream: Some(stream), info, open }
    }

    /// Its two ends.
    pub fn info(&self) -> TcpConnectInfo {
        self.info.clone()
    }

    fn poll<T>(
        &mut self,
        poll: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut self.stream {
            Some(stream) => poll(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (Some(mut stream), Ok(runtime)) = (self.stream.take(), Handle::try_current()) else {
            return;
        };
        let open = self.open.clone();
        runtime.spawn(async move {
            let rest = async {
                stream.shutdown().await?;
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
            };
            // Whatever ends it, nobody waits for more.
            let _ = tokio::time::timeout(PATIENCE, rest).await;
            drop(open);
        });
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(|stream| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll(|stream| stream.poll_write_vectored(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_shutdown(context))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::AsyncReadExt,
        net::TcpListener,
        sync::mpsc::{self, Receiver},
    };

    use super::*;

    /// A connection's two sides.
    async fn pair() -> (Connection, TcpStream, Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (open, closed) = mpsc::channel(1);
        (Connection::new(listener.accept().await.unwrap().0, open), peer, closed)
    }

    #[tokio::test]
    async fn a_peer_that_is_not_read_any_more_reads_all_that_was_sent() {
        let (mut connection, mut peer, mut closed) = pair().await;
        connection.write_all(&vec![7; 100_000]).await.unwrap();
        peer.write_all(b"never read").await.unwrap();
        drop(connection);
        peer.write_all(b"nor this").await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut read = Vec::new();
        peer.read_to_end(&mut read).await.unwrap();
        assert_eq!(read.len(), 100_000);
        drop(peer);
        assert_eq!(closed.recv().await, None);
    }

    #[tokio::test]
    async fn a_peer_that_stays_is_not_waited_for_long() {
        let (connection, peer, mut closed) = pair().await;
        drop(connection);
        let waited = tokio::time::timeout(PATIENCE * 5, closed.recv()).await;
        assert_eq!(waited, Ok(None));
        drop(peer);
    }
}
