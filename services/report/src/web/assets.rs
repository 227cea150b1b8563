//! Style sheet, script and icon as HTTP answers.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::pages::layout::assets::{ICON, SCRIPT, STYLE, SUSPECTS, TIMELINE, paths};

/// Paths contain a hash of the content, so browsers may cache it for ever.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The asset at a path; none if there is none (any more).
pub fn answer(path: &str) -> Option<Response> {
    let paths = paths();
    if path == paths.style {
        Some(respond("text/css; charset=utf-8", IMMUTABLE, &STYLE))
    } else if path == paths.script {
        Some(respond("text/javascript; charset=utf-8", IMMUTABLE, SCRIPT))
    } else if path == paths.timeline {
        Some(respond("text/javascript; charset=utf-8", IMMUTABLE, TIMELINE))
    } else if path == paths.suspects {
        Some(respond("text/javascript; charset=utf-8", IMMUTABLE, SUSPECTS))
    } else {
        None
    }
}

/// The icon of the browser tab.
pub fn icon() -> Response {
    respond("image/svg+xml", "public, max-age=86400", ICON)
}

fn respond(content_type: &'static str, cache: &'static str, content: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, cache)]
        .map(|(name, value)| (name, HeaderValue::from_static(value)));
    (headers, content).into_response()
}
