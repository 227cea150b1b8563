//! Pages as HTTP answers.

use anomal_core::{Error, Result};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    access,
    pages::{self, Content, SessionUser, layout::assets::fingerprint},
};

/// The page, or "not modified" if the browser has it. Reports never change, but the program and the rights of readers
/// may: browsers revalidate each time.
pub fn page(
    content: &Content,
    user: Option<&SessionUser>,
    request: &HeaderMap,
) -> Result<Response> {
    let html = pages::render(content, user)?;
    // Weak, since the answer may be compressed.
    let tag = format!("W/\"{}\"", fingerprint(&html, 12));
    let unchanged = request.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        value.to_str().is_ok_and(|value| value.split(',').any(|other| other.trim() == tag))
    });
    let mut headers = html_headers();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(if unchanged {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else {
        (headers, html).into_response()
    })
}

fn html_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, html);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers
}

/// An error page.
pub fn failure(status: StatusCode, message: &str, user: Option<&SessionUser>) -> Response {
    match pages::failure::render(status.as_u16(), message, user) {
        Ok(html) => (status, html_headers(), html).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot render an error page");
            status.into_response()
        }
    }
}

/// The error page of an error; server errors are logged.
pub fn error(error: &Error, user: Option<&SessionUser>) -> Response {
    let status = access::status(error.code);
    if status.is_server_error() {
        tracing::error!(%error, code = ?error.code, "cannot render a page");
    }
    failure(status, &error.message, user)
}
