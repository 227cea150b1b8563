//! The door for records over HTTP: lines of JSON, logs of OpenTelemetry (also by gRPC), and the bulk requests of Elasticsearch's
//! clients. All are answered once the records are on disk.

mod answer;
mod body;
mod bulk;
mod door;
mod guard;
mod logs;
mod records;
mod serve;

use std::sync::Arc;

use anomal_listen::TlsFiles;
use axum::{
    Extension, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use prost::Message;
use serde_json::json;
use tokio::sync::watch;

pub use self::door::{Dedupe, HttpOptions};
use self::{
    answer::{Refusal, json_response},
    door::Door,
    serve::Protocol,
};
use crate::{
    door::{BoundListener, DoorOptions, OpenDoor},
    journal::Appender,
    otlp,
    record::NewRecord,
};

/// Which requests a door takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpDoors {
    /// `POST /v1/records`.
    pub ndjson: bool,
    /// `POST /v1/logs`.
    pub otlp: bool,
    /// `POST /_bulk`, and what clients of Elasticsearch ask before it.
    pub bulk: bool,
}

/// How the body of a request is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    /// Lines of JSON objects, or an array of them.
    Lines,
    /// Logs of OpenTelemetry in JSON.
    LogsJson,
    /// Logs of OpenTelemetry in Protocol Buffers.
    LogsProtobuf,
    /// Actions and documents.
    Bulk,
}

/// The records of a body, of at most `most` bytes together; none if nothing of it is taken.
pub fn read_body(form: BodyForm, body: &Bytes, most: usize) -> Option<Vec<NewRecord>> {
    match form {
        BodyForm::Lines => {
            let records = records::split(body).ok()?;
            Some(records.into_iter().map(|(_, record)| record).collect())
        }
        BodyForm::LogsJson => otlp::records(&otlp::from_json(body).ok()?, most).ok(),
        BodyForm::LogsProtobuf => otlp::records(&Message::decode(body.clone()).ok()?, most).ok(),
        BodyForm::Bulk => {
            let items = bulk::split(body, "index").ok()?;
            Some(items.into_iter().map(|(_, record)| record).collect())
        }
    }
}

/// Opens a door for records over HTTP.
///
/// # Errors
/// The certificates can't be used, with the file.
pub async fn open_http(
    listener: BoundListener,
    tls: Option<TlsFiles>,
    doors: HttpDoors,
    options: HttpOptions,
    journal: Appender,
) -> Result<OpenDoor, String> {
    let mut router = Router::new().route("/v1/health", get(health));
    if doors.ndjson {
        router = router.route("/v1/records", post(records::take));
    }
    if doors.otlp {
        router = router.route("/v1/logs", post(logs::http::take));
    }
    if doors.bulk {
        router = router.merge(bulk::router());
    }
    let paths = doors.paths();
    let router = router
        .fallback(async move || Refusal::NoSuchPath(paths).into_response())
        .method_not_allowed_fallback(async || Refusal::NoSuchMethod.into_response());
    open(listener, tls, Protocol::Http1, router, options, journal).await
}

/// Opens a door for logs of OpenTelemetry over gRPC.
///
/// # Errors
/// The certificates can't be used, with the file.
pub async fn open_grpc(
    listener: BoundListener,
    tls: Option<TlsFiles>,
    options: HttpOptions,
    journal: Appender,
) -> Result<OpenDoor, String> {
    open(listener, tls, Protocol::Grpc, Router::new(), options, journal).await
}

async fn open(
    listener: BoundListener,
    tls: Option<TlsFiles>,
    protocol: Protocol,
    router: Router<Arc<Door>>,
    options: HttpOptions,
    journal: Appender,
) -> Result<OpenDoor, String> {
    let max_connections = options.max_connections;
    let options_of_door = DoorOptions { listener, tls, protocol: protocol.alpn(), max_connections };
    let door = Arc::new(Door::new(options, journal));
    let router = match protocol {
        Protocol::Http1 => router.with_state(door),
        Protocol::Grpc => logs::grpc::router(door),
    };
    OpenDoor::open(options_of_door, move |stream, stopped| {
        serve::connection(stream, protocol, router.clone(), stopped)
    })
    .await
}

impl HttpDoors {
    /// What a sender can ask for.
    fn paths(self) -> String {
        let doors = [
            (self.ndjson, "POST /v1/records"),
            (self.otlp, "POST /v1/logs"),
            (self.bulk, "POST /_bulk"),
            (true, "GET /v1/health"),
        ];
        let open: Vec<&str> = doors.into_iter().filter(|it| it.0).map(|it| it.1).collect();
        open.join(", ")
    }
}

async fn health(
    State(door): State<Arc<Door>>,
    Extension(stopped): Extension<watch::Receiver<bool>>,
) -> Response {
    let state = if *stopped.borrow() {
        "stopping"
    } else if door.is_full() {
        "full"
    } else {
        return json_response(StatusCode::OK, &json!({"status": "ok"}));
    };
    json_response(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": state}))
}
