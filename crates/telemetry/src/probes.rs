//! Metrics and probes over HTTP: /metrics, /healthz, /readyz, and /status of programs that have one.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, http::StatusCode, routing::get};
use tokio::net::TcpListener;

use crate::{Metrics, MetricsListen};

/// The listener for [`serve`], unless it is off.
///
/// # Errors
/// With the address, if it is in use.
pub async fn bind(listen: MetricsListen) -> Result<Option<TcpListener>, (SocketAddr, io::Error)> {
    match listen {
        MetricsListen::Off => Ok(None),
        MetricsListen::At(address) => {
            TcpListener::bind(address).await.map(Some).map_err(|error| (address, error))
        }
    }
}

/// How a program is, as JSON.
pub type Status = Arc<dyn Fn() -> String + Send + Sync>;

/// Serves while it is polled. The program is alive while it answers, and ready while `ready` is true.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    ready: Arc<AtomicBool>,
    status: Option<Status>,
) -> io::Result<()> {
    let readiness = move || async move {
        if ready.load(Ordering::Relaxed) {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    };
    let text = move || async move {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([("content-type", kind)], metrics.text())
    };
    let app = Router::new()
        .route("/metrics", get(text))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(readiness));
    let app = match status {
        Some(status) => app.route(
            "/status",
            get(|| async move { ([("content-type", "application/json")], status()) }),
        ),
        None => app,
    };
    axum::serve(listener, app).await
}
