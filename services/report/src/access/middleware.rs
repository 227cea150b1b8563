//! The middleware of the pages: limits, origin checks, authentication.

use std::net::SocketAddr;

use anomal_access::{NO_TOKEN, bearer, clock, no_token};
use anomal_core::{Code, Error, Result};
use axum::{
    Router,
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, Uri, header, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};

use super::{
    Access, Caller, Principal, SessionUser,
    address::Client,
    headers, origin, page,
    refusal::{Refusal, add_headers, problem, status, wants_page},
    session::{Session, Sessions},
    sign_in,
};

/// The pages for authenticated callers, with the sign-in page. Only [`PUBLIC`] paths need no caller.
///
/// A handler takes its [`Caller`] as an argument or from [`Caller::current`], and checks its rights. Serve the router
/// by `into_make_service_with_connect_info::<SocketAddr>()`: limits identify clients by their address.
pub fn protect(access: &Access, pages: Router) -> Router {
    pages
        .layer(from_fn_with_state(access.clone(), authenticate))
        .merge(sign_in::routes(access))
        .layer(from_fn_with_state(access.clone(), guard))
}

/// The paths that the sign-in page needs; nothing of a report.
const PUBLIC: [&str; 2] = ["/assets/", "/favicon.svg"];

/// Limits and origin checks, before authentication.
async fn guard(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| peer.ip());
    let client = access.0.proxies.client(peer, request.headers());
    let mut response = match check_request(&access, client, &request) {
        Ok(()) => {
            request.extensions_mut().insert(client);
            next.run(request).await
        }
        Err(refusal) => RefusedRequest::new(&request, client).answer(&access, &refusal),
    };
    headers::set(response.headers_mut(), client.https);
    response
}

fn check_request(access: &Access, client: Client, request: &Request) -> Result<(), Refusal> {
    if access.is_open() {
        // Clients on this machine have no limits.
        origin::check_local(client.address, request.uri(), request.headers())?;
    } else {
        access.0.limits.request(client.address).map_err(|wait| {
            Refusal::rate_limited(
                "TOO_MANY_REQUESTS",
                wait,
                "too many requests came from this address",
            )
        })?;
    }
    Ok(origin::check(request.method(), request.uri(), request.headers())?)
}

/// Finds the caller, or refuses the request with the sign-in page.
async fn authenticate(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if PUBLIC.iter().any(|public| path.starts_with(public)) {
        return next.run(request).await;
    }
    let Some(client) = request.extensions().get::<Client>().copied() else {
        return problem(&Error::internal("the access middleware is wired wrongly"));
    };
    match caller(&access, client, request.headers()).await {
        Ok((caller, user)) => {
            if let Some(user) = user {
                request.extensions_mut().insert(user);
            }
            request.extensions_mut().insert(caller.clone());
            caller.scope(next.run(request)).await
        }
        Err(refusal) => {
            let refused = RefusedRequest::new(&request, client);
            let mut response = refused.answer(&access, &refusal);
            // The browser drops a cookie whose session has ended.
            if refusal.error.reason == SESSION_OVER
                && let Ok(end) = Sessions::end(client.https)
            {
                response.headers_mut().append(header::SET_COOKIE, end);
            }
            response
        }
    }
}

const SESSION_OVER: &str = "SESSION_OVER";

/// The caller by the token in the request, or else by the session. A session comes with its user.
async fn caller(
    access: &Access,
    client: Client,
    headers: &HeaderMap,
) -> Result<(Caller, Option<SessionUser>), Refusal> {
    if access.is_open() {
        return Ok((access.caller(Principal::Anyone, client.address), None));
    }
    let sent = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if let Some(token) = sent.and_then(bearer) {
        let identity = access.authenticate(token, client.address).await?;
        return Ok((access.caller(identity.principal, client.address), None));
    }
    match access.0.sessions.read(headers, clock::now(), client.https) {
        Session::Active(principal) => {
            let caller = access.caller(principal, client.address);
            let user = SessionUser { name: caller.to_string(), sign_out: sign_in::SIGN_OUT };
            Ok((caller, Some(user)))
        }
        Session::Missing => Err(no_token().into()),
        Session::Ended => {
            let message = "your session has ended: sign in again";
            Err(Error::new(Code::Unauthenticated, SESSION_OVER, message).into())
        }
    }
}

/// The parts of a refused request that the answer and the log need.
pub(super) struct RefusedRequest {
    method: Method,
    uri: Uri,
    page: bool,
    client: Client,
}

impl RefusedRequest {
    fn new(request: &Request, client: Client) -> Self {
        let page = wants_page(request.method(), request.headers());
        Self { method: request.method().clone(), uri: request.uri().clone(), page, client }
    }

    fn answer(&self, access: &Access, refusal: &Refusal) -> Response {
        let Refusal { error, .. } = refusal;
        tracing::warn!(
            client = ?self.client.address, method = %self.method, path = self.uri.path(), reason = error.reason,
            "a request was refused"
        );
        let mut response = if self.page { self.page(access, error) } else { problem(error) };
        add_headers(&mut response, refusal);
        response
    }

    fn page(&self, access: &Access, error: &Error) -> Response {
        if error.code != Code::Unauthenticated {
            return page::failure(status(error.code), &error.message);
        }
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let message = if error.reason == NO_TOKEN { "" } else { &error.message };
        let next = origin::local_path(path).unwrap_or("/");
        page::sign_in(status(error.code), message, next, &access.hint())
    }
}

/// The caller, for handlers. Rejected if the middleware did not run.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| {
            let mut response = problem(&no_token()).into_response();
            add_headers(&mut response, &no_token().into());
            response
        })
    }
}
