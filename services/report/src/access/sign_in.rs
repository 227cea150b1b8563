//! The sign-in page: a token once, then a cookie.

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
    Access,
    address::Client,
    origin, page,
    refusal::{Refusal, complete, problem, status, wants_page},
    session::Sessions,
};

const PATH: &str = "/login";
pub(super) const SIGN_OUT: &str = "/logout";
/// The longest token, written with escapes.
const LARGEST_FORM: usize = 64 << 10;

pub(super) fn routes(access: &Access) -> Router {
    Router::new()
        .route(PATH, get(show).post(sign_in))
        .route(SIGN_OUT, post(sign_out))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .with_state(access.clone())
}

#[derive(Deserialize)]
struct Where {
    #[serde(default)]
    next: String,
}

async fn show(State(access): State<Access>, Query(wanted): Query<Where>) -> Response {
    let next = origin::local_path(&wanted.next).unwrap_or("/");
    if access.is_open() {
        return found(next, None);
    }
    page::sign_in(StatusCode::OK, "", next, &access.hint())
}

/// A form of [`PATH`]. The token is not shown by `Debug`, for it has none.
#[derive(Deserialize)]
struct Filled {
    token: String,
    #[serde(default)]
    next: Option<String>,
}

async fn sign_in(
    State(access): State<Access>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    form: Result<Form<Filled>, FormRejection>,
) -> Response {
    let people = wants_page(&Method::GET, &headers);
    let (token, next) = match form {
        Ok(Form(Filled { token, next })) => (token, next.unwrap_or_else(|| "/".to_owned())),
        // What it says is about the form's shape, and may not hold what was in it.
        Err(rejection) => {
            tracing::debug!(status = %rejection.status(), "a form was refused");
            return problem(&bad("the form has the fields `token` and `next`"));
        }
    };
    let Some(next) = origin::local_path(&next) else {
        return problem(&bad("`next` is not a path of this server"));
    };
    match start(&access, client, token.trim()).await {
        Ok(cookie) => found(next, Some(cookie)),
        Err(refusal) => {
            let error = &refusal.error;
            tracing::warn!(client = ?client.address, reason = error.reason, "a sign-in was refused");
            let mut response = if people {
                page::sign_in(status(error.code), &error.message, next, &access.hint())
            } else {
                problem(error)
            };
            complete(&mut response, &refusal);
            response
        }
    }
}

async fn start(access: &Access, client: Client, token: &str) -> Result<HeaderValue, Refusal> {
    let known = access.by_token(token, client.address).await?;
    let cookie = access.0.sessions.start(&known.who, known.ends, clock::now(), client.https)?;
    tracing::info!(client = ?client.address, who = %access.caller(known.who), "signed in");
    Ok(cookie)
}

/// The browser forgets the cookie. Who has copied it may use it until it ends by itself.
async fn sign_out(Extension(client): Extension<Client>) -> Response {
    match Sessions::end(client.https) {
        Ok(cookie) => found(PATH, Some(cookie)),
        Err(error) => problem(&error),
    }
}

/// See there, by GET.
fn found(path: &str, cookie: Option<HeaderValue>) -> Response {
    let Ok(location) = HeaderValue::from_str(path) else {
        return problem(&bad("`next` is not a path of this server"));
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

fn bad(message: &str) -> Error {
    Error::new(Code::InvalidRequest, "FORM", message)
}
