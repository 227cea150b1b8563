//! Connections that are closed without losing sent data.
//!
//! Closing a socket with unread data of the peer resets the connection, and the peer loses what it has not read yet,
//! such as the end of an answer. So a connection is closed for writing first, and completely when the peer has closed its
//! side.

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

/// How long to wait for the peer to close its side.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A server's side of a connection.
pub(crate) struct Connection {
    /// None only while it is dropped.
    stream: Option<TcpStream>,
    info: TcpConnectInfo,
    /// Dropped when the connection is completely closed.
    open: Sender<()>,
}

impl Connection {
    pub fn new(stream: TcpStream, open: Sender<()>) -> Self {
        let info = stream.connect_info();
        Self { stream: Some(stream), info, open }
    }

    /// The addresses of both ends.
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
            // The connection is closed whatever the result.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, rest).await;
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

    /// Both sides of a connection.
    async fn pair() -> (Connection, TcpStream, Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (open, closed) = mpsc::channel(1);
        (Connection::new(listener.accept().await.unwrap().0, open), peer, closed)
    }

    #[tokio::test]
    async fn a_peer_with_unread_data_still_reads_the_whole_answer() {
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
    async fn waiting_for_a_peer_to_close_has_a_timeout() {
        let (connection, peer, mut closed) = pair().await;
        drop(connection);
        let waited = tokio::time::timeout(CLOSE_TIMEOUT * 5, closed.recv()).await;
        assert_eq!(waited, Ok(None));
        drop(peer);
    }
}
