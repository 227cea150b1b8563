//! The pages as a server.

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
    web,
};

/// How long readers may go on once the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// What is spoken over TLS, as ALPN has it; for [`anomal_rpc::TlsFiles::watch`].
pub const HTTP_1: &[u8] = b"http/1.1";

/// Serves the pages until `asked` is there, over TLS where there are certificates.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    certificates: Option<Certificates>,
    engine: LocalReportEngine,
    access: Access,
    asked: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let app = protect(&access, web::pages(Arc::new(engine)).merge(web::assets()));
    let app = app.layer(from_fn(tell)).into_make_service_with_connect_info::<Client>();
    // Nobody waits for the last connection to be closed: readers have had their time by then.
    let (open, _) = mpsc::channel(1);
    let address = listener.local_addr()?;
    let listener = Pages { incoming: Incoming::new(listener, certificates, open), address };
    let (stop, mut stopped) = watch::channel(false);
    let asked = async move {
        asked.await;
        // Nobody waits if the server is gone already.
        let _ = stop.send(true);
    };
    let serving = axum::serve(listener, app).with_graceful_shutdown(asked);
    let out_of_time = async {
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        served = serving => served,
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
            // It ends with this value alone.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Client> {
        Ok(Client(Some(self.address)))
    }
}

/// Where a request comes from; none if its connection was lost before that was asked.
#[derive(Clone, Copy, Debug)]
struct Client(Option<SocketAddr>);

impl Connected<IncomingStream<'_, Pages>> for Client {
    fn connect_info(stream: IncomingStream<'_, Pages>) -> Self {
        *stream.remote_addr()
    }
}

/// Tells a request's origin as every handler of axum looks for it.
async fn tell(mut request: Request, next: Next) -> Response {
    let client = request.extensions().get::<ConnectInfo<Client>>().and_then(|told| told.0.0);
    if let Some(client) = client {
        request.extensions_mut().insert(ConnectInfo(client));
    }
    next.run(request).await
}
