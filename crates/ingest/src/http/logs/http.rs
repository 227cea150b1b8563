//! `POST /v1/logs`, in Protocol Buffers or JSON.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use prost::Message;
use serde_json::{Value, json};
use tonic::Status;
use tonic_types::StatusExt;

use super::{
    super::{
        answer::Refusal,
        door::{Door, Sender},
    },
    status,
};
use crate::otlp;

/// How a body is encoded; an answer is encoded as its request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

pub(in super::super) async fn take(
    State(door): State<Arc<Door>>,
    Extension(sender): Extension<Sender>,
    request: Request,
) -> Response {
    let encoding = Encoding::of(request.headers());
    match answer(&door, sender, request, encoding).await {
        Ok(taken) => encoding.unwrap_or(Encoding::Json).taken(&taken),
        Err(refusal) => encoding.unwrap_or(Encoding::Json).refused(&refusal),
    }
}

async fn answer(
    door: &Door,
    sender: Sender,
    request: Request,
    encoding: Option<Encoding>,
) -> Result<ExportLogsServiceResponse, Refusal> {
    let received = door.receive(request).await?;
    let bad = |error: &dyn std::fmt::Display| {
        Refusal::Bad(format!("the body is no request for logs of OpenTelemetry: {error}"))
    };
    let logs = match encoding.ok_or(Refusal::UnknownType)? {
        Encoding::Protobuf => {
            ExportLogsServiceRequest::decode(received.body.clone()).map_err(|error| bad(&error))?
        }
        Encoding::Json => otlp::from_json(&received.body).map_err(|error| bad(&error))?,
    };
    super::take(door, sender, &received.headers, &logs).await
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        match value.split(';').next()?.trim().to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    fn response(self, status: StatusCode, protobuf: Vec<u8>, json: &Value) -> Response {
        let (kind, body) = match self {
            Self::Protobuf => ("application/x-protobuf", protobuf),
            Self::Json => ("application/json", json.to_string().into_bytes()),
        };
        (status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
    }

    fn taken(self, answer: &ExportLogsServiceResponse) -> Response {
        let json = match &answer.partial_success {
            None => json!({}),
            Some(partial) => json!({"partialSuccess": {
                "rejectedLogRecords": partial.rejected_log_records.to_string(),
                "errorMessage": partial.error_message,
            }}),
        };
        self.response(StatusCode::OK, answer.encode_to_vec(), &json)
    }

    /// The body is a `google.rpc.Status`.
    fn refused(self, refusal: &Refusal) -> Response {
        let status = status(refusal);
        // 408 is final for these senders.
        let code = match refusal {
            Refusal::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
            refusal => refusal.status(),
        };
        let mut response = self.response(code, protobuf(&status), &json_status(&status));
        refusal.add_headers(response.headers_mut());
        response
    }
}

fn protobuf(status: &Status) -> Vec<u8> {
    if !status.details().is_empty() {
        return status.details().to_vec();
    }
    let code = i32::from(status.code());
    let details = Vec::new();
    tonic_types::Status { code, message: status.message().to_owned(), details }.encode_to_vec()
}

fn json_status(status: &Status) -> Value {
    let mut json = json!({"code": i32::from(status.code()), "message": status.message()});
    if let Some(delay) = status.get_details_retry_info().and_then(|info| info.retry_delay) {
        let retry = json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}s", delay.as_secs_f64()),
        });
        json["details"] = json!([retry]);
    }
    json
}
