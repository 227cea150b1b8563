//! Pages as answers.

use anomal_core::{Error, Result};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::assets;
use crate::{
    access::SignedIn,
    pages::{self, Content},
};

/// The page, or "not modified" for who has it already. Reports do not change, but pages may with the
/// program, and who may read them with time: browsers ask each time, and get nothing new.
pub fn page(
    content: &Content,
    signed_in: Option<&SignedIn>,
    asked: &HeaderMap,
) -> Result<Response> {
    let html = pages::render(content, assets::addresses(), signed_in)?;
    // Weak: what is sent may be compressed.
    let tag = format!("W/\"{}\"", assets::fingerprint(&html, 12));
    let known = asked.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        value.to_str().is_ok_and(|value| value.split(',').any(|one| one.trim() == tag))
    });
    let mut headers = private();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(if known {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else {
        (headers, html).into_response()
    })
}

fn private() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, html);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers
}

/// A page that says what is wrong and what to do. For what guards the pages too.
pub fn failure(status: StatusCode, message: &str, signed_in: Option<&SignedIn>) -> Response {
    let page = pages::failure::page(status.as_u16(), message)
        .and_then(|content| pages::render(&content, assets::addresses(), signed_in));
    match page {
        Ok(html) => (status, private(), html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page that tells of a failure could not be made");
            status.into_response()
        }
    }
}

/// As [`failure`]; what is a defect of ours goes to the log.
pub fn error(error: &Error, signed_in: Option<&SignedIn>) -> Response {
    let status = StatusCode::from_u16(pages::failure::status(error.code))
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_server_error() {
        tracing::error!(%error, code = ?error.code, "a page could not be made");
    }
    failure(status, &error.message, signed_in)
}
