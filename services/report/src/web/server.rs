//! The web server of the pages.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use anomal_rpc::{Certificates, Incoming, Stream};
use axum::{
    extract::{ConnectInfo, Request, connect_info::Connected},
    middleware::{Next, from_fn},
    response::Response,
    serve::{IncomingStream, Listener},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

use crate::{
    LocalReportEngine,
    access::{Access, protect},
};

use super::routes;

/// The time for open requests after the shutdown signal.
const GRACE_PERIOD: Duration = Duration::from_secs(2);

/// The ALPN protocol over TLS, for [`anomal_rpc::TlsFiles::watch`].
pub const HTTP_1: &[u8] = b"http/1.1";

/// Serves the pages until `shutdown` resolves, over TLS if there are certificates.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    certificates: Option<Certificates>,
    engine: LocalReportEngine,
    access: Access,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let app = protect(&access, routes::pages(Arc::new(engine)).merge(routes::assets()));
    let app = app.layer(from_fn(set_client)).into_make_service_with_connect_info::<Client>();
    // The receiver is dropped: the grace period bounds the wait for open connections.
    let (open, _) = mpsc::channel(1);
    let address = listener.local_addr()?;
    let listener = Pages { incoming: Incoming::new(listener, certificates, open), address };
    let (stop, mut stopped) = watch::channel(false);
    let shutdown = async move {
        shutdown.await;
        // The server may have ended.
        let _ = stop.send(true);
    };
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown);
    let out_of_time = async {
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(GRACE_PERIOD).await;
    };
    tokio::select! {
        result = server => result,
        () = out_of_time => Ok(()),
    }
}

/// The pages' connections.
struct Pages {
    incoming: Incoming,
    address: SocketAddr,
}

impl Listener for Pages {
    type Io = Stream;
    type Addr = Client;

    async fn accept(&mut self) -> (Stream, Client) {
        match self.incoming.accept().await {
            Some(stream) => {
                let client = Client(stream.remote());
                (stream, client)
            }
            // The listener is closed; the shutdown signal ends the server.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Client> {
        Ok(Client(Some(self.address)))
    }
}

/// The client's address; none if the connection was lost before it was read.
#[derive(Clone, Copy, Debug)]
struct Client(Option<SocketAddr>);

impl Connected<IncomingStream<'_, Pages>> for Client {
    fn connect_info(stream: IncomingStream<'_, Pages>) -> Self {
        *stream.remote_addr()
    }
}

/// Stores the client's address in the type that axum's extractors expect.
async fn set_client(mut request: Request, next: Next) -> Response {
    let client = request.extensions().get::<ConnectInfo<Client>>().and_then(|info| info.0.0);
    if let Some(client) = client {
        request.extensions_mut().insert(ConnectInfo(client));
    }
    next.run(request).await
}
