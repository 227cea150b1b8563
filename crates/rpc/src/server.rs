//! The server of all services: gRPC with health and reflection, and HTTP with metrics and probes.

use std::{
    fs,
    future::Future,
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anomal_listen::{Incoming, Peer};
use anomal_telemetry::probes;
use tokio::{
    net::TcpListener,
    signal::unix::SignalKind,
    sync::{mpsc, watch},
};
use tonic::{service::Routes, transport::Server};
use tower::util::MapRequestLayer;

use crate::{args::ServerArgs, metrics::Metrics};

/// A lost client is detected within two of these.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// The ALPN protocol of connections over TLS.
const HTTP_2: &[u8] = b"h2";
/// How long watchers of the health have to receive that the server stops.
const HEALTH_NOTICE: Duration = Duration::from_millis(200);

/// Why a server can't start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {0}: {1}")]
    Bind(SocketAddr, #[source] io::Error),
    #[error("cannot write {0}: {1}")]
    File(String, #[source] io::Error),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("the server stopped: {0}")]
    Transport(#[from] tonic::transport::Error),
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    #[error("signals: {0}")]
    Signal(#[source] io::Error),
}

/// Serves `routes`, the service of that name, until SIGTERM or SIGINT. Requests in progress may end within the grace
/// period.
///
/// # Errors
/// If an address is in use, or a file can't be read or written.
pub async fn serve(
    args: &ServerArgs,
    default_port: u16,
    service: &'static str,
    routes: Routes,
    metrics: Arc<Metrics>,
) -> Result<(), ServeError> {
    let mut signals = signals().map_err(ServeError::Signal)?;
    let stop = async move {
        let _ = signals.recv().await;
    };
    serve_until(args, default_port, service, routes, metrics, stop).await
}

/// As [`serve`], until `stop_requested` completes.
///
/// # Errors
/// As [`serve`].
pub async fn serve_until(
    args: &ServerArgs,
    default_port: u16,
    service: &'static str,
    routes: Routes,
    metrics: Arc<Metrics>,
    stop_requested: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = args.listen.unwrap_or_else(|| ([0, 0, 0, 0], default_port).into());
    let grpc = bind(address).await?;
    let http = probes::bind(args.probes.metrics_listen)
        .await
        .map_err(|(address, error)| ServeError::Bind(address, error))?;
    let (http_port, web) = (http.as_ref().map(port), args.web_port);
    let ports = Ports { grpc: port(&grpc), http: http_port, web };
    let (mut reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(service, tonic_health::ServingStatus::Serving).await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(anomal_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let tls = match args.tls() {
        Some(files) => Some(files.watch(HTTP_2).await.map_err(ServeError::Tls)?),
        None => None,
    };
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .layer(MapRequestLayer::new(Peer::add_tcp_info));

    let ready = Arc::new(AtomicBool::new(true));
    let (stop, mut wait) = watch::channel(false);
    let probes = http.map(|http| {
        let (metrics, ready) = (metrics.registered(), Arc::clone(&ready));
        tokio::spawn(async move {
            // Probes are answered until all requests have ended; then the server aborts this task.
            if let Err(error) = probes::serve(http, metrics, ready, None).await {
                tracing::warn!("metrics are no longer served: {error}");
            }
        })
    });
    if let Some(file) = &args.port_file {
        ports.publish(file).map_err(|error| ServeError::File(file.display().to_string(), error))?;
    }
    let bound = grpc.local_addr().ok();
    let client_certificates = args.client_ca.is_some();
    tracing::info!(address = ?bound, tls = tls.is_some(), client_certificates, service, "listening");

    let grace = args.grace();
    let health_reporter = reporter.clone();
    let shutdown = async move {
        stop_requested.await;
        // New requests are refused from here on; requests in progress may end.
        ready.store(false, Ordering::Relaxed);
        for name in ["", service] {
            health_reporter.set_service_status(name, tonic_health::ServingStatus::NotServing).await;
        }
        tracing::info!(grace_seconds = grace.as_secs(), "stopping");
        // It fails only when the server has stopped already.
        let _ = stop.send(true);
    };
    let (open, mut closed) = mpsc::channel(1);
    let incoming = Incoming::new(grpc, tls, open);
    let serving = server
        .add_routes(routes)
        .add_service(health)
        .add_service(reflection)
        .serve_with_incoming_shutdown(incoming, shutdown);
    let grace_period = async {
        let _ = wait.wait_for(|stop| *stop).await;
        // Watchers of the health have received the stop by then. Without this, their streams would keep the server until
        // the end of the grace period.
        tokio::time::sleep(HEALTH_NOTICE.min(grace)).await;
        for name in ["", service] {
            reporter.clear_service_status(name).await;
        }
        tokio::time::sleep(grace.saturating_sub(HEALTH_NOTICE)).await;
    };
    let serving = async {
        serving.await?;
        // Nothing is sent: the channel is closed with the last connection.
        let _ = closed.recv().await;
        Ok::<(), ServeError>(())
    };
    tokio::select! {
        served = serving => served?,
        () = grace_period => tracing::warn!("requests were aborted at the end of the grace period"),
    }
    if let Some(probes) = probes {
        probes.abort();
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|error| ServeError::Bind(address, error))
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().map_or(0, |bound| bound.port())
}

struct Ports {
    grpc: u16,
    http: Option<u16>,
    web: Option<u16>,
}

impl Ports {
    /// Writes the file under a temporary name, and renames it, so that it is never read before it is complete.
    fn publish(&self, file: &Path) -> io::Result<()> {
        let json =
            |port: Option<u16>| port.map_or_else(|| "null".to_owned(), |port| port.to_string());
        let (grpc, http) = (self.grpc, json(self.http));
        let web = self.web.map(|port| format!(",\"web\":{port}")).unwrap_or_default();
        let temporary = file.with_extension("part");
        fs::write(&temporary, format!("{{\"grpc\":{grpc},\"http\":{http}{web}}}\n"))?;
        fs::rename(temporary, file)
    }
}

/// Receives one value on a signal to stop.
fn signals() -> io::Result<mpsc::Receiver<()>> {
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        let _ = sender.send(()).await;
    });
    Ok(receiver)
}
