//! Style sheet, script and picture: in the program, named after what is in them.

use std::sync::LazyLock;

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::{charts, pages::frame::Assets};

const RULES: &str = include_str!("../../assets/report.css");
/// Of pages and of the file.
pub const SCRIPT: &str = include_str!("../../assets/report.js");
pub const PICTURE: &str = include_str!("../../assets/favicon.svg");

/// The whole style sheet: the themes, the pages' rules, the charts' rules.
pub static STYLE: LazyLock<String> = LazyLock::new(|| {
    let dark = format!("{}{}", charts::DARK, DARK);
    format!(
        ":root{{color-scheme:light;{}{LIGHT}}}\n\
         :root[data-theme=dark]{{color-scheme:dark;{dark}}}\n\
         @media screen and (prefers-color-scheme:dark){{\
         :root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n\
         @media print{{:root,:root[data-theme=dark]{{color-scheme:light;{}{LIGHT}}}}}\n\
         {RULES}\n{}\n",
        charts::LIGHT,
        charts::LIGHT,
        charts::THEMED,
    )
});

/// Colours of the pages beside those of the charts.
const LIGHT: &str = "--page:#f4f6f7;--link:#0b5d52;--link-soft:#e3efec;--strong:#aab3bd;\
                     --found:#b81525;--found-soft:#fbeaeb;--high:#b01322;--high-soft:#fbe9ea;\
                     --medium:#8a4b00;--medium-soft:#fbf0df;--low:#2b5f93;--low-soft:#e7eff8;\
                     --none-soft:#eceff2;--row:#f7f9fa;";
const DARK: &str = "--page:#0e1013;--link:#8fe3cf;--link-soft:#14312c;--strong:#4a535f;\
                    --found:#ff8a82;--found-soft:#3a1a1c;--high:#ff8f88;--high-soft:#3b1b1d;\
                    --medium:#f3b860;--medium-soft:#352713;--low:#8fbdf0;--low-soft:#17283b;\
                    --none-soft:#262c34;--row:#1a1e24;";

struct Names {
    style: String,
    script: String,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| Names {
    style: format!("/assets/report-{}.css", fingerprint(&STYLE, 8)),
    script: format!("/assets/report-{}.js", fingerprint(SCRIPT, 8)),
});

/// The first bytes of a hash, as text.
pub fn fingerprint(content: &str, bytes: usize) -> String {
    let hash = Sha256::digest(content);
    HEXLOWER.encode(&hash[..bytes.min(hash.len())])
}

/// Their addresses.
pub fn addresses() -> Assets<'static> {
    Assets { style: &NAMES.style, script: &NAMES.script }
}

/// An asset by its address; none: there is no such asset (any more).
pub fn answer(path: &str) -> Option<Response> {
    if path == NAMES.style {
        Some(forever("text/css; charset=utf-8", &STYLE))
    } else if path == NAMES.script {
        Some(forever("text/javascript; charset=utf-8", SCRIPT))
    } else {
        None
    }
}

/// The picture in the tab.
pub fn favicon() -> Response {
    let mut answer = forever("image/svg+xml", PICTURE);
    let value = HeaderValue::from_static("public, max-age=86400");
    answer.headers_mut().insert(header::CACHE_CONTROL, value);
    answer
}

fn forever(kind: &'static str, content: &'static str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let cache = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, cache);
    (StatusCode::OK, headers, content).into_response()
}
