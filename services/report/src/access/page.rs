//! The two pages of access: to sign in, and to be told no.
//!
//! [`whole`] and [`notice`] are the only places that know what stands around them.

use anomal_core::{Error, Result};
use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

#[derive(Template)]
#[template(path = "login.html")]
struct SignIn<'a> {
    message: &'a str,
    next: &'a str,
    hint: &'a str,
}

/// The page to sign in. `message` is what went wrong, if something did; `next` is where to go then; `hint` says
/// how to come by a token.
pub(super) fn sign_in(status: StatusCode, message: &str, next: &str, hint: &str) -> Response {
    let body = SignIn { message, next, hint }.render();
    let mut response = answer(status, "Sign in", body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[derive(Template)]
#[template(source = "<h1>{{ title }}</h1><p role=\"alert\">{{ message }}</p>", ext = "html")]
struct Notice<'a> {
    title: &'a str,
    message: &'a str,
}

/// A page that says no, where signing in would not help.
pub(super) fn notice(status: StatusCode, message: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Not possible");
    answer(status, title, Notice { title, message }.render())
}

fn answer(status: StatusCode, title: &str, body: askama::Result<String>) -> Response {
    let body = body.map_err(|error| Error::internal(error.to_string()));
    match body.and_then(|body| whole(title, &body)) {
        Ok(page) => (status, Html(page)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page of access can't be written");
            (status, title.to_owned()).into_response()
        }
    }
}

#[derive(Template)]
#[template(
    source = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
              content=\"width=device-width, initial-scale=1\">\n<title>{{ title }} – Anomal</title>\n</head>\n\
              <body>\n<main>\n{{ body|safe }}\n</main>\n</body>\n</html>\n",
    ext = "html"
)]
struct Whole<'a> {
    title: &'a str,
    /// Markup.
    body: &'a str,
}

fn whole(title: &str, body: &str) -> Result<String> {
    Whole { title, body }.render().map_err(|error| Error::internal(error.to_string()))
}
