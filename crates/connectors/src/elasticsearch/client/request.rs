//! Requests.

use bytes::Bytes;
use reqwest::Method;

/// The boundary of forms; no line of JSON begins like this.
const BOUNDARY: &str = "anomal-4f1d6a0c";
pub(super) const FORM: &str = "multipart/form-data; boundary=anomal-4f1d6a0c";

/// A request to any node.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: Method,
    /// With the query string.
    pub(super) path: String,
    pub(super) content: Option<Content>,
}

#[derive(Clone, Debug)]
pub(super) struct Content {
    pub bytes: Bytes,
    pub media: &'static str,
    pub gzip: bool,
}

impl Request {
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), content: None }
    }

    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, path: path.into(), content: None }
    }

    pub fn post(path: impl Into<String>) -> Self {
        Self { method: Method::POST, path: path.into(), content: None }
    }

    pub fn put(path: impl Into<String>) -> Self {
        Self { method: Method::PUT, path: path.into(), content: None }
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        let bytes = Bytes::from(body.to_string());
        Self { content: Some(Content { bytes, media: "application/json", gzip: false }), ..self }
    }

    /// Sets a file as the body, as a browser's form sends it, with the headers that protect against cross-site requests.
    #[must_use]
    pub fn file(self, name: &str, bytes: &[u8]) -> Self {
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             content-type: application/ndjson\r\n\r\n"
        );
        let end = format!("\r\n--{BOUNDARY}--\r\n");
        let bytes = Bytes::from([head.as_bytes(), bytes, end.as_bytes()].concat());
        Self { content: Some(Content { bytes, media: FORM, gzip: false }), ..self }
    }

    /// Sets a body of JSON lines, compressed if `gzip`.
    #[must_use]
    pub fn lines(self, bytes: Bytes, gzip: bool) -> Self {
        Self { content: Some(Content { bytes, media: "application/x-ndjson", gzip }), ..self }
    }
}
