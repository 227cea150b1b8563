//! The answers that senders get.

use std::time::Duration;

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::journal::AppendError;

/// After what time a request may be repeated.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request was not taken: nothing of it is in the journal.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{0}")]
    Bad(String),
    #[error("the token or password is missing or wrong")]
    Unauthorized,
    #[error("there is {0}")]
    NoSuchPath(String),
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
    #[error(
        "the type of the body is unknown: application/x-protobuf and application/json are supported"
    )]
    UnknownType,
    #[error("there are too many requests at the moment")]
    TooMany,
    #[error("{}", AppendError::Full)]
    Full,
    #[error("{0}")]
    Later(String),
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NoSuchPath(_) => StatusCode::NOT_FOUND,
            Self::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownEncoding | Self::UnknownType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Full | Self::Later(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// When the same request may be taken, if it may be at all.
    pub fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::TooMany | Self::Full | Self::Later(_)).then_some(RETRY_AFTER)
    }

    /// The headers of an answer, whatever its body is.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        if let Some(delay) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, delay.as_secs().into());
        }
        match self {
            Self::Unauthorized => {
                let scheme = HeaderValue::from_static("Bearer, Basic realm=\"anomal\"");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            // What is left of the body is not read.
            Self::TooLarge | Self::TooSlow => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = json_response(self.status(), &json!({"error": self.to_string()}));
        self.add_headers(response.headers_mut());
        response
    }
}

pub(super) fn json_response(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}
