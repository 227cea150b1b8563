//! The pages as a server.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch};

use crate::{
    LocalReportEngine,
    access::{Access, protect},
    web,
};

/// How long readers may go on once the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves the pages until `asked` is there.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    engine: LocalReportEngine,
    access: Access,
    asked: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let app = protect(&access, web::pages(Arc::new(engine)).merge(web::assets()));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
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
