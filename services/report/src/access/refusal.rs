//! Refusals as HTTP answers: a page for people, a problem (RFC 9457) for programs.

use std::time::Duration;

use anomal_access::NO_TOKEN;
use anomal_core::{Code, Error};
use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::pages::failure;

/// Seconds after which to retry when the API server is unavailable.
const RETRY_AFTER: u64 = 5;

/// A refusal and the time to wait before the next try.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub error: Error,
    pub wait: Option<Duration>,
}

impl Refusal {
    pub fn rate_limited(reason: &str, wait: Duration, cause: &str) -> Self {
        let message = format!("{cause}; try again in {} s", seconds(wait));
        let error = Error::new(Code::ResourceExhausted, reason, message);
        Self { error, wait: Some(wait) }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, wait: None }
    }
}

/// Rounded up, so that a client that waits as long does not retry too early.
fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
}

/// The HTTP status of an error.
pub fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(failure::status(code)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An error for a program: `application/problem+json`.
pub fn problem(error: &Error) -> Response {
    let status = status(error.code);
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": error.message,
        "reason": error.reason,
    });
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    let mut response = (status, kind, body.to_string()).into_response();
    if error.code == Code::Unavailable {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
    }
    response
}

/// Whether the client is a browser that expects a page.
pub(super) fn wants_page(method: &Method, headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).into_iter().filter_map(|line| line.to_str().ok());
    (method == Method::GET || method == Method::HEAD)
        && accept.into_iter().any(|line| line.contains("text/html"))
}

/// Adds the headers that belong to a refusal.
pub(super) fn add_headers(response: &mut Response, refusal: &Refusal) {
    let headers = response.headers_mut();
    if refusal.error.code == Code::Unauthenticated {
        // RFC 6750: a missing token is no `invalid_token`.
        let challenge = if refusal.error.reason == NO_TOKEN {
            "Bearer realm=\"anomal\""
        } else {
            "Bearer realm=\"anomal\", error=\"invalid_token\""
        };
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    let unavailable = refusal.error.code == Code::Unavailable;
    if let Some(wait) =
        refusal.wait.or_else(|| unavailable.then_some(Duration::from_secs(RETRY_AFTER)))
    {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
