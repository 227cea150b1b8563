//! Signing in with a token, which is exchanged for a session cookie, and signing out.

use anomal_access::clock;
use anomal_core::{Code, Error, Result};
use axum::{
    Extension, Form, Router,
    extract::{DefaultBodyLimit, Query, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{
    Access, Identity,
    address::Client,
    origin, page,
    refusal::{Refusal, add_headers, problem, status, wants_page},
    session::Sessions,
};

const PATH: &str = "/login";
pub(super) const SIGN_OUT: &str = "/logout";
/// The longest token, percent-encoded.
const MAX_FORM: usize = 64 << 10;

pub(super) fn routes(access: &Access) -> Router {
    Router::new()
        .route(PATH, get(show_form).post(sign_in))
        .route(SIGN_OUT, post(sign_out))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .with_state(access.clone())
}

#[derive(Deserialize)]
struct SignInQuery {
    #[serde(default)]
    next: String,
}

async fn show_form(State(access): State<Access>, Query(query): Query<SignInQuery>) -> Response {
    let next = origin::local_path(&query.next).unwrap_or("/");
    if access.is_open() {
        return see_other(next, None);
    }
    page::sign_in(StatusCode::OK, "", next, &access.hint())
}

/// The form of the sign-in page. Without `Debug`, so that no log shows the token.
#[derive(Deserialize)]
struct SignInForm {
    token: String,
    #[serde(default)]
    next: Option<String>,
}

async fn sign_in(
    State(access): State<Access>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    form: Result<Form<SignInForm>, FormRejection>,
) -> Response {
    let browser = wants_page(&Method::GET, &headers);
    let (token, next) = match form {
        Ok(Form(SignInForm { token, next })) => (token, next.unwrap_or_else(|| "/".to_owned())),
        // Only the status is logged: the rejection may quote the form.
        Err(rejection) => {
            tracing::debug!(status = %rejection.status(), "a form was refused");
            return problem(&invalid_form("the form needs the fields `token` and `next`"));
        }
    };
    let Some(next) = origin::local_path(&next) else {
        return problem(&invalid_form("`next` is not a path of this server"));
    };
    match start(&access, client, token.trim()).await {
        Ok(cookie) => see_other(next, Some(cookie)),
        Err(refusal) => {
            let error = &refusal.error;
            tracing::warn!(client = ?client.address, reason = error.reason, "a sign-in was refused");
            let mut response = if browser {
                page::sign_in(status(error.code), &error.message, next, &access.hint())
            } else {
                problem(error)
            };
            add_headers(&mut response, &refusal);
            response
        }
    }
}

async fn start(access: &Access, client: Client, token: &str) -> Result<HeaderValue, Refusal> {
    let Identity { principal, expires } = access.authenticate(token, client.address).await?;
    let cookie = access.0.sessions.start(&principal, expires, clock::now(), client.https)?;
    tracing::info!(client = ?client.address, who = %access.caller(principal, client.address), "signed in");
    Ok(cookie)
}

/// Removes the cookie from the browser. A copy of it stays valid until it expires.
async fn sign_out(Extension(client): Extension<Client>) -> Response {
    match Sessions::end(client.https) {
        Ok(cookie) => see_other(PATH, Some(cookie)),
        Err(error) => problem(&error),
    }
}

/// A redirect by GET.
fn see_other(path: &str, cookie: Option<HeaderValue>) -> Response {
    let Ok(location) = HeaderValue::from_str(path) else {
        return problem(&invalid_form("`next` is not a path of this server"));
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}

fn invalid_form(message: &str) -> Error {
    Error::new(Code::InvalidRequest, "FORM", message)
}
