//! What senders are told.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::record::NewRecord;

/// Rejected records that an answer names.
const NAMED: usize = 100;
/// Seconds after which a request may be repeated.
const RETRY_AFTER: u32 = 1;

/// Why a request was not taken: nothing of it is in the journal.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{0}")]
    Bad(String),
    #[error("the token or password is missing or wrong")]
    Unauthorized,
    #[error("there is POST /v1/records and GET /v1/health")]
    NoSuchPath,
    #[error("records are sent by POST")]
    NoSuchMethod,
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error(
        "the body, or what it becomes when it is decompressed, is too large: send smaller ones"
    )]
    TooLarge,
    #[error("the encoding of the body is unknown: gzip, zstd and identity are supported")]
    UnknownEncoding,
    #[error("there are too many requests at the moment")]
    TooMany,
    #[error("{0}")]
    Later(String),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Later(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = json_response(status, &json!({"error": self.to_string()}));
        let headers = response.headers_mut();
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER.into());
            }
            StatusCode::UNAUTHORIZED => {
                let scheme = HeaderValue::from_static("Bearer, Basic realm=\"anomal\"");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            // What is left of the body is not read.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

/// The answer for records, each with its line, that are on disk.
pub(super) fn taken(records: &[(usize, NewRecord)]) -> Response {
    let rejected = || records.iter().filter(|(_, record)| record.is_refused());
    let named: Vec<_> = rejected()
        .take(NAMED)
        .map(|(line, record)| json!({"line": line, "reason": record.refused}))
        .collect();
    let count = rejected().count();
    let answer = json!({
        "accepted": records.len() - count, "rejectedCount": count, "rejected": named,
    });
    json_response(StatusCode::OK, &answer)
}

pub(super) fn json_response(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}
