//! The pages of access: the sign-in page and refusals.

use anomal_core::Result;
use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use crate::pages::{self, Content, Markup};

#[derive(Template)]
#[template(path = "login.html")]
struct SignIn<'a> {
    message: &'a str,
    next: &'a str,
    hint: &'a str,
}

/// The sign-in page. `message`: what went wrong, or empty; `next`: the path to open afterwards; `hint`: how to get
/// a token.
pub(super) fn sign_in(status: StatusCode, message: &str, next: &str, hint: &str) -> Response {
    let page = Markup::from_template(&SignIn { message, next, hint }).and_then(|body| {
        let content = Content { title: "Sign in".to_owned(), bar: None, body };
        pages::render(&content, None)
    });
    answer(status, page)
}

/// The page of a refusal that signing in would not change.
pub(super) fn failure(status: StatusCode, message: &str) -> Response {
    answer(status, pages::failure::render(status.as_u16(), message, None))
}

fn answer(status: StatusCode, page: Result<String>) -> Response {
    match page {
        Ok(page) => {
            let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (status, headers, Html(page)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "cannot render an access page");
            status.into_response()
        }
    }
}
