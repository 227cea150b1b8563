//! The door for records over HTTP: `POST /v1/records`, answered once the records are on disk.

mod answer;
mod body;
mod guard;
mod records;

use std::{sync::Arc, time::Duration};

use anomal_listen::{Stream, TlsFiles};
use axum::{
    Extension, Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use self::answer::{Refusal, json_response};
use crate::{
    connection::sender,
    door::{BoundListener, DoorOptions, GRACE, OpenDoor},
    journal::{AppendError, Appender},
    record::Batch,
    token::Credentials,
};

/// The ALPN protocol over TLS.
const HTTP_1: &[u8] = b"http/1.1";
/// How long the head of a request may take, and how long a connection may be idle.
const HEAD: Duration = Duration::from_mins(1);
/// Bytes of a head.
const HEAD_BYTES: usize = 64 << 10;
/// KiB of bodies in memory, of all requests together.
const BODIES: usize = 256 << 10;

/// What senders may do.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Bytes of a body, as it is sent and as it is decompressed.
    pub max_body: usize,
    pub max_connections: usize,
    /// What requests have to have. None: nothing.
    pub credentials: Option<Credentials>,
}

struct Door {
    options: HttpOptions,
    journal: Appender,
    bodies: Arc<Semaphore>,
}

/// The address of a sender.
#[derive(Clone)]
struct Sender(Arc<str>);

/// Opens a door for records over HTTP.
///
/// # Errors
/// The certificates can't be used, with the file.
pub async fn open_http(
    listener: BoundListener,
    tls: Option<TlsFiles>,
    options: HttpOptions,
    journal: Appender,
) -> Result<OpenDoor, String> {
    let max_connections = options.max_connections;
    let options_of_door = DoorOptions { listener, tls, protocol: HTTP_1, max_connections };
    // A body that is larger than all of them waits for all.
    let bodies = BODIES.max(2 * options.max_body.div_ceil(1024));
    let door = Arc::new(Door { options, journal, bodies: Arc::new(Semaphore::new(bodies)) });
    let router = Router::new()
        .route("/v1/records", post(take_records))
        .route("/v1/health", get(health))
        .fallback(async || Refusal::NoSuchPath.into_response())
        .method_not_allowed_fallback(async || Refusal::NoSuchMethod.into_response())
        .with_state(door);
    OpenDoor::open(options_of_door, move |stream, stopped| serve(stream, router.clone(), stopped))
        .await
}

async fn serve(stream: Stream, router: Router, mut stopped: watch::Receiver<bool>) {
    let sender = Sender(sender(&stream));
    let state = stopped.clone();
    let service = router.layer(Extension(sender)).layer(Extension(state));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let stop = async { drop(stopped.wait_for(|stop| *stop).await) };
    // An error is the sender's: it went away, or does not speak HTTP.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(GRACE, connection).await;
        }
    }
}

async fn take_records(
    State(door): State<Arc<Door>>,
    Extension(Sender(sender)): Extension<Sender>,
    request: Request,
) -> Response {
    match door.take(sender, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

impl Door {
    async fn take(&self, sender: Arc<str>, request: Request) -> Result<Response, Refusal> {
        let (head, body) = request.into_parts();
        guard::check(self.options.credentials.as_ref(), &head.headers)?;
        let (body, _room) =
            body::read(&head.headers, body, self.options.max_body, &self.bodies).await?;
        let records = records::split(&body)?;
        let answer = answer::taken(&records);
        let records = records.into_iter().map(|(_, record)| record).collect();
        self.journal.append(Batch::now(sender, records)).await.map_err(|error| match error {
            AppendError::TooLarge => Refusal::TooLarge,
            AppendError::Full | AppendError::Failed(_) => Refusal::Later(error.to_string()),
        })?;
        Ok(answer)
    }
}

async fn health(
    State(door): State<Arc<Door>>,
    Extension(stopped): Extension<watch::Receiver<bool>>,
) -> Response {
    let state = if *stopped.borrow() {
        "stopping"
    } else if door.journal.is_full() {
        "full"
    } else {
        return json_response(StatusCode::OK, &json!({"status": "ok"}));
    };
    json_response(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": state}))
}
