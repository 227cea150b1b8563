//! The two pages of access: to sign in, and to be told no.
//!
//! What stands around them is the other pages' frame.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use crate::{
    pages::{self, Content, Markup},
    web,
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
    let page = Markup::of(&SignIn { message, next, hint }).and_then(|body| {
        let content = Content { title: "Sign in".to_owned(), bar: None, body };
        pages::render(&content, web::assets::addresses(), None)
    });
    match page {
        Ok(page) => {
            let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (status, headers, Html(page)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the page to sign in can't be written");
            status.into_response()
        }
    }
}

/// A page that says no, where signing in would not help.
pub(super) fn notice(status: StatusCode, message: &str) -> Response {
    web::failure(status, message, None)
}
