//! Responses.

use std::time::Duration;

use anomal_core::{Code, Error, Result};
use bytes::{Bytes, BytesMut};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::server::Server;

/// Bytes in a response at most.
const MAX_ANSWER: usize = 1 << 30;

/// A response, successful or not.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub body: Bytes,
    /// The pause that the server asks for.
    pub(in crate::elasticsearch) retry_after: Option<Duration>,
    /// The server by its product header, if there is one.
    pub(super) product: Option<Server>,
}

impl Response {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// # Errors
    /// `Incompatible` if the body is not such JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::new(
                Code::Incompatible,
                "ANSWER_UNKNOWN",
                format!("the server's response is not understood: {error}"),
            )
        })
    }

    /// The type of the server's error, such as `index_not_found_exception`, if there is one.
    pub fn error_type(&self) -> Option<String> {
        match serde_json::from_slice::<Failure>(&self.body).ok()?.error {
            ErrorBody::Object { kind, .. } => Some(kind),
            ErrorBody::Text(_) => None,
        }
    }

    /// Status and reason, for messages.
    pub fn describe(&self) -> String {
        let reason =
            match serde_json::from_slice::<Failure>(&self.body).map(|failure| failure.error) {
                Ok(ErrorBody::Object { kind, reason: None }) => format!(" {kind}"),
                Ok(ErrorBody::Object { kind, reason: Some(reason) }) => {
                    format!(" {kind}: {}", truncate(&reason))
                }
                Ok(ErrorBody::Text(text)) => format!(" {}", truncate(&text)),
                Err(_) => StatusCode::from_u16(self.status)
                    .ok()
                    .and_then(|status| status.canonical_reason())
                    .map_or_else(String::new, |reason| format!(" {reason}")),
            };
        format!("{}{reason}", self.status)
    }
}

#[derive(Deserialize)]
struct Failure {
    error: ErrorBody,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorBody {
    Object {
        #[serde(rename = "type")]
        kind: String,
        reason: Option<String>,
    },
    Text(String),
}

/// Truncates to 500 characters: servers include whole requests in their reasons.
pub(in crate::elasticsearch) fn truncate(text: &str) -> String {
    match text.char_indices().nth(500) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Sends a request and reads the whole response.
pub(super) async fn read(request: reqwest::RequestBuilder) -> Result<Response, String> {
    let mut response = request.send().await.map_err(deepest)?;
    let status = response.status().as_u16();
    let retry_after = seconds(response.headers());
    let product = product(response.headers());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(deepest)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err("a response of more than 1 GiB".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status, body: body.freeze(), retry_after, product })
}

fn seconds(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

fn product(headers: &HeaderMap) -> Option<Server> {
    let named = headers.get("x-elastic-product").is_some_and(|name| name == "Elasticsearch");
    if named {
        return Some(Server::Elasticsearch);
    }
    headers.contains_key("x-opensearch-version").then_some(Server::OpenSearch)
}

/// The innermost cause, such as `Connection refused (os error 111)`.
fn deepest(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "the request timed out".into();
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}
