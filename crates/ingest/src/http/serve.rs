//! A connection of HTTP/1, or of gRPC.

use std::time::Duration;

use anomal_listen::Stream;
use axum::{Extension, Router};
use hyper::server::conn::{http1, http2};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::sync::watch;

use super::door::Sender;
use crate::{connection::sender, door::GRACE};

/// How long the head of a request may take, and how long a connection may be idle.
const HEAD: Duration = Duration::from_mins(1);
/// Bytes of a head.
const HEAD_BYTES: usize = 64 << 10;
/// Requests at a time over a connection of HTTP/2.
const STREAMS: u32 = 16;
/// How often a connection of HTTP/2 is asked whether it is alive, and how long the answer may take.
const PING: Duration = Duration::from_mins(1);
const PONG: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
pub(super) enum Protocol {
    Http1,
    Grpc,
}

impl Protocol {
    /// Its name over TLS.
    pub fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Grpc => b"h2",
        }
    }
}

/// Serves a connection until it ends, or the door closes.
pub(super) async fn connection(
    stream: Stream,
    protocol: Protocol,
    router: Router,
    stopped: watch::Receiver<bool>,
) {
    let sender = Sender(sender(&stream));
    let service = router.layer(Extension(sender)).layer(Extension(stopped.clone()));
    let service = TowerToHyperService::new(service);
    let stream = TokioIo::new(stream);
    // An error of a connection is the sender's: it went away, or speaks otherwise.
    macro_rules! serve {
        ($builder:expr) => {{
            let connection = $builder.serve_connection(stream, service);
            tokio::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => {}
                () = ended(stopped) => {
                    connection.as_mut().graceful_shutdown();
                    let _ = tokio::time::timeout(GRACE, connection).await;
                }
            }
        }};
    }
    match protocol {
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
            serve!(builder);
        }
        Protocol::Grpc => {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.timer(TokioTimer::new()).max_concurrent_streams(STREAMS);
            builder.keep_alive_interval(PING).keep_alive_timeout(PONG);
            serve!(builder);
        }
    }
}

/// Waits for the door to close.
async fn ended(mut stopped: watch::Receiver<bool>) {
    // It is closed where nobody can close it any more.
    let _ = stopped.wait_for(|stop| *stop).await;
}
